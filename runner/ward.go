package runner

import (
	"encoding/json"
	"os"
	"slices"
	"time"
)

// A ward is a service in the care of a shim (internal/shim), which is the parent
// of its processes and reads its output, so that it outlives the agent. All
// else, signals and the hunt for what is left of a generation included, is the
// runner's, as ever. When a runner begins it looks for the wards of the one
// before and goes on with them.

// record is what one runner leaves to the next about a generation. The shim
// has it, so it is there exactly as long as the generation.
type record struct {
	Run     string
	Service string
	// Agent is the origin of its processes, in words.
	Agent      string
	Generation int
	// Numbered is the newest generation of the service.
	Numbered int
	Cause    Cause
	Why      string
	// Serves says that it has shown that it serves, or that nothing is probed.
	Serves bool
	// Listen are the sockets that it was lent, Addresses where they are: port 0
	// is one that the system chose.
	Listen    []Listen
	Addresses []string
	// Notify is the address of its socket for notices, "" for none.
	Notify   string
	Restarts Restarts
	Stop     Stop
	// Paid, Streak and Cooldowns are the account of its crashes.
	Paid              []time.Time
	Streak, Cooldowns int
}

// adoption is a ward that was found.
type adoption struct {
	record
	memo  []byte
	proc  process
	pipes *pipes
	// files are the sockets that it was lent.
	files []*os.File
	// over says that it has ended.
	over bool
	// rivals are other generations of the service, as there are when an agent
	// has ended in the middle of a rolling restart.
	rivals []*adoption
}

// Kept is a generation of an earlier runner that New has found.
type Kept struct {
	Service    string
	Generation int
	// Memo is what Options.Memo, or [Runner.Memorize], said of it; nil for one
	// that has ended meanwhile.
	Memo []byte
}

// keeps reports whether the next generation is to outlive the agent.
// A terminal is the agent's, and goes with it.
func (s *service) keeps() bool { return s.spec.Keep && s.host.keep != "" && !s.spec.TTY }

// stays reports whether a generation goes on when its runner does not.
func (n *incarnation) stays() bool { return n.pipes != nil && n.pipes.ward != nil && !n.over }

// recordOf is what the next runner should know of a generation now.
func (s *service) recordOf(n *incarnation) []byte {
	r := record{
		Run: s.host.run, Service: s.name, Agent: n.by, Generation: n.generation, Numbered: s.numbered,
		Cause: n.cause, Why: n.why,
		Serves:   n.state == StateReady || n.state == StateUnverified || n.state == StateDraining,
		Restarts: s.restarts, Stop: s.spec.Stop, Paid: s.account.paid, Streak: s.account.streak, Cooldowns: s.account.cooldowns,
	}
	for _, h := range s.sockets {
		r.Listen, r.Addresses = append(r.Listen, h.spec), append(r.Addresses, h.address)
	}
	if n.ear != nil {
		r.Notify = n.ear.address
	}
	data, err := json.Marshal(r)
	if err != nil {
		panic("bug: a record is plain data: " + err.Error())
	}
	return data
}

// note tells the shim of a generation, if it has one, what the next runner
// should know.
func (s *service) note(n *incarnation) {
	if n.stays() {
		n.pipes.ward.note(s.recordOf(n))
	}
}

// entrust starts a command in the care of a shim.
func (s *service) entrust(n *incarnation, c command) (process, *pipes, error) {
	var memo []byte
	if s.host.memo != nil {
		memo = s.host.memo(s.name, n.generation)
	}
	return s.host.start.(unixStarter).startWard(s.host.keep, c, s.mark(n), s.recordOf(n), memo)
}

