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
	// Order ranks actions, lowest first; equal orders go by name, compared by
	// code point. Configurations that leave it out mean 100; 0 is an order
	// like any other.
	Order int
	// Restart names the services the action restarts, after its command.
	Restart []string
	// Signal has the services that the action sends a signal, after its
	// command, and the names of the signals, without SIG.
	Signal map[string]string
	// Command says that the action runs a command, which the runner knows.
	Command bool
}

// Fallback says what happens when a file matched no rule.
type Fallback struct {
	// All fires every declared action; Actions fires these. Neither: none. An
	// empty list that is not nil is applied and fires nothing.
	All     bool
	Actions []string
	// Answer says that Actions are what a classifier asked for, in place of
	// the fallback that the rules have.
	Answer bool
}

// What stands for the pattern of a rule in the reasons of actions that the
// fallback fired, or that a classifier asked for.
const (
	FallbackRule   = "fallback"
	ClassifierRule = "classifier"
)

// Answered returns the rules with what a classifier says of the files that no
// rule matches in place of the fallback.
func (r Rules) Answered(actions []string) Rules {
	r.Fallback = Fallback{Actions: append([]string{}, actions...), Answer: true}
	return r
}

// Match returns the first rule that matches path. An empty pattern matches
// nothing.
func (r Rules) Match(path string) (Rule, bool) {
	for _, rule := range r.Rules {
		if rule.Pattern != "" && Match(rule.Pattern, path) {
			return rule, true
		}
	}
	return Rule{}, false
}

// matcher finds the first rule for many paths. Owned by one call.
type matcher struct {
	rules []Rule
	globs []glob
	// candidates remembers, by the ends of a path, the rules whose literal
	// ends do not rule it out: most of 500 rules are about other directories
	// or other kinds of file, and need not be looked at for each of them.
	candidates map[ends][]int
}

// ends are the first and the last bytes of a path.
type ends struct{ head, tail string }

const (
	headBytes = 8
	tailBytes = 3
)

func newMatcher(rules []Rule) matcher {
	m := matcher{rules, make([]glob, len(rules)), make(map[ends][]int)}
	for i, rule := range rules {
		m.globs[i] = compile(rule.Pattern)
	}
	return m
}

// first returns the first rule that matches path, nil for none.
func (m matcher) first(path string) *Rule {
	key := ends{path[:min(headBytes, len(path))], path[max(0, len(path)-tailBytes):]}
	candidates, ok := m.candidates[key]
	if !ok {
		for i := range m.globs {
			if m.rules[i].Pattern != "" && m.globs[i].admits(key) {
				candidates = append(candidates, i)
			}
		}
		m.candidates[key] = candidates
	}
	for _, i := range candidates {
		if m.globs[i].match(path) {
			return &m.rules[i]
		}
	}
	return nil
}
