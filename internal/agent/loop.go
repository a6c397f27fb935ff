package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
	"bounce/watcher"
)

// Sizes of the journals: enough to see what led to a failure, and for a reader
// that pauses to lose nothing in ordinary use.
const (
	keptEvents = 4096
	keptLines  = 8192
)

// serve runs the agent: the control socket from the first moment to the last,
// the watcher and the loop until ctx ends, then the end of every service.
func (a *Agent) serve(ctx context.Context, ln net.Listener) error {
	var wg sync.WaitGroup
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	wg.Go(func() {
		if ln == nil { // a dry run talks to nobody
			served <- nil
			return
		}
		served <- control.Serve(serving, ln, a)
	})
	// The terminal is a reader like any other: when it is stopped, the agent
	// and its services go on.
	wg.Go(func() { tell(a.events, a.opts.Event, missedEvents) })
	wg.Go(func() { tell(a.lines.all, a.opts.Output, missedLines) })

	// The work may end by itself, and what watches over it then does too.
	watching, blind := context.WithCancel(ctx)
	if !a.opts.Dry {
		wg.Go(func() { a.measure(watching) })
		a.feed(watching)
		if a.opts.Reload != nil {
			wg.Go(func() { a.reloads(watching) })
		}
	}
	wg.Go(func() { a.watchOver(watching) })

	err := a.work(ctx)

	blind()
	a.unfeed()
	close(a.stopping)
	a.emit(control.Event{Kind: "agent_stopping"})
	a.keepFacts()
	a.hear() // nobody else does any more
	leave := a.leaves(ctx, err)
	err = errors.Join(err, a.stopServices(ctx, leave))
	if !leave {
		a.listener.close()
	}
	a.wg.Wait()
	if isClosed(a.started) { // else the tree is not known
		a.arrivals()
		a.keep(a.remember())
	}
	a.setup().files.close()
	a.emit(control.Event{Kind: "agent_stopped"})
	a.events.close()
	a.lines.all.close()
	stopServing()
	wg.Wait()
	return errors.Join(err, <-served)
}

// work is the loop. It returns nil when ctx ends.
func (a *Agent) work(ctx context.Context) error {
	// The interpreters are asked while the tree is read.
	asking, enough := context.WithCancel(ctx)
	answers, asked := a.project().startSearches(asking)
	defer asked.Wait()
	defer enough()
	var wg sync.WaitGroup
	defer wg.Wait()
	l, err := a.lookOut(ctx, a.setup(), a.scratch)
	if err != nil {
		return err
	}
	a.lookout = l
	defer func() { a.lookout.close() }()
	defer a.selfmade.close()
	a.watch.Store(l.watch)
	following, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { a.followInstalls(following) })
	// Services need not wait for the answers to start, decisions have to: until
	// they are there, changes merge into the next batch.
	batches := l.watch.Batches()
	var late <-chan map[string]search
	for {
		select {
		case b, ok := <-batches:
			switch {
			case !ok && ctx.Err() == nil:
				return errors.New("the watcher ended by itself")
			case !ok:
				return nil
			case b.Initial:
				a.first(ctx, b)
				batches, late = nil, answers
			default:
				a.turn(ctx, b)
			}
		case found := <-late:
			a.searched(ctx, found)
			batches, late = a.lookout.watch.Batches(), nil
		case f := <-a.loop:
			f(ctx)
			if late == nil {
				batches = a.lookout.watch.Batches() // it may be another one by now
			}
		case <-a.selfmade.awake.C:
			a.rested(ctx)
		case name := <-a.exit:
			return &ExhaustedError{Service: name}
		case <-ctx.Done():
			return nil
		}
	}
}

// ExhaustedError is returned by Run when a service whose policy is to end the
// agent has used up its crash budget.
type ExhaustedError struct{ Service string }

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("service %s has used up its restarts, and on_exhausted says exit", e.Service)
}

