package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
	"bounce/watcher"
)

// The agent as the control socket sees it.

// Status implements [control.Backend]. It is put together from those who know
// at this moment, and waits for nobody for long.
func (a *Agent) Status() control.Status {
	a.hearNow()
	return a.status()
}

func (a *Agent) status() control.Status {
	v := a.view()
	st := control.Status{
		Agent: control.Agent{
			PID:     os.Getpid(),
			Version: a.opts.Version,
			Config:  a.config().File,
			Project: a.config().Dir,
			Roots:   v.roots,
			State:   control.Running,
			Files:   v.graph.Len(),
			Unread:  a.whyUnread(),

			Ownership: control.Ownership(a.run.Ownership()),
		},
		Services: []control.Service{},
	}
	holds := a.holds()
	st.Actions = holds.owed
	used := a.usage.sample(a.servicePIDs(), measureAgain)
	for _, s := range a.run.Status() {
		out := statusOf(s)
		if s.PID != nil {
			if u, ok := used[*s.PID]; ok {
				out.Usage = usageOf(u)
			}
		}
		out.Observed = a.observation(s.Name, s.Generation)
		if r, ok := v.services[s.Name]; ok && s.PID != nil {
			if last := a.generations.running(s.Name, s.Generation); last != nil {
				out.Stale = len(decider.Diff(*last, r.version)) > 0
			}
		}
		if h, ok := holds.services[s.Name]; ok && out.Intent == string(runner.Up) {
			out.Hold = holdOf(&h)
		}
		st.Services = append(st.Services, out)
	}

	st.Groups = groupsOf(a.run.Groups())

	watching := a.watching()
	st.Agent.Watch = watching.words
	st.Agent.Hold = holdOf(holds.agent)
	if st.Agent.Hold == nil && watching.held != "" {
		st.Agent.Hold = holdOf(gitHold(watching.held))
	}
	switch {
	case isClosed(a.stopping):
		st.Agent.State = control.Stopping
	case !isClosed(a.started):
		st.Agent.State = control.Starting
	case st.Agent.Hold != nil:
		st.Agent.State = control.Held
	case watching.degraded, a.stalled.Load(), a.unwritten.Load():
		st.Agent.State = control.Degraded
	}
	return st
}

