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
func (s Spec) reports() bool { return s.Ready.Notify || s.Heartbeat > 0 || len(s.Units) > 0 }

// environ is the environment without what the agent was told of its own
// sockets.
func (s Spec) environ() []string {
	return unsetenv(s.Env, envNotify, envWatchdog, envWatchdogPID, envListenPID, envListenFDs, envListenNames)
}

// lendEar makes the socket that a new generation reports to, and returns its
// environment.
func (s *service) lendEar(n *incarnation) ([]string, error) {
	env := s.spec.environ()
	n.every, n.units = s.spec.Heartbeat, newTracker(s.spec.Units, time.Now())
	if !s.spec.reports() {
		return env, nil
	}
	dir := s.host.scratch
	if s.keeps() {
		dir = s.host.keep // the other is emptied by the next agent
		if err := keepDir(dir); err != nil {
			return nil, err
		}
	}
	e, err := openEar(dir, s.spec.Confine.User != "")
	if err != nil {
		return nil, err
	}
	n.ear = e
	env = append(env, envNotify+"="+e.address)
	if beat := s.spec.Heartbeat; beat > 0 {
		env = append(env, fmt.Sprintf("%s=%d", envWatchdog, beat.Microseconds()))
	}
	return env, nil
}

// attend listens to a generation that was started.
func (s *service) attend(born *incarnation) {
	e, proc := born.ear, born.proc
	if e == nil {
		return
	}
	at := letter{event: noticed, generation: born.generation}
	heard := func(text string) {
		l, n := at, parseNotice(text)
		if n.pid != 0 {
			if ours, _ := proc.has(n.pid); !ours {
				n.pid = 0
			}
		}
		l.notice = n
		s.inbox.put(l)
	}
	if born.pipes.ward != nil {
		born.pipes.ward.heard = heard // it has looked who it is from
		return
	}
	if e.elsewhere() {
		return // it ended while no agent was there
	}
	s.work.Go(func() {
		e.listen(func(pid int, text string) {
			if ours, known := proc.has(pid); ours && known {
				heard(text)
			}
		})
	})
}

// deafen stops listening, and removes what the generation's signs need.
func (n *incarnation) deafen() {
	if n.ear != nil {
		n.ear.close()
		n.ear = nil
	}
	n.sign.close()
	if n.alarm != nil {
		n.alarm.Stop()
		n.alarm = nil
	}
	n.says, n.main, n.vigil, n.units = "", 0, vigil{}, tracker{}
}

// up reports whether a generation is one that has to say that it goes on.
func (n *incarnation) up() bool { return n.state == StateReady || n.state == StateUnverified }

// hear acts on what a generation says.
func (s *service) hear(n *incarnation, said notice) {
	if n.over {
		return
	}
	if said.unit != "" {
		s.hearUnit(n, said)
		return
	}
	if said.said {
		n.says = said.status
	}
	if said.pid != 0 {
		n.main = said.pid
	}
	if said.extend > 0 && n.state == StateStarting {
		s.extend(n, said.extend)
	}
	if said.every > 0 {
		n.every = said.every
	}
	switch {
	case said.ready && n.state == StateStarting && s.spec.Ready.Notify:
		s.proves(n)
	case !n.up():
	case said.alarm:
		s.ail(n, errors.New("it has said WATCHDOG=trigger"))
		return
	case said.reloading:
		n.vigil.patience = s.spec.Ready.Timeout
		n.vigil.reloaded = time.Now().Add(n.vigil.patience)
		s.announce(n, Event{Kind: KindReloading, Time: time.Now()})
	case said.ready && !n.vigil.reloaded.IsZero():
		n.vigil.reloaded = time.Time{}
		s.announce(n, Event{Kind: KindReloaded, Time: time.Now()})
	}
	if said.beat {
		n.vigil.last = time.Now()
	}
	if n.up() {
		n.vigil.every = n.every
		s.watchOut(n)
	}
}

// watchOut sets the alarm for what must be said next.
func (s *service) watchOut(n *incarnation) {
	if n.alarm != nil {
		n.alarm.Stop()
		n.alarm = nil
	}
	at, ok := n.vigil.due()
	if unit, yes := n.units.due(); yes && (!ok || unit.Before(at)) {
		at, ok = unit, true
	}
	if !ok {
		return
	}
	l := letter{event: rung, generation: n.generation, state: n.state}
	n.alarm = time.AfterFunc(max(0, time.Until(at)), func() { s.inbox.put(l) })
}

// listenOut looks for what should have been said by now.
func (s *service) listenOut(n *incarnation) {
	now := time.Now()
	if why := n.vigil.missed(now); why != "" {
		s.ail(n, errors.New(why))
		return
	}
	for _, st := range n.units.overdue(now) {
		what := fmt.Sprintf("unit %s of %s %s", st.unit, s.name, st.why)
		s.announce(n, Event{Kind: KindStalled, Unit: st.unit, Signal: st.signal, What: what})
		if st.signal == "" {
			s.ail(n, errors.New(what))
			return
		}
		if err := n.proc.signal(st.signal); err != nil {
			s.ail(n, fmt.Errorf("%s; cannot send %s: %w", what, st.signal, err))
			return
		}
	}
	s.watchOut(n)
}

// maxStrangers is how many undeclared units of a generation are told of.
const maxStrangers = 16