// adopt goes on with a generation of an earlier agent. Where it had shown that
// it serves, and can be asked again, it is; other signs are not given twice.
func (s *service) adopt(a *adoption) {
	n := &incarnation{
		generation: a.Generation, by: a.Agent, state: StateStopped, cause: a.Cause, why: a.Why, proc: a.proc, pipes: a.pipes,
		every: s.spec.Heartbeat, units: newTracker(s.spec.Units, time.Now()), served: a.Serves,
	}
	s.incarnation, s.numbered, s.restarts = n, max(a.Numbered, a.Generation), a.Restarts
	s.account = account{paid: earlier(a.Paid, time.Now()), streak: a.Streak, cooldowns: a.Cooldowns}
	for i, f := range a.files {
		if i < len(a.Listen) && i < len(a.Addresses) {
			h := &held{spec: a.Listen[i], file: f, address: a.Addresses[i]}
			h.recognise()
			if s.spec.Strategy == Rolling && h.spec.TCP != "" {
				h.regroup(a.succeeds())
			}
			s.sockets = append(s.sockets, h)
		}
	}
	for _, a := range a.rivals {
		r := &rival{adoption: a, done: make(chan struct{})}
		s.rivals = append(s.rivals, r)
		s.work.Go(func() {
			defer close(r.done)
			r.left = a.end(s.host.force)
		})
	}
	if a.Notify != "" {
		n.ear = heardElsewhere(a.Notify)
	}
	if !a.Serves {
		n.sign, _ = prepareSign(s.spec.Ready, s.spec.Confine) // without, it is overdue, and restarted
		if n.sign.was != nil && n.sign.was.ModTime().After(n.proc.since()) {
			n.sign.was = nil // made by this generation, while nobody looked
		}
	}
	s.announce(n, Event{Kind: KindAdopted, What: "it outlived the agent that started it"})
	s.happen(found, Event{What: n.why})
	s.follow(n)
	if a.Serves && s.spec.Ready.probes() && !s.spec.Ready.asks() {
		s.happen(proved, Event{})
	} else {
		s.happen(launched, Event{})
	}
}

// earlier returns the times that are not after now. Others are of a clock that was
// set back since, and would count for as long as they are ahead.
func earlier(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return t.After(now) })
}

// succeeds reports whether a generation that is older, and to be ended, still
// has its sockets: theirs are the first ones of their groups then.
func (a *adoption) succeeds() bool {
	return slices.ContainsFunc(a.rivals, func(rival *adoption) bool { return rival.Generation < a.Generation })
}

// end ends a generation that is not gone on with, and its rivals. It returns the
// pids that do not go away.
func (a *adoption) end(force <-chan struct{}) []int {
	a.dispose()
	left := a.proc.end(a.Stop, force)
	for _, rival := range a.rivals {
		left = append(left, rival.end(force)...)
	}
	return left
}

// rival is another generation of a service that goes on, while it is ended. No
// new one starts before it is gone.
type rival struct {
	*adoption
	done chan struct{} // closed when the first attempt is over
	left []int         // what does not go away; written before done is closed
}

// endRivals ends what is left of rivals, and returns the pids that do not go
// away.
func (s *service) endRivals() (left []int) {
	s.rivals = slices.DeleteFunc(s.rivals, func(r *rival) bool {
		<-r.done
		if len(r.left) > 0 {
			r.left = r.proc.end(r.Stop, s.host.force)
		}
		left = append(left, r.left...)
		return len(r.left) == 0
	})
	return left
}

// pick chooses between generations of one service that were found: one that
// has not ended, that serves, and of those the newest. It is the one that a
// rolling restart would have kept. The others are its rivals.
func pick(all []*adoption) *adoption {
	best := slices.MaxFunc(all, func(a, b *adoption) int {
		switch better := !a.over && b.over || a.over == b.over && a.Serves && !b.Serves; {
		case better:
			return 1
		case a.over != b.over || a.Serves != b.Serves:
			return -1
		}
		return a.Generation - b.Generation
	})
	for _, a := range all {
		best.Numbered = max(best.Numbered, a.Numbered, a.Generation)
		if a != best {
			best.rivals = append(best.rivals, a)
		}
	}
	return best
}

// recall ends the successor of a generation that stays when its runner does
// not: it could not take over any more.
func (s *service) recall() {
	s.lead(false)
	if h := s.heir; h.proc != nil && !h.over {
		h.proc.end(s.spec.Stop, s.host.force)
		h.over = true
	}
}

// Kept returns the generations of an earlier runner that New has found, by
// service. Those of services that are not configured are being ended.
func (r *Runner) Kept() []Kept { return slices.Clone(r.kept) }

// Memorize replaces the memo of a generation, if it is the newest one of its
// service and is kept.
func (r *Runner) Memorize(service string, generation int, memo []byte) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.services {
		if s.name == service {
			s.inbox.put(letter{event: memorize, generation: generation, memo: memo})
		}
	}
}