// Do implements [control.Backend].
func (a *Agent) Do(ctx context.Context, req control.Request) (control.Outcome, error) {
	if req.Verb == control.Reload {
		return a.reloaded(ctx, req.NoWait)
	}
	req.Services = a.run.Services(req.Services...)
	if err := a.known(req.Services); err != nil {
		return control.Outcome{}, err
	}
	// Before the first scan nobody knows what a service would be started from.
	if err := a.wait(ctx, a.started); err != nil {
		return control.Outcome{}, err
	}
	if req.Verb == control.Resume {
		a.watch.Load().Override()
		// What was written before the call is part of what is resumed with:
		// an edit that was undone while it was held restarts nothing.
		var held *watcher.HeldError
		if err := a.flush(ctx); err != nil && !errors.As(err, &held) {
			return control.Outcome{}, err
		}
	}
	names := req.Services
	if len(names) == 0 {
		names = a.view().names()
	}
	var tickets []*runner.Ticket
	var failed error
	act := func(do func(...string) (*runner.Ticket, error)) {
		var ticket *runner.Ticket
		if ticket, failed = do(names...); failed == nil {
			a.minded(a.run.Services(names...))
			a.follow(ticket, nil)
			tickets = append(tickets, ticket)
		}
	}
	err := a.do(ctx, func(loop context.Context) {
		switch req.Verb {
		case control.Start:
			act(a.run.Start)
		case control.Stop:
			act(a.run.Stop)
		case control.Restart:
			act(a.run.Restart)
		case control.Pause:
			a.pause()
		case control.Resume:
			// The batch that git's hold kept back has a ticket of its own.
			a.resume(loop)
			tickets = slices.Clone(a.tickets)
		default:
			failed = &control.Refusal{Text: fmt.Sprintf("unknown verb %q", req.Verb)}
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return control.Outcome{}, err
	}
	for _, t := range tickets {
		if req.NoWait {
			break
		}
		if err := wait(ctx, t.Done()); err != nil {
			return control.Outcome{}, err
		}
	}
	out := a.outcome(req.Services)
	if req.Verb == control.Pause {
		out.Holds = []control.Hold{} // what was asked for is no failure
	}
	return out, nil
}

// known refuses names that are no service's.
func (a *Agent) known(names []string) error {
	v := a.view()
	for _, name := range names {
		if _, ok := v.services[name]; !ok {
			return noService(name, v.names())
		}
	}
	return nil
}

// isAction reports whether name is that of an action that runs a command.
func (a *Agent) isAction(name string) bool {
	_, ok := a.config().Command(name)
	return ok
}

// Sync implements [control.Backend]. What it waits for is fixed when it is
// called: the batches that hold the writes before the call, then the plans
// made of them.
func (a *Agent) Sync(ctx context.Context) (control.Outcome, error) {
	if err := a.reloadDone(ctx); err != nil {
		return control.Outcome{}, err
	}
	// What was loaded and is ignored is watched from then on.
	err := a.heard(ctx)
	if err == nil {
		err = a.flush(ctx)
	}
	var held *watcher.HeldError
	if errors.As(err, &held) {
		out := a.outcome(nil)
		out.Holds = append(out.Holds, *holdOf(gitHold(held.Reason)))
		return out, nil
	}
	if err != nil {
		return control.Outcome{}, err
	}
	if err := a.installsSettled(ctx, false); err != nil {
		return control.Outcome{}, err
	}
	a.hearNow() // what was undone before it was seen may have been loaded
	// A batch that was handed on is decided on before the loop runs this, but
	// for what is asked elsewhere.
	var asked <-chan struct{}
	if err := a.do(ctx, func(context.Context) { asked = a.oracle.last() }); err != nil {
		return control.Outcome{}, err
	}
	if asked != nil {
		if err := a.wait(ctx, asked); err != nil {
			return control.Outcome{}, err
		}
	}
	newer, acting, err := a.carriedOut(ctx)
	if err != nil {
		return control.Outcome{}, err
	}
	if acting { // and what the actions installed, before they were done
		if newer, _, err = a.carriedOut(ctx); err != nil {
			return control.Outcome{}, err
		}
	}
	if err := a.settle(ctx, newer); err != nil {
		return control.Outcome{}, err
	}
	return a.outcome(nil), nil
}

// carriedOut returns when all plans of now are carried out, with what tells of a
// newer one, and whether there were actions in them.
func (a *Agent) carriedOut(ctx context.Context) (newer <-chan struct{}, acting bool, err error) {
	var tickets []*runner.Ticket
	err = a.do(ctx, func(context.Context) {
		tickets, newer = slices.Clone(a.tickets), a.nextPlan
		for key := range a.asks {
			acting = acting || key.kind == decider.RunAction
		}
	})
	if err != nil {
		return nil, false, err
	}
	for _, t := range tickets {
		if err := a.wait(ctx, t.Done()); err != nil {
			return nil, false, err
		}
	}
	return newer, acting, nil
}

// flush returns when every write before the call has been handed to the loop.
func (a *Agent) flush(ctx context.Context) error {
	if err := a.wait(ctx, a.started); err != nil {
		return err
	}
	err := a.flushed(ctx)
	if err != nil && isClosed(a.stopping) {
		return errStopping
	}
	return err
}

// settle waits for services that are moving for reasons of their own, such as
// one that crashed a moment ago, but not for what a newer plan sets moving.
func (a *Agent) settle(ctx context.Context, newer <-chan struct{}) error {
	settling, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-newer:
			cancel()
		case <-settling.Done():
		}
	}()
	err := a.run.Settled(settling)
	var elsewhere *runner.NotAtTarget
	if err != nil && !errors.As(err, &elsewhere) && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// outcome says where the named services are, all without a name, and what
// they wait for. A pause that keeps nothing back is nobody's hold.
func (a *Agent) outcome(names []string) control.Outcome {
	out := control.Outcome{Services: []control.Service{}, Holds: []control.Hold{}}
	for _, h := range a.holds().actions {
		out.Holds = append(out.Holds, *holdOf(&h))
	}
	for _, s := range a.status().Services {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		out.Services = append(out.Services, s)
		if s.Hold != nil {
			h := *s.Hold
			h.Service = s.Name
			out.Holds = append(out.Holds, h)
		}
	}
	return out
}

// Events implements [control.Backend].
func (a *Agent) Events(ctx context.Context, seq uint64, follow bool, yield func(control.Event) error) error {
	return a.events.follow(ctx, seq, follow,
		func(n uint64) error { return yield(missedEvents(n)) }, yield)
}

// Logs implements [control.Backend].
func (a *Agent) Logs(ctx context.Context, q control.LogQuery, yield func(control.Line) error) error {
	if err := a.known(slices.DeleteFunc(slices.Clone(q.Services), a.isAction)); err != nil {
		return err
	}
	chosen, wanted, seq, err := a.lines.choose(q)
	if err != nil {
		return err
	}
	for _, l := range chosen {
		if err := yield(l); err != nil {
			return err
		}
	}
	if !q.Follow {
		return nil
	}
	return a.lines.all.follow(ctx, seq, true,
		func(n uint64) error { return yield(missedLines(n)) },
		func(l control.Line) error {
			if !wanted(l) {
				return nil
			}
			return yield(l)
		})
}

// wait waits for done, and gives up when ctx or the agent ends.
func (a *Agent) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-a.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

func wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
