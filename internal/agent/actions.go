package agent

import (
	"context"
	"os"
	"slices"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
)

// What is owed, from the moment that a plan owes it until it has been done. The
// loop owns it; the runner's goroutines tell it what begins and what has ended.

// stepKey tells the steps of a plan apart.
type stepKey struct {
	kind         decider.StepKind
	name, signal string
}

func keyOf(s decider.Step) stepKey { return stepKey{s.Kind, s.Name, s.Signal} }

// beforeAction is called by the runner when it is an action's turn. What it
// runs for is settled here: a file that changes later asks for it again.
func (a *Agent) beforeAction(ctx context.Context, name string) (errand runner.Errand, err error) {
	if errand.Env, err = a.config().CommandEnv(name, os.Environ()); err != nil {
		return errand, err
	}
	var n uint64
	var m memory
	err = a.do(ctx, func(context.Context) {
		a.arrivals()
		paths, ok := a.owed.Begin(name, a.project().files)
		errand.Changed, errand.Moot = paths, !ok
		delete(a.failed, name)
		a.show()
		n, m = a.remember()
	})
	if err != nil {
		return errand, err
	}
	a.keep(n, m)
	return errand, nil
}

// afterAction is called by the runner when an action has run. What was written
// until then is decided on first: the run may have read it, or not.
func (a *Agent) afterAction(name string, failure error) {
	if !a.opts.Dry {
		// While git is at work nothing is known, and comes later.
		_ = a.flushed(context.Background())
		_ = a.installsSettled(context.Background(), true)
	}
	var n uint64
	var m memory
	err := a.do(context.Background(), func(context.Context) {
		a.arrivals()
		a.owed.End(name, failure == nil)
		if failure != nil {
			a.failed[name] = decider.Hold{
				Kind: "action", Action: name, What: failure.Error(),
				EndsWhen: "it succeeds: the next change, or 'bounce resume', tries again",
			}
		}
		a.show()
		n, m = a.remember()
	})
	if err == nil { // else the agent ends, and writes it down last of all
		a.keep(n, m)
	}
}

// arrivals takes note of the services that have started since the last call:
// they have what was asked of them until then.
func (a *Agent) arrivals() {
	for _, name := range a.generations.arrivals() {
		a.owed.Done(decider.Step{Kind: decider.RestartService, Name: name})
	}
}

// book takes note of what became of the steps of a plan.
func (a *Agent) book(ticket *runner.Ticket, steps []decider.Step) {
	a.arrivals()
	results := ticket.Results()
	for i, s := range steps {
		if s.Kind == decider.SignalService && results[i].Outcome == runner.Done {
			a.owed.Done(s)
			a.memorize(s.Name) // it has loaded what there is now
		}
		if results[i].Outcome == runner.Withheld {
			e := control.Event{Kind: "withheld", Service: s.Name, Text: results[i].Why}
			if s.Kind == decider.RunAction {
				e.Service, e.Action = "", s.Name
			}
			a.emit(e)
		}
		if a.asks[keyOf(s)] == ticket {
			delete(a.asks, keyOf(s))
			a.owed.Returned(s)
		}
	}
	a.show()
	if slices.ContainsFunc(steps, func(s decider.Step) bool { return s.Kind != decider.RunAction && a.keeps(s.Name) && byRule(s) }) {
		n, m := a.remember()
		a.wg.Go(func() { a.keep(n, m) })
	}
}

// byRule reports whether a rule has asked for a step.
func byRule(s decider.Step) bool {
	return slices.ContainsFunc(s.Reasons, func(r decider.Reason) bool { return r.Action != "" })
}

// holds are what the newest plan waits for, what the operator holds back, and
// what is owed. They do not change once shown.
type holds struct {
	agent    *decider.Hold
	services map[string]decider.Hold
	actions  []decider.Hold // of failed actions too
	owed     []control.Action
}

func (a *Agent) holds() *holds { return a.held.Load() }

// show publishes what is held and owed. It runs on the loop.
func (a *Agent) show() {
	h := &holds{agent: a.paused, services: map[string]decider.Hold{}}
	byAction := map[string]decider.Hold{}
	for name, hold := range a.failed {
		byAction[name] = hold
	}
	for _, hold := range a.planned {
		switch {
		case hold.Service != "":
			h.services[hold.Service] = hold
		case hold.Action != "":
			byAction[hold.Action] = hold
		}
	}
	for _, d := range a.owed {
		if d.Kind != decider.RunAction {
			continue
		}
		owed := control.Action{Name: d.Name, State: "waiting", Reason: words(d.Reasons, 0)}
		hold, held := byAction[d.Name]
		switch {
		case d.Running():
			owed.State, held = "running", false
		case held && hold.Kind == "action":
			owed.State = "failed"
		case held:
			owed.State = "held"
		}
		if held {
			owed.Hold = holdOf(&hold)
			h.actions = append(h.actions, hold)
		}
		h.owed = append(h.owed, owed)
	}
	a.held.Store(h)
}
