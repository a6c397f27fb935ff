package decider

// Plan is a decision: what to do in which order and why, what waits for what,
// and what was left alone.
type Plan struct {
	// Batch is the number of the batch the plan answers; 0 for none.
	Batch uint64 `json:"batch"`
	// Cause is the batch's cause, in words.
	Cause string `json:"cause,omitempty"`
	// Steps are sorted by (Order, Name); actions come before services of the
	// same order.
	Steps []Step `json:"steps"`
	Holds []Hold `json:"holds"`
	Left  []Left `json:"left"`
	// Unmatched are the changed paths that neither a rule nor a service took.
	Unmatched []string `json:"unmatched,omitempty"`
	// FallbackApplied says that Rules.Fallback fired.
	FallbackApplied bool `json:"fallback_applied,omitempty"`
}

// StepKind tells a command from the restart of a service.
type StepKind string

const (
	RunAction      StepKind = "action"
	RestartService StepKind = "restart"
)

// Step is one thing to do.
type Step struct {
	Kind    StepKind `json:"kind"`
	Name    string   `json:"name"` // of the action or the service
	Order   int      `json:"order"`
	Reasons []Reason `json:"reasons"`
}

// Reason is why a step is taken: a changed path, the chain of imports that
// leads to it, and the rule that asked for the step.
type Reason struct {
	Path string `json:"path,omitempty"`
	// Change is "created", "modified", "deleted", or for a reason without a
	// path what it is about: "environment", "command", "operator".
	Change string `json:"change"`
	Chain  []Link `json:"chain,omitempty"`
	// Rule is the pattern of the rule, "" for a service's own reach.
	Rule string `json:"rule,omitempty"`
}

// Link is one step of a chain: From imports To on Line.
type Link struct {
	From string `json:"from"`
	Line int    `json:"line"`
	To   string `json:"to"`
}

// Hold is a reason to wait. A hold names what ends it.
type Hold struct {
	// Kind is one of "syntax", "git", "paused", "action", "budget".
	Kind string `json:"kind"`
	// Service or Action is what waits; both empty: everything.
	Service string `json:"service,omitempty"`
	Action  string `json:"action,omitempty"`
	// What says it in words: "SyntaxError: '(' was never closed".
	What string `json:"what"`
	Path string `json:"path,omitempty"`
	Line int    `json:"line,omitempty"`
	// EndsWhen says what ends the hold: "shop/db.py compiles".
	EndsWhen string `json:"ends_when"`
}

// Left is a service that the plan leaves alone, and why.
type Left struct {
	Service string `json:"service"`
	// Why is one of "not reached", "same content", "stopped by operator".
	Why string `json:"why"`
}