// hearUnit acts on what a unit says.
func (s *service) hearUnit(n *incarnation, said notice) {
	h := n.units.hear(said, time.Now())
	if m := h.move; m != nil {
		s.announce(n, Event{Kind: KindUnit, Unit: said.unit, UnitState: m.to, Count: m.untold,
			What: fmt.Sprintf("unit %s of %s is %s, after %s", said.unit, s.name, m.to, m.from)})
	}
	switch {
	case h.mended:
		s.announce(n, Event{Kind: KindMended, Unit: said.unit, What: fmt.Sprintf("unit %s of %s goes on", said.unit, s.name)})
	case !h.known && !n.strangers[said.unit] && len(n.strangers) < maxStrangers:
		if n.strangers == nil {
			n.strangers = make(map[string]bool)
		}
		n.strangers[said.unit] = true
		s.announce(n, Event{Kind: KindUndeclared, Unit: said.unit,
			What: fmt.Sprintf("%s reports for unit %q, which it does not declare: add it to units, or correct the name", s.name, said.unit)})
	}
	if n.up() {
		s.watchOut(n)
	}
}

// ail ends a generation that does not serve any more.
func (s *service) ail(n *incarnation, why error) {
	n.fault = why.Error()
	s.happens(n, ailing, Event{What: n.fault})
}

// guard watches a generation that is up: until it counts as stable, and that it
// stays alive. A successor is stable when it may take over.
func (s *service) guard(n *incarnation) {
	n.still()
	bounds := limits
	if n == s.heir {
		bounds = heirLimits
		s.note(n)
	}
	switch {
	case n.state == StateReady:
		s.prove(n)
	case s.warms():
		s.lookLater(n, warmSettle)
	}
	if l, ok := bounds[n.state]; ok {
		s.arm(n, l.span(s.spec), stable)
	}
	n.vigil = vigil{every: n.every, last: time.Now()}
	n.units.watch(n.vigil.last)
	s.watchOut(n)
	live := s.spec.Live
	if !live.asks() {
		return
	}
	ctx, cancel := context.WithCancel(s.host.ctx)
	n.quiet = cancel
	at := letter{event: ailing, generation: n.generation, state: n.state}
	p := s.prober(n, live.Probe)
	s.work.Go(func() {
		defer cancel()
		if at.err = watchLife(ctx, live, p.try); at.err != nil {
			s.inbox.put(at)
		}
	})
}

// probe watches for readiness until the state changes.
func (s *service) probe(n *incarnation) {
	r := s.spec.Ready
	if !r.probes() {
		s.happens(n, unprobed, Event{})
		return
	}
	n.unready.Store(nil)
	n.begun, n.until = time.Now(), time.Time{}
	if most := limits[StateStarting].span(s.spec); most > 0 {
		n.until = n.begun.Add(most)
		s.arm(n, most, overdue)
	}
	var wait func(context.Context) error
	last := func(err error) { n.unready.Store(&err) }
	switch g := n.sign; {
	case r.Notify, r.Log != "":
		return // hear and the reader of the output see it
	case r.Pipe != "":
		wait = g.written
	case r.File != "":
		wait = func(ctx context.Context) error { return repeat(ctx, r.Interval, g.fresh, last) }
	default:
		p := s.prober(n, r.Probe)
		try := func(ctx context.Context) error { return p.try(ctx, tryTime) }
		wait = func(ctx context.Context) error { return repeat(ctx, r.Interval, try, last) }
	}
	ctx, cancel := context.WithCancel(s.host.ctx)
	n.quiet = cancel
	at := letter{event: proved, generation: n.generation, state: n.state}
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
func (s *service) extend(n *incarnation, d time.Duration) {
	if until := time.Now().Add(d); !n.until.IsZero() && until.After(n.until) {
		n.until = until
		n.timer.Stop()
		s.arm(n, d, overdue)
	}
}

// late says why a start has taken too long.
func (s *service) late(n *incarnation) string {
	why := fmt.Sprintf("not ready within %s", n.until.Sub(n.begun).Round(time.Millisecond))
	err := s.spec.Ready.missing()
	if last := n.unready.Load(); last != nil {
		err = *last
	}
	if err != nil {
		why += ": " + err.Error()
	}
	return why
}

// prober asks a generation that runs. Of two, each is asked on its own socket.
func (s *service) prober(n *incarnation, ask Probe) *prober {
	spec, m := s.spec, s.mark(n)
	m.service = probeMark + m.service
	p := &prober{
		ask: ask, generation: n.generation, proc: n.proc,
		command: func(ctx context.Context, argv []string) error {
			return s.host.inquire(ctx, command{argv: argv, dir: spec.Dir, env: spec.environ(), confine: spec.Confine}, m)
		},
	}
	if _, port, ok := ask.endpoint(); ok && n == s.heir {
		p.steer = s.steering(port)
	}
	return p
}

func (s *service) mark(n *incarnation) mark {
	return s.host.mark(s.name, n.generation)
}

// seeLine returns what is told each line of a generation's output, from
// several goroutines, and looks for the one that shows readiness.
func (s *service) seeLine(n *incarnation) func(text string) {
	pattern := n.sign.line
	if pattern == nil {
		return func(string) {}
	}
	at := letter{event: proved, generation: n.generation, state: StateStarting}
	var seen atomic.Bool
	return func(text string) {
		if !seen.Load() && pattern.MatchString(text) && seen.CompareAndSwap(false, true) {
			s.inbox.put(at)
		}
	}
}
