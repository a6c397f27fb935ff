package decider

import "strings"

// Plan is a decision: what to do in which order and why, what waits for what,
// and what was left alone.
type Plan struct {
	// Batch is the number of the batch the plan answers; 0 for none.
	Batch uint64 `json:"batch"`
	// Cause is the batch's cause, in words.
	Cause string `json:"cause,omitempty"`
	// Steps are sorted by (Order, Name); actions come before services of the
	// same order. Each action and each service is there once, a service that
	// gets several signals once for each.
	Steps []Step `json:"steps"`
	Holds []Hold `json:"holds"`
	Left  []Left `json:"left"`
	// Owed is all that rules asked for and that has not been done, whether a
	// step takes it up, a hold keeps it back or it is under way. It is the
	// [Input].Owed of the next decision, less what has been done by then. The
	// restart of a stale service is not owed: the service stays stale.
	Owed Debts `json:"owed,omitempty"`
	// Installed are the names of Input.Installed, sorted.
	Installed []string `json:"installed,omitempty"`
	// Unmatched are the changed paths that neither a rule nor a service took.
	Unmatched []string `json:"unmatched,omitempty"`
	// Ask has the paths among Unmatched that a classifier is to be asked about;
	// what it says is [Input].Answers of a later decision.
	Ask []string `json:"ask,omitempty"`
	// FallbackApplied says that Rules.Fallback fired: a file that changed, or
	// that imports one, matched no rule. With rules it goes by them alone, as
	// in the decide verb; without any rule, a path that a service took counts
	// as matched.
	FallbackApplied bool `json:"fallback_applied,omitempty"`
}

// StepKind tells what is done.
type StepKind string

const (
	RunAction      StepKind = "action"
	RestartService StepKind = "restart"
	SignalService  StepKind = "signal"
)

// Step is one thing to do.
type Step struct {
	Kind StepKind `json:"kind"`
	Name string   `json:"name"` // of the action or the service
	// Signal is what a service is sent, a name without SIG.
	Signal string `json:"signal,omitempty"`
	// Order is that of the action. The restart of a service has the order of
	// the last action that asks for it, so that it comes after all that is
	// ordered before it, and the service's own when no action asks.
	Order   int      `json:"order"`
	Reasons []Reason `json:"reasons"`
	// More counts reasons that were left out; Decide leaves out none.
	More int `json:"more,omitempty"`
}

// Reason is why a step is taken: a changed path, the chain of imports that
// leads to it, and the rule that asked for the step.
type Reason struct {
	// Path is what changed.
	Path string `json:"path,omitempty"`
	// Package is what changed where it is an installed distribution, Old and
	// New its versions: "" where it is not installed, or not loaded.
	Package string `json:"package,omitempty"`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	// Change is what became of Path: "created", "modified", "deleted", or when
	// the batch does not say that the file came or went, "reached" and
	// "unreached": the service can load what it could not before, or no
	// longer. For a reason without a path or package it is what the reason is
	// about:
	// "environment", "command", "operator", or [Started]. It is empty where all
	// that is known is that Path changed.
	Change string `json:"change,omitempty"`
	// Chain leads from an entry of the service, or from the file that the rule
	// matched, to Path; empty when Path is that file itself. For a package see
	// [Graph].Needs.
	Chain []Link `json:"chain,omitempty"`
	// Rule is the pattern of the rule or of Service.Watch, [FallbackRule] for
	// the fallback, "" for a service's own reach.
	Rule string `json:"rule,omitempty"`
	// RuleLine is where the rule stands in its file; 0 when unknown, and for
	// what stands in no list of rules.
	RuleLine int `json:"rule_line,omitempty"`
	// Action is what the rule named, where the step is the restart or signal
	// of a service that comes of it.
	Action string `json:"action,omitempty"`
}

// String says in a few words what changed: "shop/db.py modified",
// "requests 2.31.0 -> 2.32.0", "environment".
func (r Reason) String() string {
	switch {
	case r.Package == "" && r.Path != "":
		return strings.TrimSpace(r.Path + " " + r.Change)
	case r.Package == "":
		return r.Change
	case r.Change == "":
		return r.Package + " changed"
	case r.Change == created:
		return r.Package + " " + r.New + " installed"
	case r.Change == deleted:
		return r.Package + " " + r.Old + " removed"
	case r.Change != modified:
		return r.Package + " " + r.Change
	case r.Old == r.New:
		return r.Package + " " + r.New + " rebuilt"
	}
	return r.Package + " " + r.Old + " -> " + r.New
}

// Started is the Reason.Change of a service that is yet to be started.
const Started = "started"

// Link is one step of a chain: From imports To on Line. Line is 0 where From is
// no file.
type Link struct {
	From string `json:"from"`
	Line int    `json:"line"`
	To   string `json:"to"`
}

// Hold is a reason to wait. A hold names what ends it.
type Hold struct {
	// Kind is one of "syntax", "import" (of a module that is gone), "config",
	// "git", "paused", "action", "budget", "rollback" (of a rolling restart).
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
	// Reasons are those of the step that waits, More as in [Step].
	Reasons []Reason `json:"reasons,omitempty"`
	More    int      `json:"more,omitempty"`
}

// Left is a service that the plan leaves alone, and why.
type Left struct {
	Service string `json:"service"`
	// Why is one of "not reached", "same content" (the batch touched what it
	// loads, to no effect), "cosmetic" (in nothing but comments and layout,
	// and those do not count), "stopped by operator" and "not started" (its first
	// start is to come, and will load what is there then).
	Why string `json:"why"`
	// Reasons are the files of the batch, and of what was installed the
	// packages, that the service loads; More as in [Step].
	Reasons []Reason `json:"reasons,omitempty"`
	More    int      `json:"more,omitempty"`
}
