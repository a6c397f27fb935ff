package runner

import (
	"errors"
	"fmt"

	"bounce/decider"
)

// A signal is sent to the command of a service that runs and has shown it, or
// counts as if it had. Any other service is restarted in its place: one that is
// starting may not have a handler yet, and would die of it; one that does not
// run is started, since what it waited for may have come.

// signal has a step's service sent its signal.
func (c *conductor) signal(s *step) {
	v := c.view(s.name)
	// A restart that was begun with the same look has started nothing yet: what
	// it will start loads what the signal is about.
	if r := c.activeStep(s.name); r != nil && v.turn < r.turn {
		r.slots = append(r.slots, s.slots...)
		s.slots, s.ended = nil, true
		return
	}
	switch {
	case c.intent[s.name] == Down:
		c.end(s, Left, Result{Why: "stopped by operator", State: v.status.State})
	case c.rising(s.name), v.status.State != StateReady && v.status.State != StateUnverified:
		c.restartInstead(s)
	default:
		s.active = true
		c.services[s.name].inbox.put(letter{event: told, signal: s.signal, wish: s.wish, reply: func(err error) {
			c.r.calls.put(func() { c.signalled(s, err) })
		}})
	}
}

// signalled books what became of a signal.
func (c *conductor) signalled(s *step, err error) {
	switch {
	case s.ended: // the agent stops
	case err != nil:
		c.restartInstead(s)
	default:
		st := c.view(s.name).status
		c.end(s, Done, Result{State: st.State, Generation: st.Generation})
	}
}

// restartInstead has the service of a signal restarted.
func (c *conductor) restartInstead(s *step) {
	slots := s.slots
	s.slots, s.ended = nil, true
	c.add(&step{kind: decider.RestartService, name: s.name, order: s.order, event: wanted, wish: s.wish, why: s.why}, slots...)
}

// send sends a signal to the command. What it loads then is what there is now,
// as for a start.
func (s *service) send(l letter) error {
	if s.over || s.state != StateReady && s.state != StateUnverified {
		return errors.New("it does not run")
	}
	if err := s.prepare(s.incarnation); err != nil {
		return err
	}
	if err := s.proc.signal(l.signal); err != nil {
		return fmt.Errorf("cannot send %s: %w", l.signal, err)
	}
	s.emit(Event{Kind: KindSignalled, Signal: l.signal, Cause: l.wish.cause, Reasons: l.wish.reasons, What: l.wish.why})
	return nil
}
