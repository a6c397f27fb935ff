package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/smartrestart"
)

// Question is what `bounce decide` is asked: which actions a set of changed
// paths calls for. It is answered without an agent and without services.
type Question struct {
	// Dir is the working directory, absolute: paths are relative to it.
	Dir string
	// Rules is the file of rules; "" looks for restart-rules.yaml in Dir, then
	// for the project's bounce.yaml.
	Rules string
	// Roots are the import roots, "auto" among them to find them; none leaves
	// imports out.
	Roots []string
	// Input lists the changed files: lines as Python's str.splitlines has them,
	// or, with Null, what NUL bytes end.
	Input string
	Null  bool
	// Git, if set, is A..B or A: the changed files are asked of git, and imports
	// count, from Roots or else from those that are found.
	Git string
	// Why has the reasons filled in. They are left out otherwise: a changed
	// library has thousands, each with a chain of imports.
	Why bool
	// Compat decides as smart-restart does, its mistakes included. Roots are
	// directories then, and the last one counts; Git is not looked at. The text
	// of an error is what smart-restart prints behind "ERROR: ".
	Compat bool
}

// Decision is the answer to a [Question].
type Decision struct {
	decider.Firing
	// Rules is the file that the rules come from, as it was named.
	Rules string `json:"rules"`
	// Remarks are for people: what could not be looked at, and what the
	// classifier had to say.
	Remarks []string `json:"-"`
}

// Reason is why an action is called for.
type Reason = decider.Reason

// What stands for a pattern in reasons that are no rule's.
const (
	FallbackRule   = decider.FallbackRule
	ClassifierRule = decider.ClassifierRule
)

// RulesError says that the rules are missing or wrong.
type RulesError struct{ Err error }

func (e *RulesError) Error() string { return e.Err.Error() }
func (e *RulesError) Unwrap() error { return e.Err }

// Decide answers q.
func Decide(ctx context.Context, q Question) (Decision, error) {
	if q.Compat {
		c := q.compat()
		f, err := smartrestart.Decide(c)
		return Decision{Firing: f, Rules: c.Rules}, err
	}
	p, err := q.plan()
	if err != nil {
		return Decision{}, &RulesError{err}
	}
	d := Decision{Rules: p.rules}
	changed, err := p.changed(ctx)
	if err != nil {
		return d, err
	}
	d.Remarks = changed.remarks
	expand, err := p.expand(ctx, changed)
	if err != nil {
		return d, err
	}
	fired := p.config.DecideBy().Fire(changed.paths, expand)
	fired, remarks := p.classify(ctx, changed, fired, expand)
	d.Firing, d.Remarks = fired, append(d.Remarks, remarks...)
	if q.Why {
		changed.explain(&d.Firing)
	} else {
		for i := range d.Actions {
			d.Actions[i].Reasons = nil
		}
		d.Silent = nil
	}
	return d, nil
}

// compat is q for smart-restart.
func (q Question) compat() smartrestart.Question {
	c := smartrestart.Question{Dir: q.Dir, Rules: q.Rules, Paths: decider.SplitLines(q.Input)}
	if c.Rules == "" {
		c.Rules = rulesFile
	}
	if n := len(q.Roots); n > 0 {
		c.Root, c.Rooted = q.Roots[n-1], true
	}
	return c
}

// inquiry is a question with its rules.
type inquiry struct {
	Question
	config *configs.Config
	rules  string
	// base is the directory that paths are named from, absolute. It is Dir, as
	// for smart-restart; but what git says of a project that Dir is part of is
	// named as the project's rules name it.
	base string
}

// rulesFile is smart-restart's name for its file of rules.
const rulesFile = "restart-rules.yaml"

// plan finds the rules.
func (q Question) plan() (inquiry, error) {
	p := inquiry{Question: q, rules: q.Rules, base: q.Dir}
	if p.rules == "" {
		if _, err := os.Stat(filepath.Join(q.Dir, rulesFile)); err == nil {
			p.rules = rulesFile
		}
	}
	if p.rules == "" {
		found, err := configs.Find(q.Dir)
		if err != nil {
			return p, err
		}
		if found.File == "" {
			return p, fmt.Errorf("no rules: there is neither %s here nor a bounce.yaml here or above; name a file with --rules", rulesFile)
		}
		p.rules = filepath.FromSlash(relative(q.Dir, found.File))
		if q.Git != "" {
			p.base = found.Dir
		}
	}
	var err error
	p.config, err = configs.Load(p.rules)
	return p, err
}

// classify asks the classifier, if there is one, about the files that no rule
// matched, and returns what is decided then: by its answer, or by the fallback
// when there is none, which is remarked on.
func (q inquiry) classify(ctx context.Context, c changed, f decider.Firing, expand decider.Expand) (decider.Firing, []string) {
	var told []string
	a := newAsker(q.config, func(line string) { told = append(told, "classifier: "+line) })
	if a == nil || len(f.Unmatched) == 0 {
		return f, nil
	}
	state := []string{c.from, c.to}
	if c.to == "" {
		state = append(state, contents(q.base, f.Unmatched)...)
	}
	answer, err := a.ask(ctx, f.Unmatched, state)
	if err != nil {
		return f, append(told, "the classifier gives no answer, so the fallback counts: "+err.Error())
	}
	if answer.Reason != "" {
		told = append(told, "classifier: "+answer.Reason)
	}
	return q.config.DecideBy().Answered(answer.Actions).Fire(c.paths, expand), told
}
