package runner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// What a service does about what its generation reports: signs of readiness,
// notices and missing ones, and answers to probes. All but the goroutines that
// wait is done on the service's own goroutine.

// The variables of the protocols of sd_notify and sd_listen_fds. Those that the agent itself was
// started with are not for its services.
const (
	envNotify      = "NOTIFY_SOCKET"
	envWatchdog    = "WATCHDOG_USEC"
	envWatchdogPID = "WATCHDOG_PID"
	envListenPID   = "LISTEN_PID"
	envListenFDs   = "LISTEN_FDS"
	envListenNames = "LISTEN_FDNAMES"
)

// reports reports whether a service of this spec is listened to.
func (s Spec) reports() bool { return s.Ready.Notify || s.Heartbeat > 0 }

// environ is the environment without what the agent was told of its own
// sockets.
func (s Spec) environ() []string {
	return unsetenv(s.Env, envNotify, envWatchdog, envWatchdogPID, envListenPID, envListenFDs, envListenNames)
}

// lendEar makes the socket that the next generation reports to, and returns
// its environment.
func (s *service) lendEar() ([]string, error) {
	env := s.spec.environ()
	s.every = s.spec.Heartbeat
	if !s.spec.reports() {
		return env, nil
	}
	e, err := openEar(s.host.scratch)
	if err != nil {
		return nil, err
	}
	s.ear = e
	env = append(env, envNotify+"="+e.address)
	if beat := s.spec.Heartbeat; beat > 0 {
		env = append(env, fmt.Sprintf("%s=%d", envWatchdog, beat.Microseconds()))
	}
	return env, nil
}

// attend listens to the generation that was started.
func (s *service) attend() {
	e, proc := s.ear, s.proc
	if e == nil {
		return
	}
	at := letter{event: noticed, generation: s.generation}
	s.work.Go(func() {
		e.listen(func(pid int, text string) {
			if ours, known := proc.has(pid); !ours || !known {
				return
			}
			l, n := at, parseNotice(text)
			if n.pid != 0 {
				if ours, _ := proc.has(n.pid); !ours {
					n.pid = 0
				}
			}
			l.notice = n
			s.inbox.put(l)
		})
	})
}

// deafen stops listening, and removes what the generation's signs need.
func (s *service) deafen() {
	if s.ear != nil {
		s.ear.close()
		s.ear = nil
	}
	s.sign.close()
	if s.alarm != nil {
		s.alarm.Stop()
		s.alarm = nil
	}
	s.says, s.main, s.vigil = "", 0, vigil{}
}

// hear acts on a notice.
func (s *service) hear(n notice) {
	if s.over {
		return
	}
	if n.said {
		s.says = n.status
	}
	if n.pid != 0 {
		s.main = n.pid
	}
	if n.extend > 0 && s.state == StateStarting {
		s.extend(n.extend)
	}
	up := s.state == StateReady || s.state == StateUnverified
	if n.every > 0 {
		s.every = n.every
	}
	switch {
	case n.ready && s.state == StateStarting && s.spec.Ready.Notify:
		s.happen(proved, Event{})
	case !up:
	case n.alarm:
		s.ail(errors.New("it has said WATCHDOG=trigger"))
		return
	case n.reloading:
		s.vigil.patience = s.spec.Ready.Timeout
		s.vigil.reloaded = time.Now().Add(s.vigil.patience)
		s.emit(Event{Kind: KindReloading, Time: time.Now()})
	case n.ready && !s.vigil.reloaded.IsZero():
		s.vigil.reloaded = time.Time{}
		s.emit(Event{Kind: KindReloaded, Time: time.Now()})
	}
	if n.beat {
		s.vigil.last = time.Now()
	}
	if up {
		s.vigil.every = s.every
		s.watchOut()
	}
}

// watchOut sets the alarm for what must be said next.
func (s *service) watchOut() {
	if s.alarm != nil {
		s.alarm.Stop()
		s.alarm = nil
	}
	at, ok := s.vigil.due()
	if !ok {
		return
	}
	l := letter{event: rung, generation: s.generation, state: s.state}
	s.alarm = time.AfterFunc(max(0, time.Until(at)), func() { s.inbox.put(l) })
}

