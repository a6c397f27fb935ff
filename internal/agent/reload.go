package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
	"bounce/treesitter"
	"bounce/watcher"
)

// A reload takes up the configuration that is on disk: all of it, or nothing
// when something speaks against it. A second project and a second watcher are
// made from it beside those in place, which go on meanwhile; when they know the
// tree, the loop puts them in their place between two turns. What services run
// is then compared with what they would be started from now, as ever, so that
// exactly those restart that are started in another way.

// reloads carries out what [Options.Reload] asks for, until ctx ends.
func (a *Agent) reloads(ctx context.Context) {
	for {
		select {
		case _, ok := <-a.opts.Reload:
			if !ok {
				return
			}
			_, _ = a.reload(ctx) // an event says what came of it
		case <-ctx.Done():
			return
		}
	}
}

// reloaded is reload for the control socket.
func (a *Agent) reloaded(ctx context.Context, noWait bool) (control.Outcome, error) {
	tickets, err := a.reload(ctx)
	if err != nil {
		return control.Outcome{}, err
	}
	if noWait {
		return a.outcome(nil), nil
	}
	for _, t := range tickets {
		if err := wait(ctx, t.Done()); err != nil {
			return control.Outcome{}, err
		}
	}
	// What waited for another service may be on its way without a plan.
	var newer <-chan struct{}
	if err := a.do(ctx, func(context.Context) { newer = a.nextPlan }); err != nil {
		return control.Outcome{}, err
	}
	if err := a.settle(ctx, newer); err != nil {
		return control.Outcome{}, err
	}
	return a.outcome(nil), nil
}

