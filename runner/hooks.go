package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hooks are commands of the user's that go with the life of a service. None
// runs on the service's goroutine. For beforeStart and beforeStop what they go
// before waits; the others run one after the other, and nothing waits for them
// but the end of the agent. Each has a deadline, and what it leaves behind is
// ended with it. One that is called off gets actionGrace, one that is late is
// killed.

// Hook is a moment in the life of a service.
type Hook string

const (
	// beforeStart: a generation is about to start. When it fails, so does the
	// start: a crash to the restart policy, since it may succeed the next time.
	beforeStart Hook = "before_start"
	// afterStart: its command runs.
	afterStart Hook = "after_start"
	// afterReady: it serves, or runs where nothing shows that it does.
	afterReady Hook = "after_ready"
	// beforeStop: its command runs and is to end. Of the one that a rolling
	// restart takes the place of: nothing new comes to it any more.
	beforeStop Hook = "before_stop"
	// afterStop: nothing is left of it, whatever ended it.
	afterStop Hook = "after_stop"
	// onRestart: a generation that is not the first begins, or takes over.
	onRestart Hook = "on_restart"
	// onFailure: a generation has failed, a start or a successor included.
	onFailure Hook = "on_failure"
	// onExhausted: the crash budget is used up.
	onExhausted Hook = "on_exhausted"
)

// HookNames lists them in the order of a life.
func HookNames() []Hook {
	return []Hook{beforeStart, afterStart, afterReady, beforeStop, afterStop, onRestart, onFailure, onExhausted}
}

// ofHook reports whether a kept line is one of a hook, as perform marks them.
func ofHook(text string) bool {
	name, _, ok := strings.Cut(text, ": ")
	return ok && slices.Contains(HookNames(), Hook(name))
}

// What a hook is told, beside the mark, the changed files and the project.
const (
	envCause  = "BOUNCE_CAUSE"       // change, operator, crash, exit, group or dependency
	envWhy    = "BOUNCE_REASON"      // in words, what brought it about
	envPID    = "BOUNCE_PID"         // of the command, while it runs
	envExit   = "BOUNCE_EXIT_CODE"   // once it has ended; -1 when a signal ended it
	envSignal = "BOUNCE_EXIT_SIGNAL" // the signal that ended it
)

// hookRun is one run of a hook.
type hookRun struct {
	host    *host
	hook    Hook
	command command
	mark    mark
	changed []string
	timeout time.Duration
	// print takes its lines.
	print func(Line)
}

// hooked returns the run of a hook for a generation as it is now; nil when
// there is no such hook.
func (s *service) hooked(h Hook, n *incarnation, why string) *hookRun {
	argv := s.spec.Hooks[h]
	if len(argv) == 0 {
		return nil
	}
	env := setenv(s.spec.environ(), envCause+"="+string(n.cause), envWhy+"="+why, envProject+"="+s.host.dir)
	switch {
	case n.proc == nil:
	case n.over:
		exit := n.proc.exit()
		env = setenv(env, envExit+"="+strconv.Itoa(exit.Code), envSignal+"="+exit.Signal)
	default:
		env = setenv(env, envPID+"="+strconv.Itoa(n.pidNow()))
	}
	m := s.mark(n)
	m.hook = h
	r := &hookRun{
		host: s.host, hook: h, mark: m, timeout: cmp.Or(s.spec.HookTimeouts[h], s.spec.HookTimeout),
		command: command{argv: argv, dir: s.spec.Dir, env: env, confine: s.spec.Confine},
		print:   func(l Line) { s.kept.add(l); s.output.put(l) },
	}
	for _, reason := range n.reasons {
		if reason.Path != "" {
			r.changed = append(r.changed, reason.Path)
		}
	}
	return r
}

// call runs a hook that nothing waits for, after those that were called before.
func (s *service) call(h Hook, n *incarnation, why string) {
	r := s.hooked(h, n, why)
	if r == nil {
		return
	}
	before, done := s.called, make(chan struct{})
	s.called = done
	s.work.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		_ = r.do(context.Background()) // which has told of it
	})
}