// first takes in the whole tree and brings the services up. What their
// interpreters add to what they load comes by searched. What is owed to a
// service that runs already is not known before: then the others wait for it.
func (a *Agent) first(ctx context.Context, b watcher.Batch) {
	a.update(ctx, b)
	a.project().content.kept = nil
	all := maps.Clone(map[string]watcher.Hash(a.project().code))
	a.early.Store(&all)
	a.waits = a.inherit() && a.setup().keeper != nil || a.opts.Dry
	a.project().content.checkSyntax()
	a.emit(control.Event{Kind: "scanned", Count: a.view().graph.Len(), Cause: a.watching().words})
	if !a.waits {
		a.bringUp(ctx, nil)
	}
	if !a.opts.Dry {
		a.keepFacts()
	}
}

// bringUp has the services started that are wanted, after the actions that are
// owed. packages are those that were installed or removed while no agent ran.
func (a *Agent) bringUp(ctx context.Context, packages map[string]bool) {
	wanted := a.wanted()
	others := slices.DeleteFunc(a.view().names(), func(name string) bool { return slices.Contains(wanted, name) })
	a.lay(others)
	if !a.takeUp(ctx, wanted, packages) {
		ticket, err := a.run.Start(wanted...)
		if err != nil {
			a.emit(control.Event{Kind: "warning", Text: err.Error()})
		}
		a.follow(ticket, nil)
	}
	n, m := a.remember()
	a.wg.Go(func() { a.keep(n, m) })
}

// searched takes in where the services' interpreters look for modules, and says
// what a person should know of the project. No batch was taken since the first,
// so what has been started meanwhile was started from the same files.
func (a *Agent) searched(ctx context.Context, answers map[string]search) {
	a.project().searched(answers)
	a.shared.Store(a.project().view)
	a.early.Store(nil)
	a.generations.amend(a.view())
	inherited := a.generations.settle(a.view())
	if a.opts.Dry {
		// There is no hurry, and what would be started is told of first.
		a.rehearse()
		a.bringUp(ctx, nil)
		close(a.started)
		a.wg.Go(func() { a.rehearsed(ctx) })
		return
	}
	for _, name := range a.view().names() {
		for _, warning := range a.view().warnings(name) {
			a.emit(control.Event{Kind: "warning", Service: name, Text: warning})
		}
	}
	for _, f := range a.project().elsewhere() {
		a.emit(control.Event{Kind: "warning", Text: f.Text})
	}
	packages, _ := a.learn(a.view().installedMeanwhile(inherited))
	a.confirm(ctx, a.view(), a.project().suspectsOf(inherited))
	for _, name := range a.view().names() {
		a.memorize(name)
	}
	if a.waits {
		a.bringUp(ctx, packages)
	}
	close(a.started)
	if len(inherited) > 0 {
		a.catchUp(ctx, packages)
	}
}

// takeUp sets going what an earlier agent left owed, and what is owed for
// changes since then that nobody saw; the services that are wanted start behind
// it. It reports false if nothing is owed.
func (a *Agent) takeUp(ctx context.Context, wanted []string, packages map[string]bool) bool {
	b, after := a.recall(), a.view()
	starts := make(decider.Debts, 0, len(wanted))
	for _, name := range wanted {
		if a.generations.runs(name) {
			continue // it is started anew if it is stale, or if that is owed
		}
		starts = append(starts, after.start(name))
	}
	var gone []string
	for _, c := range b.Changes {
		if c.Kind == watcher.Deleted {
			gone = append(gone, c.Path)
		}
	}
	in := a.input(ctx, b, after.with(gone), after)
	in.Owed, in.Installed = append(in.Owed, starts...), packages
	plan := decider.Decide(in)
	a.wonder(ctx, b, plan)
	if !slices.ContainsFunc(plan.Owed, func(d decider.Debt) bool {
		return d.Kind == decider.RunAction || a.generations.runs(d.Name)
	}) {
		a.owed = nil
		return false
	}
	a.publish(b, plan)
	a.apply(after, plan)
	return true
}

