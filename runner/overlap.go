package runner

import (
	"errors"
	"fmt"
)

// Overlap. The successor begins at the moment at which the generation that runs
// is told to go, and boots while that one ends. From that moment on what comes
// is for the successor alone, so no request that is made after a change is
// answered by older code, as ever with an immediate restart: only the wait is
// shorter, by the time that the old one takes to end.
//
// There is no way back: the old one goes whatever becomes of the new one. What
// fails because the two were there at once, over a port or a lock file, must not
// leave the service worse off than without. So a generation that fails before it
// has shown that it serves is tried once more by itself, free of charge; if that
// one comes up, they do not overlap any more.
//
// Two at once is the most there is: a wish that comes meanwhile puts another
// successor in the place of one that has not shown that it serves, once nothing
// is left of it; one that serves stays until the old one is gone. The
// configuration may be another one by then, so that the next one may not begin
// before: then it begins when nothing is left of both.

// trial is a generation that has failed while the one before it was there, or by
// a warm start, for the one that is tried in its place.
type trial struct {
	generation int
	what       string // why it failed
	cold       bool   // it is tried by a cold start, since the other one was warm
}

// manner is how a wish is carried out now, as the event that does.
func (s *service) manner(w *wish) event {
	switch {
	case s.rolls():
		return rolled
	case w.cause.asked() && s.laps():
		return lapped
	}
	return wanted
}

// laps reports whether a new generation may begin while the one that runs ends.
func (s *service) laps() bool {
	return s.heir == nil && s.state.live() && s.proc != nil && !s.over && s.bars() == ""
}

// bars says what keeps a generation from beginning beside one that is ended, as
// the spec is now; "" for nothing.
func (s *service) bars() string {
	switch {
	case !s.spec.Overlap || s.spec.Strategy == Rolling:
		return "its generations are not to overlap"
	case !s.lends():
		return elsewhere
	}
	return s.aside()
}

// elsewhere is why the sockets that are held are not those of a new generation.
const elsewhere = "what it listens on has changed"

// errAlone says that a generation was about to begin beside another one, and must
// not as the spec is by now.
var errAlone = errors.New("it has to be alone")

// mayJoin returns errAlone if a successor must not begin where it is, and why.
func (s *service) mayJoin(n *incarnation) error {
	why := ""
	switch {
	case n.early:
		why = s.bars()
	case !s.lends():
		why = elsewhere
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", errAlone, why)
}

// aside says why generations do not overlap, "" when they may.
func (s *service) aside() string {
	switch {
	case s.spec.TTY:
		return "it has a terminal, which is for one generation at a time"
	case s.keeps():
		return "it outlives the agent"
	}
	for _, h := range []Hook{beforeStart, beforeStop, afterStop} {
		if len(s.spec.Hooks[h]) > 0 {
			return fmt.Sprintf("its hook %s counts on one generation at a time", h)
		}
	}
	return s.apart
}

// relay ends the generation that runs, and starts its successor meanwhile.
func (s *service) relay() {
	old := s.incarnation
	if err := s.openAhead(); err != nil {
		s.setApart(old, err.Error())
	} else {
		s.join()
	}
	s.end(old)
}

// join starts a successor for what is wanted, beside the generation that is
// being ended.
func (s *service) join() {
	w := s.next
	s.next, s.refused = nil, nil
	s.heir = s.conceive(w)
	s.heir.early = true
	s.announce(s.heir, Event{Kind: KindOverlapping, What: w.why})
	s.develop(rolled, Event{})
}

// giveWay has a successor that does not serve make room for what is wanted
// meanwhile, while the generation before it is still being ended.
func (s *service) giveWay() {
	h := s.heir
	if h == nil || !h.early || s.next == nil || h.asked {
		return
	}
	switch h.state {
	case StateStarting:
		s.next = h.wish().merge(s.next)
		h.asked = true
		s.develop(rolled, Event{})
	case StateStopped: // it has failed
		s.joinAgain()
	}
}

// joinAgain puts another successor in the place of one of which nothing is left.
// What restarts since something else has failed waits for the end of both.
func (s *service) joinAgain() {
	if s.state != StateStopping || s.next == nil || !s.next.cause.asked() {
		return
	}
	what := "another one is wanted: " + s.next.why
	if why := s.bars(); why != "" {
		s.heir.asked = true // what follows is for the one that is wanted
		s.announce(s.heir, Event{Kind: KindAbandoned, What: fmt.Sprintf("%s; it waits for the end of generation %d: %s", what, s.generation, why)})
		return
	}
	s.announce(s.heir, Event{Kind: KindAbandoned, What: what})
	s.join()
}

// tryAlone follows the failure of a generation that was started while the one
// before it was there.
func (s *service) tryAlone(d findings) {
	s.tryAgain(d, "by itself, since the generation before it was still there", false)
}

// tryAgain follows the failure of a generation with one more of the same, free of
// charge: how says in which other way, cold that it is by a cold start.
func (s *service) tryAgain(d findings, how string, cold bool) {
	s.announce(s.incarnation, Event{Kind: KindAlone, Tail: d.tail, What: d.what + "; tried again " + how})
	s.next = s.wish()
	s.next.trial = &trial{s.generation, d.what, cold}
	s.happen(renewed, Event{What: s.why})
}

// prove notes that a generation has shown that it serves, or has run for long
// enough.
func (s *service) prove(n *incarnation) {
	if n.shown {
		return
	}
	n.shown = true
	s.nurse(n)
	if t := n.trial; t != nil && !t.cold {
		s.setApart(n, fmt.Sprintf("generation %d failed beside the one before it, and generation %d by itself did not: %s", t.generation, n.generation, t.what))
	}
}

// setApart ends overlaps until the spec changes.
func (s *service) setApart(n *incarnation, why string) {
	s.apart = why
	s.announce(n, Event{Kind: KindApart, What: why})
}