// makeReady runs the hook that comes before a start; the event prepared, or the
// letter unprepared, is what comes of it.
func (s *service) makeReady(n *incarnation) {
	at := letter{event: prepared, generation: n.generation, state: n.state}
	r := s.hooked(beforeStart, n, n.why)
	if r == nil {
		s.happens(n, prepared, Event{})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	n.preparing = func() { cancel(); <-ended }
	s.work.Go(func() {
		defer cancel()
		if err := r.do(ctx); err != nil {
			at.event, at.err = unprepared, fmt.Errorf("%s failed: %w", beforeStart, err)
		}
		close(ended)
		s.inbox.put(at)
	})
}

// unmade is a start that its hook has refused.
func (s *service) unmade(n *incarnation, err error) {
	n.fault = err.Error()
	if n == s.heir {
		s.develop(refused, Event{})
		return
	}
	s.judge(failure{}, n.fault)
}

// farewell returns what runs the hook that comes before the end of a generation,
// once; it does nothing where there is none to be run.
func (s *service) farewell(n *incarnation, why string) func(context.Context) {
	if n.over || n.proc == nil || n.warned {
		return func(context.Context) {}
	}
	n.warned = true
	r := s.hooked(beforeStop, n, why)
	if r == nil {
		return func(context.Context) {}
	}
	return func(ctx context.Context) { _ = r.do(ctx) } // it is ended in any case
}

// do runs the command to its end, and tells of it.
func (r *hookRun) do(ctx context.Context) error {
	printed := &kept{limit: tailLines}
	err := r.perform(ctx, printed)
	e := Event{Kind: KindHookDone, Time: time.Now(), Service: r.mark.service, Generation: r.mark.generation, What: string(r.hook)}
	if err != nil {
		e.Kind, e.What = KindHookFailed, fmt.Sprintf("%s: %v", r.hook, err)
		for _, l := range printed.last(0, tailLines) {
			e.Tail = append(e.Tail, l.Text)
		}
	}
	r.host.emit(e)
	return err
}

// list writes down the changed files, for the user that the hook runs as.
func (r *hookRun) list() (name string, err error) {
	_, account, err := r.command.confine.resolve()
	if err != nil || account == nil { // the start will say it
		return listChanged(r.host.scratch, r.changed)
	}
	// Others may not look into the directory of the agent.
	if name, err = listChanged("", r.changed); err != nil {
		return "", err
	}
	if err := os.Chown(name, int(account.UID), int(account.GID)); err != nil {
		os.Remove(name)
		return "", fmt.Errorf("cannot give the list of changed files to the user: %w", causeOf(err))
	}
	return name, nil
}

func (r *hookRun) perform(ctx context.Context, printed *kept) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	list, err := r.list()
	if err != nil {
		return err
	}
	defer os.Remove(list)
	r.command.env = setenv(r.command.env, envChanged+"="+list)
	proc, pipes, err := r.host.launch(r.command, r.mark, openPipes)
	if err != nil {
		return err
	}
	pipes.read(func(l Line, _ bool) {
		l.Service, l.Generation, l.Text = r.mark.service, r.mark.generation, string(r.hook)+": "+l.Text
		printed.add(l)
		r.print(l)
	})
	stop := Stop{Grace: actionGrace}
	select {
	case <-proc.exited():
		stop.Grace = 0 // what it has left behind
		if exit := proc.exit(); exit != (Exit{}) {
			err = errors.New(exit.String())
		}
	case <-ctx.Done():
		err = errors.New("called off")
		if context.Cause(ctx) == context.DeadlineExceeded {
			stop.Grace = 0 // its time is the bound for what waits for it
			err = fmt.Errorf("not done within %s", r.timeout)
		}
	case <-r.host.force:
		err = errAgentStops
	}
	if left := proc.end(stop, r.host.force); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("pid %s cannot be ended", join(left)))
	}
	pipes.finish()
	<-pipes.done
	return err
}
