package runner

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A rolling restart. The successor is started beside the generation that
// serves, proves itself, and takes over when nothing of the one before it is
// left; until then everything that it may do wrong ends it and nothing else.
// There is one successor at a time: a wish that comes while it is on its way
// puts another one in its place, and never touches the one that serves.
//
// There is no way back to code that has been overwritten. So rolling back means
// that the old process stays; when that one dies too, what is on disk is
// started, as after any crash.

// Strategy says how a new generation takes the place of one that serves.
type Strategy string

const (
	// Immediate ends the old one first.
	Immediate Strategy = "immediate"
	// Rolling starts the new one first, and ends the old one when the new one
	// is ready. When it does not get there, the old one stays.
	Rolling Strategy = "rolling"
)

// refusal is why a successor did not take over.
type refusal struct {
	generation int
	why        string
}

// rolls reports whether a wish is carried out beside the generation that runs.
// It is not where that one has not shown that it serves, and where it listens
// on something else.
func (s *service) rolls() bool {
	return s.spec.Strategy == Rolling && s.state == StateReady && s.spec.Ready.probes() && s.lends()
}

// summon starts a successor for what is wanted, or has the one that is on its
// way make room for another.
func (s *service) summon() {
	if h := s.heir; h != nil {
		s.next = h.wish().merge(s.next)
		h.asked = true
		s.develop(rolled, Event{})
		return
	}
	w := s.next
	s.next, s.hold, s.refused = nil, nil, nil
	s.heir = s.conceive(w)
	s.announce(s.heir, Event{Kind: KindRolling, What: w.why})
	s.develop(rolled, Event{})
}

// dismiss gives up on a successor that nothing calls for any more, or on the
// memory of one that has failed. What an operator wants is not for others to
// call off.
func (s *service) dismiss() {
	s.next = nil
	switch h := s.heir; {
	case h == nil:
		s.hold, s.refused = nil, nil
	case h.cause != CauseOperator:
		h.asked = true
		s.develop(recalled, Event{})
	}
}

// develop looks up the table of successors and does what it says.
func (s *service) develop(e event, about Event) {
	h := s.heir
	c, ok := succession[h.state][e]
	if !ok {
		return
	}
	if c.to != h.state {
		h.still()
		h.state = c.to
	}
	switch c.do {
	case precede:
		s.makeReady(h)
	case launch:
		s.launch(h)
	case probe:
		s.probe(h)
	case guard:
		s.guard(h)
		if h.early {
			s.announce(h, Event{Kind: KindServing, What: fmt.Sprintf("generation %d is still being ended", s.generation)})
		}
	case succeed:
		s.happen(succeeded, Event{What: fmt.Sprintf("generation %d is ready", h.generation)})
	case end:
		if s.state == StateDraining && !h.asked {
			s.lead(false)
			s.asked = false
			s.happen(bereft, Event{What: fmt.Sprintf("generation %d has failed", h.generation)})
		}
		s.end(h)
	case look:
		s.arm(h, lookAgain, elapsed)
	case bury:
		s.bury()
	}
}

// drain leads what comes to the successor, and waits until the one before it
// has answered what it has.
func (s *service) drain() {
	s.asked = true
	s.lead(true)
	var old []*os.File
	for _, h := range s.sockets {
		if h.next != nil {
			old = append(old, h.file)
		}
	}
	at := letter{event: drained, generation: s.generation, state: StateDraining}
	ctx, cancel := context.WithCancel(s.host.ctx)
	s.quiet = cancel
	proc, most, farewell := s.proc, limits[StateDraining].span(s.spec), s.farewell(s.incarnation, "generation "+strconv.Itoa(s.heir.generation)+" is ready")
	s.work.Go(func() {
		defer cancel()
		farewell(ctx)
		if drainOut(ctx, old, proc, most) {
			s.inbox.put(at)
		}
	})
}