// ail ends a generation that does not serve any more.
func (s *service) ail(why error) {
	s.fault = why.Error()
	s.happen(ailing, Event{What: s.fault})
}

// guard watches a generation that is up: until it counts as stable, and that it
// stays alive.
func (s *service) guard() {
	s.arm(s.spec.Restart.StableAfter, stable)
	s.vigil = vigil{every: s.every, last: time.Now()}
	s.watchOut()
	live := s.spec.Live
	if !live.asks() {
		return
	}
	ctx, cancel := context.WithCancel(s.host.ctx)
	s.quiet = cancel
	at := letter{event: ailing, generation: s.generation, state: s.state}
	p := s.prober(live.Probe)
	s.work.Go(func() {
		defer cancel()
		if at.err = watchLife(ctx, live, p.try); at.err != nil {
			s.inbox.put(at)
		}
	})
}

// probe watches for readiness until the state changes.
func (s *service) probe() {
	r := s.spec.Ready
	if !r.probes() {
		s.happen(unprobed, Event{})
		return
	}
	s.unready.Store(nil)
	s.begun, s.until = time.Now(), time.Time{}
	if r.Timeout > 0 {
		s.until = s.begun.Add(r.Timeout)
		s.arm(r.Timeout, overdue)
	}
	var wait func(context.Context) error
	last := func(err error) { s.unready.Store(&err) }
	switch g := s.sign; {
	case r.Notify, r.Log != "":
		return // hear and the reader of the output see it
	case r.Pipe != "":
		wait = g.written
	case r.File != "":
		wait = func(ctx context.Context) error { return repeat(ctx, r.Interval, g.fresh, last) }
	default:
		p := s.prober(r.Probe)
		try := func(ctx context.Context) error { return p.try(ctx, tryTime) }
		wait = func(ctx context.Context) error { return repeat(ctx, r.Interval, try, last) }
	}
	ctx, cancel := context.WithCancel(s.host.ctx)
	s.quiet = cancel
	at := letter{event: proved, generation: s.generation, state: s.state}
	s.work.Go(func() {
		defer cancel()
		switch err := wait(ctx); {
		case err == nil:
			s.inbox.put(at)
		case ctx.Err() == nil:
			last(err)
		}
	})
}

// extend lets a start take longer: at least so long from now.
func (s *service) extend(d time.Duration) {
	if until := time.Now().Add(d); !s.until.IsZero() && until.After(s.until) {
		s.until = until
		s.timer.Stop()
		s.arm(d, overdue)
	}
}

// late says why a start has taken too long.
func (s *service) late() string {
	why := fmt.Sprintf("not ready within %s", s.until.Sub(s.begun).Round(time.Millisecond))
	err := s.spec.Ready.missing()
	if last := s.unready.Load(); last != nil {
		err = *last
	}
	if err != nil {
		why += ": " + err.Error()
	}
	return why
}

// prober asks the generation that runs.
func (s *service) prober(ask Probe) *prober {
	spec, m := s.spec, s.mark()
	m.service = probeMark + m.service
	return &prober{
		ask: ask, generation: s.generation, proc: s.proc,
		command: func(ctx context.Context, argv []string) error {
			return s.host.inquire(ctx, command{argv: argv, dir: spec.Dir, env: spec.environ()}, m)
		},
	}
}

func (s *service) mark() mark {
	return mark{run: s.host.run, service: s.name, generation: s.generation}
}

// seeLine returns what is told each line of the generation's output, from
// several goroutines, and looks for the one that shows readiness.
func (s *service) seeLine() func(text string) {
	pattern := s.sign.line
	if pattern == nil {
		return func(string) {}
	}
	at := letter{event: proved, generation: s.generation, state: StateStarting}
	var seen atomic.Bool
	return func(text string) {
		if !seen.Load() && pattern.MatchString(text) && seen.CompareAndSwap(false, true) {
			s.inbox.put(at)
		}
	}
}
