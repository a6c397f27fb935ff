package agent

import (
	"fmt"
	"strings"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
)

// What the packages say, in the words of the control socket.

func eventOf(e runner.Event) control.Event {
	out := control.Event{
		Time:       e.Time,
		Kind:       string(e.Kind),
		Service:    e.Service,
		Action:     e.Action,
		Group:      e.Group,
		Unit:       e.Unit,
		UnitState:  e.UnitState,
		Generation: e.Generation,
		Cause:      causeOf(e),
		PID:        e.PID,
		Attempt:    e.Attempt,
		WaitS:      e.Wait.Seconds(),
		Text:       e.What,
		Count:      e.Count,
		Signal:     e.Signal,
		Lines:      e.Tail,
		Hold:       holdOf(e.Hold),
	}
	if e.Exit != nil {
		out.Signal = e.Exit.Signal
		if e.Exit.Signal == "" {
			out.ExitCode = &e.Exit.Code
		}
	}
	return out
}

// causeOf says who wanted a generation and for what.
func causeOf(e runner.Event) string {
	switch why := words(e.Reasons, 0); {
	case e.Cause == "":
		return why
	case why == "":
		return string(e.Cause)
	default:
		return fmt.Sprintf("%s: %s", e.Cause, why)
	}
}

func lineOf(l runner.Line) control.Line {
	return control.Line{
		Time: l.Time, Service: l.Service, Action: l.Action, Generation: l.Generation,
		Stream: string(l.Stream), Text: l.Text, Split: l.Split,
	}
}

func statusOf(s runner.Status) control.Service {
	var units []control.Unit
	for _, u := range s.Units {
		units = append(units, control.Unit{Name: u.Name, State: u.State, Since: u.Since, Says: u.Says, Stalled: u.Stalled})
	}
	return control.Service{
		Name:       s.Name,
		State:      string(s.State),
		Intent:     string(s.Intent),
		Health:     string(s.Health),
		PID:        s.PID,
		Generation: s.Generation,
		Started:    s.Started,
		UptimeS:    s.UptimeS,
		Stale:      s.Stale,
		Restarts:   control.Restarts{Change: s.Restarts.Change, Crash: s.Restarts.Crash, Operator: s.Restarts.Operator},
		Reason:     oneLine(s.Reason),
		Says:       s.Says,
		Start:      oneLine(s.Start),
		Listen:     s.Listen,
		Next:       nextOf(s.Next),
		Apart:      oneLine(s.Apart),
		Units:      units,
		Hold:       holdOf(s.Hold),
	}
}

func nextOf(n *runner.Successor) *control.Next {
	if n == nil {
		return nil
	}
	return &control.Next{Generation: n.Generation, State: string(n.State), PID: n.PID}
}

func groupsOf(groups []runner.GroupStatus) []control.Group {
	var out []control.Group
	for _, g := range groups {
		out = append(out, control.Group{
			Name: g.Name, Strategy: string(g.Strategy), Members: g.Members, Parent: g.Parent, State: g.State,
			Restarts: g.Restarts, Budget: g.Budget.Restarts, WindowS: g.Budget.Window.Seconds(), Reason: oneLine(g.Reason),
		})
	}
	return out
}

// oneLine is how words are told: errors that were joined have a line each, and
// whoever shows it takes the end of a line for a character of a name.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

func holdOf(h *decider.Hold) *control.Hold {
	if h == nil {
		return nil
	}
	return &control.Hold{Kind: h.Kind, Service: h.Service, Action: h.Action, What: oneLine(h.What), Path: h.Path, Line: h.Line, EndsWhen: h.EndsWhen}
}

func chainOf(chain []decider.Link) []control.Link {
	out := make([]control.Link, len(chain))
	for i, l := range chain {
		out[i] = control.Link{From: l.From, Line: l.Line, To: l.To}
	}
	return out
}