// bury sees to what follows when nothing is left of a successor that did not
// take over.
func (s *service) bury() {
	h := s.heir
	if s.state == StateStopping || s.state == StateUnclean {
		switch {
		case s.vacant:
			s.inheritance()
		case h.early:
			s.joinAgain()
		}
		return // the one before it goes too, and that is when it is decided on
	}
	s.heir = nil
	s.abandon()
	switch {
	case s.next != nil:
		s.announce(h, Event{Kind: KindAbandoned, What: "another one is wanted: " + s.next.why})
		s.rollOn()
	case h.asked:
		s.announce(h, Event{Kind: KindAbandoned, What: "no longer called for"})
	case s.blames(h):
		s.announce(h, Event{Kind: KindAlone, What: "tried again by a cold start, since this one was warm"})
		s.next = h.wish()
		s.rollOn()
	default:
		s.rollBack(h)
	}
}

// rollOn carries out what was wanted meanwhile.
func (s *service) rollOn() {
	e := s.manner(s.next)
	s.asked = e != rolled
	s.happen(e, Event{What: s.next.why})
}

// rollBack tells that a successor has failed, and why. It is not tried again
// until something changes.
func (s *service) rollBack(h *incarnation) {
	what := h.fault
	if h.proc != nil && what == "" {
		what = h.proc.exit().String()
	}
	d := s.inquest(h, failure{signalled: h.proc != nil && h.over && h.proc.exit().Signal != ""}, what)
	s.refused = &refusal{h.generation, fmt.Sprintf("generation %d failed, and generation %d stays: %s", h.generation, s.generation, d.what)}
	s.hold = s.holdFor("rollback", s.refused.why)
	if d.traced {
		s.hold.Path, s.hold.Line = s.relative(d.trace.file), d.trace.line
	}
	s.call(onFailure, h, d.what)
	s.announce(h, Event{Kind: KindRolledBack, What: d.what, Tail: d.tail, Hold: s.hold})
}

// inheritance decides who comes after a generation of which nothing is left,
// when it had a successor: that one, dead or alive, unless it is still being
// ended or was not to be. It reports whether the successor goes on.
func (s *service) inheritance() {
	h := s.heir
	if h.state == StateStopping {
		s.vacant = true
		if s.survivors = h.survivors; len(s.survivors) > 0 {
			s.happen(stuck, Event{What: s.cannotEnd(h)})
		}
		return
	}
	s.heir, s.vacant, s.survivors = nil, false, nil
	if h.state == StateStopped && h.asked {
		if h.early {
			s.takeOver() // of all that has come meanwhile
		} else {
			s.abandon()
		}
		s.settleEnd()
		return
	}
	s.takeOver()
	s.incarnation = h
	s.count()
	if s.host.took != nil {
		s.host.took(s.name, h.generation)
	}
	switch h.state {
	case StateReady:
		s.happen(proved, Event{What: h.why})
	case StateUnverified:
		s.happen(unprobed, Event{What: h.why})
	case StateStarting:
		s.happen(inherited, Event{What: h.why})
	default:
		s.incarnation.state = s.state
		s.settleEnd()
		return
	}
	if s.next != nil {
		s.rollOn()
	}
}

// cannotEnd says what of a generation does not go away.
func (s *service) cannotEnd(n *incarnation) string {
	return fmt.Sprintf("cannot end pid %s", join(n.survivors))
}

// Successor is a generation that a rolling restart has started.
type Successor struct {
	Generation int `json:"generation"`
	// State is starting, ready (it is about to take over) or stopping (it has
	// failed, or another one is wanted).
	State State `json:"state"`
	// PID is as in Status.
	PID *int `json:"pid"`
}

// successor is what Status says of it; nil when there is none.
func (s *service) successor() *Successor {
	h := s.heir
	if h == nil {
		return nil
	}
	out := &Successor{Generation: h.generation, State: h.state}
	if pid := h.pidNow(); pid != 0 {
		out.PID = &pid
	}
	return out
}

// announce emits an event of a generation, which may not be the current one.
func (s *service) announce(n *incarnation, e Event) {
	e.Generation, e.Cause, e.Reasons = n.generation, n.cause, n.reasons
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.PID == 0 {
		e.PID = n.pidNow()
	}
	s.emit(e)
}

// rests reports whether the service waits for nothing that comes by itself:
// what it is now is the outcome of what was wanted.
func (s *service) rests() bool {
	switch {
	case s.state == StateUnclean:
		return true
	case s.state.moving():
		return false
	case s.heir != nil:
		return len(s.heir.survivors) > 0 // nobody knows when it ends
	}
	return s.state != StateReady || s.next == nil
}
