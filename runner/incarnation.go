package runner

import (
	"context"
	"sync/atomic"
	"time"

	"bounce/decider"
)

// incarnation is one generation of a service, from the wish that brings it
// about until nothing of it is left. It is owned by the service's goroutine.
type incarnation struct {
	generation int    // its number, from 1
	by         string // the origin of its processes, in words
	// state is that of the service, or of the successor that it is.
	state   State
	cause   Cause
	reasons []decider.Reason
	why     string // in words, what brought it about

	proc      process // nil before its command runs
	pipes     *pipes
	fault     string  // why it is being ended, when it did not end itself
	preparing func()  // ends the hook before its start; nil when there is none
	warned    bool    // it was told that it is to end
	asked     bool    // its end was wished for
	over      bool    // its command has ended
	served    bool    // it had shown that it serves before this runner began
	early     bool    // it was started while the one before it was ended
	shown     bool    // it has been ready, or has run for long enough
	trial     *trial  // what it is to show, nil for nothing
	start     start   // how it was started
	command   command // what was started
	nursed    bool    // it is taken to have loaded its libraries
	survivors []int   // what of it cannot be ended

	// What it says of itself, see report.go.
	ear          *ear // nil when it is not listened to
	sign         sign
	says         string        // its STATUS
	main         int           // its MAINPID, 0 for none
	every        time.Duration // between heartbeats, 0 for none
	vigil        vigil
	alarm        *time.Timer // of vigil
	begun, until time.Time   // when it was launched, and when that is overdue
	unready      atomic.Pointer[error]
	units        tracker
	strangers    map[string]bool // undeclared units that have reported

	timer *time.Timer        // of its state
	quiet context.CancelFunc // ends what watches it in its state; nil when nothing does
}

// conceive returns the generation that a wish asks for.
func (s *service) conceive(w *wish) *incarnation {
	s.numbered++
	return &incarnation{generation: s.numbered, by: s.host.by, state: StateStopped, cause: w.cause, reasons: w.reasons, why: w.why, trial: w.trial}
}

// wish is what brought a generation about, for another one in its place.
func (n *incarnation) wish() *wish {
	return &wish{cause: n.cause, reasons: n.reasons, why: n.why}
}

// still ends what waits and watches in the state that is left.
func (n *incarnation) still() {
	if n.timer != nil {
		n.timer.Stop()
		n.timer = nil
	}
	if n.quiet != nil {
		n.quiet()
		n.quiet = nil
	}
}

// pidNow is the process that answers for it: that of its command, or the one
// that it has named; 0 when its command does not run.
func (n *incarnation) pidNow() int {
	switch {
	case n.proc == nil || n.over:
		return 0
	case n.main != 0:
		return n.main
	}
	return n.proc.pid()
}

// arm sets the timer of the state that a generation is in.
func (s *service) arm(n *incarnation, d time.Duration, e event) {
	l := letter{event: e, generation: n.generation, state: n.state}
	n.timer = time.AfterFunc(d, func() { s.inbox.put(l) })
}

// happens tells the table that a generation belongs to what became of it.
func (s *service) happens(n *incarnation, e event, about Event) {
	if n == s.heir {
		s.develop(e, about)
	} else {
		s.happen(e, about)
	}
}
