package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bounce/internal/control"
)

// plan is what the demo reads of a "plan" event.
type plan struct {
	Steps []struct {
		Kind    string   `json:"kind"`
		Name    string   `json:"name"`
		Reasons []reason `json:"reasons"`
		More    int      `json:"more"` // that the event leaves out
	} `json:"steps"`
	Left []struct {
		Service string `json:"service"`
		Why     string `json:"why"`
	} `json:"left"`
}

// reason is why a service restarts: what changed and the imports that lead
// there.
type reason struct {
	Path   string         `json:"path"`
	Change string         `json:"change"`
	Chain  []control.Link `json:"chain"`
	Rule   string         `json:"rule"`
}

// batch is what the demo reads of a "batch" event.
type batch struct {
	number uint64
	cause  string
	count  int
	paths  []string
}

// observation is what the agent says of an edit: its events in between, and
// its services before and after.
type observation struct {
	batches  []batch
	services []serviceChange // in the agent's order
}

// serviceChange is what became of one service.
type serviceChange struct {
	before, after control.Service
	// reasons are those of all plans that wanted a restart.
	reasons []reason
	more    int // reasons that the events left out
	// left says why the last plan left it alone.
	left string
	// started is when the newest process was started.
	started time.Time
}

func (c serviceChange) name() string { return c.after.Name }

// restarted reports whether it is another process than before.
func (c serviceChange) restarted() bool { return pid(c.before) != pid(c.after) }

// pid returns the process of a service, 0 for none.
func pid(s control.Service) int {
	if s.PID == nil {
		return 0
	}
	return *s.PID
}

// observe puts together what the agent says. An event that cannot be read is
// an error: the demo shows nothing it does not understand.
func observe(before, after []control.Service, events []control.Event) (observation, error) {
	var o observation
	changes := map[string]*serviceChange{}
	for _, s := range after {
		c := &serviceChange{after: s}
		if i := slices.IndexFunc(before, func(b control.Service) bool { return b.Name == s.Name }); i >= 0 {
			c.before = before[i]
		}
		changes[s.Name] = c
	}
	for _, e := range events {
		switch e.Kind {
		case "batch":
			o.batches = append(o.batches, batch{number: e.Batch, cause: e.Cause, count: e.Count, paths: e.Paths})
		case "plan":
			var p plan
			if err := json.Unmarshal(e.Plan, &p); err != nil {
				return o, fmt.Errorf("cannot read the plan of event %d: %w", e.Seq, err)
			}
			for _, s := range p.Steps {
				if c := changes[s.Name]; c != nil && s.Kind == "restart" {
					c.reasons = append(c.reasons, s.Reasons...)
					c.more += s.More
				}
			}
			for _, l := range p.Left {
				if c := changes[l.Service]; c != nil {
					c.left = l.Why
				}
			}
		case "started":
			if c := changes[e.Service]; c != nil {
				c.started = e.Time
			}
		}
	}
	for _, s := range after {
		o.services = append(o.services, *changes[s.Name])
	}
	return o, nil
}

// judge compares what the agent says with what must come of a step, and
// returns every difference.
func judge(s step, o observation) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(o.batches) == 0 {
		complain("the agent did not see the edit")
	}
	for _, name := range slices.Concat(s.restarts, s.holds) {
		if !slices.ContainsFunc(o.services, func(c serviceChange) bool { return c.name() == name }) {
			complain("%s is not among the services", name)
		}
	}
	for _, c := range o.services {
		wanted, held := slices.Contains(s.restarts, c.name()), slices.Contains(s.holds, c.name())
		switch {
		case wanted && !c.restarted():
			complain("%s should have restarted, and is still pid %d", c.name(), pid(c.after))
		case !wanted && c.restarted():
			complain("%s should have been left alone, and went from pid %d to %d", c.name(), pid(c.before), pid(c.after))
		case wanted && c.after.Generation != c.before.Generation+1:
			complain("%s should have restarted once, and went from generation %d to %d", c.name(), c.before.Generation, c.after.Generation)
		case wanted && !explained(c, s.changed):
			complain("%s restarted, and %s is not given as the reason", c.name(), s.changed)
		}
		switch {
		case held && c.after.Hold == nil:
			complain("%s should wait, and does not", c.name())
		case held && s.changed != c.after.Hold.Path:
			complain("%s should wait for %s, and waits for %q", c.name(), s.changed, c.after.Hold.Path)
		case !held && c.after.Hold != nil:
			complain("%s waits: %s", c.name(), c.after.Hold.What)
		case !held && c.after.Stale:
			complain("%s does not run what is on disk", c.name())
		}
		if !c.after.AtTarget() && !held {
			complain("%s is %s", c.name(), c.after.State)
		}
	}
	return wrong
}

// explained reports whether a reason of a restart names the file, and the
// imports of the reason lead there.
func explained(c serviceChange, path string) bool {
	return slices.ContainsFunc(c.reasons, func(r reason) bool {
		if path != "" && r.Path != path {
			return false
		}
		for i, link := range r.Chain {
			if i > 0 && r.Chain[i-1].To != link.From {
				return false
			}
		}
		return len(r.Chain) == 0 || r.Chain[len(r.Chain)-1].To == r.Path
	})
}