// reload puts the configuration on disk in place, and returns the tickets of
// what follows and of all that is under way. An error says why everything is as
// it was; it has been told.
func (a *Agent) reload(ctx context.Context) ([]*runner.Ticket, error) {
	if err := a.wait(ctx, a.started); err != nil {
		return nil, err
	}
	select {
	case a.reloading <- struct{}{}:
		defer func() { <-a.reloading }()
	case <-a.stopping:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	of := hashFile(a.setup().config.File)
	tickets, err := a.takeOver(ctx)
	if err == nil || errors.Is(err, errStopping) || ctx.Err() != nil {
		return tickets, err
	}
	text := err.Error()
	a.unread.Store(&unread{text, of})
	a.emit(control.Event{Kind: "reload_failed", Text: text})
	return nil, &control.Refusal{Text: text}
}

// reloadDone returns when no reload is under way.
func (a *Agent) reloadDone(ctx context.Context) error {
	select {
	case a.reloading <- struct{}{}:
		<-a.reloading
		return nil
	case <-a.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeOver makes the next setup and has the loop put it in place.
func (a *Agent) takeOver(ctx context.Context) (tickets []*runner.Ticket, err error) {
	next, err := a.nextSetup()
	if err != nil {
		return nil, err
	}
	var life context.Context
	scratch := a.scratch
	err = a.do(ctx, func(loop context.Context) {
		life = loop
		if a.lookout.scratch == scratch {
			scratch += ".next" // each has one of its own
		}
	})
	if err != nil {
		return nil, err
	}
	l, err := a.scout(ctx, life, next, scratch)
	if err != nil {
		return nil, err
	}
	var old *lookout
	var refused error
	err = a.do(ctx, func(loop context.Context) {
		var late suspects
		l.watch.Name(sightedFiles(a.project().view.seen)) // there may be more by now
		if late, refused = catchUp(ctx, l, next.project); refused != nil {
			return
		}
		old = a.lookout
		if refused = a.install(loop, next, l, late); refused == nil {
			tickets = slices.Clone(a.tickets)
		}
	})
	if err := errors.Join(err, refused); err != nil {
		l.close()
		return nil, err
	}
	old.close()
	return tickets, nil
}

// nextSetup reads the configuration on disk, and refuses what a running agent
// cannot take up.
func (a *Agent) nextSetup() (*setup, error) {
	if a.opts.Load == nil || a.opts.Dry {
		return nil, errors.New("cannot reload: there is no configuration to be read again")
	}
	cfg, err := a.opts.Load()
	if err != nil {
		return nil, err
	}
	if len(cfg.Services) == 0 {
		return nil, errors.New("cannot reload: the configuration has no services; add one, or end the agent with 'bounce down'")
	}
	if was := a.config().Dir; cfg.Dir != was {
		return nil, fmt.Errorf("cannot reload: the project directory would be %s in place of %s; that needs a restart of the agent", cfg.Dir, was)
	}
	if was := a.config(); cfg.File != was.File {
		return nil, fmt.Errorf("cannot reload: the configuration would be that of %s in place of %s; that needs a restart of the agent", relative(cfg.Dir, cfg.File), relative(was.Dir, was.File))
	}
	for _, name := range a.opts.Services {
		if _, ok := cfg.Services[name]; !ok {
			return nil, fmt.Errorf("cannot reload: service %q, which 'bounce up' was given, is no longer there; that needs a restart of the agent", name)
		}
	}
	return newSetup(cfg, a.setup(), false)
}

// scout reads the tree for a setup and asks the interpreters of its services. It
// watches on until life ends.
func (a *Agent) scout(ctx, life context.Context, s *setup, scratch string) (*lookout, error) {
	answers, asked := s.project.startSearches(ctx)
	defer asked.Wait()
	l, err := a.lookOut(life, s, scratch)
	if err != nil {
		return nil, err
	}
	select {
	case b, ok := <-l.watch.Batches():
		if ok {
			s.project.update(ctx, b)
			s.project.content.kept = nil
			s.project.searched(<-answers)
			s.project.content.checkSyntax()
			return l, nil
		}
		err = errStopping
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.close()
	return nil, err
}

// catchUp takes in what was written until now, as the setup in place may have:
// it must not know more than the one that comes. It returns the modules among it
// that tree-sitter suspects. While git is at work nobody knows what there is.
func catchUp(ctx context.Context, l *lookout, p *Project) (suspects, error) {
	all := suspects{}
	flushed := make(chan error, 1)
	go func() { flushed <- l.watch.Flush(ctx) }()
	for {
		select {
		case b, ok := <-l.watch.Batches():
			if !ok {
				return nil, errStopping
			}
			_, _, s := p.update(ctx, b)
			maps.Copy(all, s)
		case err := <-flushed:
			var held *watcher.HeldError
			if errors.As(err, &held) {
				return nil, fmt.Errorf("cannot reload: %s; ask again when it is done, or call 'bounce resume'", underWay(held.Reason))
			}
			return all, err
		}
	}
}

// install puts a setup in place, with a lookout that has caught up, and decides
// on what follows. It runs on the loop. An error leaves everything as it was.
func (a *Agent) install(ctx context.Context, next *setup, l *lookout, s suspects) error {
	was, before := a.setup(), a.project().view
	after := next.project.observed(before.seen)
	b := watcher.Batch{Cause: "reload"}
	b.Changes = memory{Scope: was.scope, Files: was.project.files, Named: was.project.named}.changed(next.project, next.scope)

	// From here on services that start, start from what the next one says.
	var ticket *runner.Ticket
	err := a.generations.carry(before, after, carrier(was, next), func() (err error) {
		a.shared.Store(after)
		cfg := next.config
		if ticket, err = a.run.Configure(after.specs(), actions(cfg), cfg.Supervisors(), cfg.MaxParallel); err != nil {
			a.shared.Store(before)
		}
		return err
	})
	if err != nil {
		return err
	}
	added, removed := strangers(after, before), strangers(before, after)
	next.files = a.openFiles(next.config, was.files)
	a.inPlace.Store(next)
	a.lookout = l
	a.watch.Store(l.watch)
	ring(a.stirred) // the new watcher is to listen where packages come and go
	a.oracle.asker = a.newAsker(next.config)
	a.unread.Store(nil)
	a.feed(ctx)
	a.strike(next)
	a.overlook(next.project)
	for _, name := range after.names() {
		a.memorize(name) // in the terms of now, which the next agent goes by
	}

	a.tellReloaded(next.config, added, removed)
	a.follow(ticket, nil)
	wanted := a.wanted()
	unwanted := func(name string) bool { return !slices.Contains(wanted, name) }
	a.minded(removed)
	a.lay(slices.DeleteFunc(slices.Clone(added), func(name string) bool { return !unwanted(name) }))
	a.rouse()
	a.decideAnew(ctx, b, before, after, s, slices.DeleteFunc(added, unwanted))
	n, m := a.remember()
	a.wg.Go(func() { a.keep(n, m) })
	return nil
}

// decideAnew is the turn of a reload: what the files call for by the rules of
// now, and the services that are stale, and those to be started.
func (a *Agent) decideAnew(ctx context.Context, b watcher.Batch, before, after *view, s suspects, starts []string) {
	a.generations.touch(after.names(), a.stamps.note(a.config().Dir, b))
	for _, path := range modulePaths(b) {
		if _, known := s[path]; known {
			continue
		}
		// It was read before there was a reason to look for mistakes.
		if src, err := a.project().read(path); err == nil {
			s[path] = treesitter.Check(src)
		}
	}
	a.reconsider()
	a.confirm(ctx, after, s)
	a.forgive(b)
	in := a.input(ctx, b, before, after)
	for _, name := range starts {
		in.Owed = append(in.Owed, after.start(name))
	}
	plan := decider.Decide(in)
	a.enact(b, after, plan)
	a.wonder(ctx, b, plan)
	a.inquire(ctx)
}

// strike drops what is owed to services that are no longer there, and what the
// rules of the setup do not ask for.
func (a *Agent) strike(next *setup) {
	a.owed = slices.DeleteFunc(a.owed.Asked(next.rules), func(d decider.Debt) bool {
		_, ok := next.config.Services[d.Name]
		return d.Kind != decider.RunAction && !ok
	})
}

// overlook forgets the mistakes in files that are no part of the tree any more:
// nobody would notice that they are mended.
func (a *Agent) overlook(p *Project) {
	gone := func(path string) bool { _, there := p.files[path]; return !there }
	maps.DeleteFunc(a.broken, func(path string, _ decider.Problem) bool { return gone(path) })
	maps.DeleteFunc(a.doubts, func(path string, _ bool) bool { return gone(path) })
}

// tellReloaded says what a reload has brought, and what a person should know of
// the services that came with it.
func (a *Agent) tellReloaded(cfg *configs.Config, added, removed []string) {
	text := "the configuration was read anew"
	for _, part := range []struct {
		word  string
		names []string
	}{{"added", added}, {"removed", removed}} {
		if len(part.names) > 0 {
			text += fmt.Sprintf("; %s: %s", part.word, strings.Join(part.names, ", "))
		}
	}
	a.emit(control.Event{Kind: "reloaded", Text: text})
	for _, w := range cfg.Warnings {
		a.emit(control.Event{Kind: "warning", Text: w.Error()})
	}
	for _, name := range added {
		for _, warning := range a.view().warnings(name) {
			a.emit(control.Event{Kind: "warning", Service: name, Text: warning})
		}
	}
}

// strangers returns the services of v that other has not.
func strangers(v, other *view) []string {
	return slices.DeleteFunc(v.names(), func(name string) bool { return other.services[name] != nil })
}

// carrier returns what says in the terms of the next setup what a service was
// started from, when that is what the one in place says of it: the same files
// with what they held then, though the service may be known to load others, or
// by other hashes, by now. How it was started stays as it was. Of a file that the
// one in place did not look at nothing is known but what it holds.
func carrier(was, next *setup) func(name string) decider.Version {
	sameScope := was.scope == next.scope
	return func(name string) decider.Version {
		now := next.project.view.services[name].version
		changed := map[string]watcher.Hash{}
		for path := range now.Files.All() {
			then, known := was.project.files[path]
			looked := known || sameScope && (was.project.named[path] || !next.project.named[path])
			if looked && then != next.project.files[path] {
				changed[path] = then // the zero hash where there was none
			}
		}
		now.Files = now.Files.With(changed)
		return now
	}
}

// carry has swap put another view in place while no generation begins. Those
// that run what before says are then known by what run says of them; of the
// others it stays what it was, so that they are stale as before. What was known
// of services that after has not is forgotten. When swap fails nothing changes.
func (g *generations) carry(before, after *view, run func(name string) decider.Version, swap func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := swap(); err != nil {
		return err
	}
	maps.DeleteFunc(g.byID, func(name string, _ *generation) bool { return after.services[name] == nil })
	for name, gen := range g.byID {
		r := before.services[name]
		if r == nil {
			continue
		}
		carried := run(name)
		as := func(v decider.Version) decider.Version {
			now := r.version
			now.Start = v.Start
			if len(decider.Diff(v, now)) > 0 {
				return v
			}
			now = carried
			now.Start = v.Start
			return now
		}
		for v := range gen.versions() {
			*v = as(*v)
		}
	}
	return nil
}

// unread is what is said of a configuration that does not run.
type unread struct {
	text string
	of   watcher.Hash // what the file held; zero when it could not be read
}

// announce says that the configuration's file was written. It runs on the loop.
func (a *Agent) announce() {
	s := a.setup()
	of := hashFile(s.config.File)
	if of == s.config.Sum {
		a.unread.Store(nil)
		return
	}
	if u := a.unread.Load(); u != nil && u.of == of {
		return // what is to be said of it has been: why it was refused, maybe
	}
	text := relative(s.config.Dir, s.config.File) + " has changed since it was read: 'bounce reload' takes it up"
	a.unread.Store(&unread{text, of})
	a.emit(control.Event{Kind: "warning", Text: text})
}

// whyUnread says why the configuration on disk is not what runs; "" if it is.
func (a *Agent) whyUnread() string {
	if u := a.unread.Load(); u != nil {
		return oneLine(u.text)
	}
	return ""
}
