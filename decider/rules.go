package decider

// Rules map changed and reached files to actions, as smart-restart does.
type Rules struct {
	Rules []Rule
	// Actions holds the declared actions by name.
	Actions map[string]Action
	// Fallback is applied once per run when a file matched no rule.
	Fallback Fallback
}

// Rule names the actions of the files that match Pattern. The first rule that
// matches a file wins; an empty list of actions says "nothing to do".
type Rule struct {
	Pattern string
	Actions []string
	// Line is where the rule stands in its file, from 1; 0 when unknown.
	Line int
}

// Action is something to do, by name and order.
type Action struct {
	Name string
	// Order ranks actions, lowest first; equal orders go by name. Default 100.
	Order int
	// Restart names the services the action restarts, after its command.
	Restart []string
	// Command says that the action runs a command, which the runner knows.
	Command bool
}

// Fallback says what happens when a file matched no rule.
type Fallback struct {
	// All fires every declared action; Actions fires these. Neither: none.
	All     bool
	Actions []string
}