// recall takes up the memory of an earlier agent, and returns what has changed
// since. Without a memory the tree is taken as it is: nothing is owed for it.
func (a *Agent) recall() watcher.Batch {
	b := watcher.Batch{Cause: unattended}
	if a.setup().keeper == nil {
		return b
	}
	m, err := a.setup().keeper.read()
	switch {
	case errors.Is(err, errNoMemory):
		return b
	case err != nil:
		a.emit(control.Event{Kind: "warning", Text: fmt.Sprintf("cannot tell what is owed, and take it that nothing is: %v", err)})
		return b
	}
	// A service that is yet to start needs nothing else.
	a.owed = slices.DeleteFunc(m.Owed.Asked(a.setup().rules), func(d decider.Debt) bool {
		return d.Kind != decider.RunAction && !a.generations.runs(d.Name)
	})
	b.Changes = m.changed(a.project(), a.setup().scope)
	return b
}

// leaves reports whether services that are to be kept go on when the agent ends:
// when it was told so, and when it has failed.
func (a *Agent) leaves(ctx context.Context, err error) bool {
	var exhausted *ExhaustedError
	return errors.Is(context.Cause(ctx), ErrLeave) || err != nil && !errors.As(err, &exhausted)
}

// stopServices ends every service, or leaves those that are kept. Force makes it
// kill at once.
func (a *Agent) stopServices(ctx context.Context, leave bool) error {
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if a.opts.Force != nil {
		go func() {
			select {
			case <-a.opts.Force:
				cancel()
			case <-stop.Done():
			}
		}()
	}
	end := a.run.Close
	if leave {
		end = a.run.Leave
	}
	if err := end(stop); err != nil {
		return fmt.Errorf("cannot stop every service: %w", err)
	}
	if leave {
		a.tellLeft()
	}
	return nil
}

// do runs f on the loop and returns when it has run, or with an error when the
// agent is ending or ctx ends first.
func (a *Agent) do(ctx context.Context, f func(context.Context)) error {
	done := make(chan struct{})
	run := func(loop context.Context) {
		defer close(done)
		f(loop)
	}
	select {
	case a.loop <- run:
	case <-a.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
	// The loop took it and runs it to its end.
	<-done
	return nil
}

var errStopping = &control.Refusal{Text: "the agent is stopping"}

// tell hands every entry of a journal to f until the journal is closed.
func tell[T any](j *journal[T], f func(T), gap func(missed uint64) T) {
	if f == nil {
		return
	}
	_ = j.follow(context.Background(), 0, true,
		func(n uint64) error { f(gap(n)); return nil },
		func(e T) error { f(e); return nil })
}

// missedEvents stands in for events that a slow reader has lost.
func missedEvents(n uint64) control.Event {
	return control.Event{Time: now(), Kind: "gap", Missed: n}
}

// missedLines stands in for lines that a slow reader has lost.
func missedLines(n uint64) control.Line {
	return control.Line{Time: now(), Stream: "stderr", Text: fmt.Sprintf("... %d lines left out: this reader is slower than the services write", n)}
}

// emit appends an event to the journal, stamped now unless it has a time.
func (a *Agent) emit(e control.Event) {
	if !a.tells(e) {
		return
	}
	e.Text = oneLine(e.Text)
	a.events.add(func(seq uint64) control.Event {
		e.Seq = seq
		if e.Time.IsZero() {
			e.Time = now()
		}
		return e
	})
}

// ran takes an event of the runner. It is called on the runner's goroutines.
func (a *Agent) ran(e runner.Event) {
	a.emit(eventOf(e))
	switch e.Kind {
	case runner.KindReady:
		a.generations.served(e.Service, e.Generation)
		a.listener.came(e.Service, e.Generation, true)
		a.wg.Go(a.hearNow)
	case runner.KindUnverified:
		a.listener.came(e.Service, e.Generation, false)
	case runner.KindRolledBack, runner.KindAbandoned:
		a.generations.ended(e.Service, e.Generation, e.Kind == runner.KindRolledBack)
	}
	if e.Fatal {
		select {
		case a.exit <- e.Service:
		default: // one is enough
		}
	}
}
