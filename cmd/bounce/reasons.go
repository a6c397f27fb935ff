package main

import (
	"fmt"
	"io"

	"bounce/internal/agent"
)

// mostReasons is how many reasons of an action are told: a change of a library
// can reach thousands of files that one rule matches.
const mostReasons = 20

// tellReasons writes why each action is called for, and why other files call
// for none: the changed file, the imports that lead from it to the file that
// the rule matched, and the rule.
//
//	restart_api, order 20
//	  src/lib/money.py changed
//	    src/api/views.py:3 imports src/lib/money.py
//	    src/api/views.py matches "src/api/**" (restart-rules.yaml:7)
//	README.md changed: "**/*.md" asks for nothing (restart-rules.yaml:9)
//	notes.txt matches no rule
func tellReasons(w io.Writer, d agent.Decision) {
	for _, a := range d.Actions {
		tell(w, "%s, order %d", a.Name, a.Order)
		for _, r := range a.Reasons[:min(mostReasons, len(a.Reasons))] {
			tellReason(w, d, r)
		}
		if more := len(a.Reasons) - mostReasons; more > 0 {
			tell(w, "  and %d more; --format json has them all", more)
		}
	}
	for i, r := range d.Silent {
		if i == mostReasons {
			tell(w, "and %d more files of which nothing is asked", len(d.Silent)-i)
			break
		}
		tell(w, "%s: %q asks for nothing%s", matched(r), r.Rule, place(d, r))
	}
	for _, path := range d.Unmatched {
		tell(w, "%s matches no rule", path)
	}
	switch {
	case len(d.Unmatched) == 0 || d.FallbackApplied:
	case d.Classified:
		fmt.Fprintln(w, "the classifier was asked about these")
	default:
		fmt.Fprintln(w, "the fallback is none")
	}
}

func tellReason(w io.Writer, d agent.Decision, r agent.Reason) {
	change := r.Change
	if change == "" {
		change = "changed"
	}
	tell(w, "  %s %s", r.Path, change)
	for _, l := range r.Chain {
		tell(w, "    %s:%d imports %s", l.From, l.Line, l.To)
	}
	switch r.Rule {
	case agent.FallbackRule:
		tell(w, "    %s matches no rule: the fallback", matched(r))
	case agent.ClassifierRule:
		tell(w, "    %s matches no rule: the classifier", matched(r))
	default:
		tell(w, "    %s matches %q%s", matched(r), r.Rule, place(d, r))
	}
}

// matched is the file that the rule matched.
func matched(r agent.Reason) string {
	if len(r.Chain) > 0 {
		return r.Chain[0].From
	}
	return r.Path
}

// place is where the rule stands.
func place(d agent.Decision, r agent.Reason) string {
	if r.RuleLine == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", d.Rules, r.RuleLine)
}
