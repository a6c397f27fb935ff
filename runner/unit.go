package runner

import (
	"fmt"
	"slices"
	"time"
)

// Unit is a part of a service that lives inside of its process, such as a
// poller, and reports for itself by the protocol of sd_notify: messages with
// UNIT and its name, and any of STATE, STATUS and WATCHDOG=1. Each is a sign
// of life.
type Unit struct {
	Name string
	// Heartbeat is the longest time between two reports, from the first one;
	// 0: none are asked for. It is not asked for in the state "stopped".
	Heartbeat time.Duration `json:",omitempty"`
	// Start is how long the first report may take, from when the service is
	// up; 0: none is asked for.
	Start time.Duration `json:",omitempty"`
	// Deadlines have the longest stay in a state, by the state.
	Deadlines map[string]time.Duration `json:",omitempty"`
	// Signal is the name of a signal that the process is sent when the unit
	// stalls; then the unit has Answer to go on before the service is
	// restarted. "" restarts it at once.
	Signal string        `json:",omitempty"`
	Answer time.Duration `json:",omitempty"`
}

// UnitStatus is a unit as it is now.
type UnitStatus struct {
	Name string `json:"name"`
	// State is the one that it has reported, "starting" before it has.
	State string `json:"state"`
	// Since is when it came to its state.
	Since time.Time `json:"since"`
	// Says is its STATUS.
	Says string `json:"says,omitempty"`
	// Stalled says in words how it is overdue, "" when it is not.
	Stalled string `json:"stalled,omitempty"`
}

// The states that mean something here; all others are the unit's own.
const (
	unitStarting = "starting"
	unitStopped  = "stopped" // it is at rest, and need not report
)

// tracker follows the units of one generation. Times come as arguments.
type tracker struct {
	units []tracked
	// watching is whether deadlines run: from when the service is up.
	watching bool
}

// tracked is one unit.
type tracked struct {
	Unit
	state    string
	says     string
	reported bool
	since    time.Time // when it came to its state
	// last and stay are when the times for the next report and for its state
	// began to run.
	last, stay time.Time
	stalled    string // how it is overdue, "" when it is not
	fixed      bool   // that only another state mends
	// told is when a change of its state was last told of, zero for never, untold
	// how many have come since.
	told   time.Time
	untold int
	asked  time.Time // when the process was sent Signal for it, zero if not
}

// stall is a unit that is overdue.
type stall struct {
	unit, why string
	// signal asks the process to mend it; "": nothing but a restart is left.
	signal string
}

func newTracker(units []Unit, now time.Time) tracker {
	var t tracker
	for _, u := range units {
		t.units = append(t.units, tracked{Unit: u, state: unitStarting, since: now, last: now, stay: now})
	}
	return t
}

// watch lets the deadlines run from now.
func (t *tracker) watch(now time.Time) {
	t.watching = true
	for i := range t.units {
		t.units[i].begin(now)
	}
}

// begin lets all times of a unit run from now.
func (u *tracked) begin(now time.Time) {
	u.last, u.stay = now, now
	if !u.asked.IsZero() {
		u.asked = now
	}
}

// heard is what a report has brought.
type heard struct {
	known  bool // there is such a unit
	mended bool // it was stalled and goes on
	move   *move
}

// move is a change of a unit's state that is to be told of.
type move struct {
	from, to string
	// untold is how many others there were since the last that was told of.
	untold int
}

// moveTime is the least time between two changes of a unit's state that are
// told of: some change with each thing that they do.
const moveTime = time.Second

// hear takes a report. An alarm is a stall that the unit itself has seen: overdue
// has it.
func (t *tracker) hear(n notice, now time.Time) (h heard) {
	i := slices.IndexFunc(t.units, func(u tracked) bool { return u.Name == n.unit })
	if i < 0 {
		return heard{}
	}
	h.known = true
	u := &t.units[i]
	u.reported, u.last = true, now
	if n.said {
		u.says = n.status
	}
	moved := n.state != "" && n.state != u.state
	if moved {
		h.move = u.tell(n.state, now)
		u.state, u.since, u.stay = n.state, now, now
	}
	switch {
	case n.alarm:
		if u.stalled == "" {
			u.stalled = "has said WATCHDOG=trigger" + u.where()
		}
	case u.stalled != "" && (moved || !u.fixed):
		u.stalled, u.fixed, u.asked = "", false, time.Time{}
		h.mended = true
	}
	return h
}

// tell returns what to tell of a change of state, nil for nothing.
func (u *tracked) tell(to string, now time.Time) *move {
	if !u.told.IsZero() && now.Sub(u.told) < moveTime {
		u.untold++
		return nil
	}
	m := &move{from: u.state, to: to, untold: u.untold}
	u.told, u.untold = now, 0
	return m
}

// due is when the next unit is overdue; false for never.
func (t *tracker) due() (at time.Time, ok bool) {
	for i := range t.units {
		if when, _, _, yes := t.units[i].deadline(); t.watching && yes && (!ok || when.Before(at)) {
			at, ok = when, true
		}
	}
	return at, ok
}

// deadline is when something must have come from a unit, how it is overdue
// after that, and whether only another state mends it.
func (u *tracked) deadline() (at time.Time, why string, fixed, ok bool) {
	sooner := func(from time.Time, d time.Duration, text string, another bool) {
		if when := from.Add(d); d > 0 && (!ok || when.Before(at)) {
			at, why, fixed, ok = when, text, another, true
		}
	}
	switch {
	case u.stalled != "" && u.asked.IsZero():
		return u.last, u.stalled, u.fixed, true // an alarm
	case u.stalled != "":
		return u.asked.Add(u.Answer), fmt.Sprintf("%s, nor within %s of %s", u.stalled, u.Answer, u.Signal), u.fixed, true
	case !u.reported:
		sooner(u.last, u.Start, fmt.Sprintf("has not reported within %s", u.Start), false)
	case u.state != unitStopped:
		sooner(u.last, u.Heartbeat, fmt.Sprintf("has not reported for %s%s", u.Heartbeat, u.where()), false)
	}
	limit := u.Deadlines[u.state]
	sooner(u.stay, limit, fmt.Sprintf("has been in state %s for %s", u.state, limit), true)
	return at, why, fixed, ok
}

func (u *tracked) where() string {
	if !u.reported || u.state == unitStarting {
		return ""
	}
	return " (in state " + u.state + ")"
}

// overdue are the units that stall at now, and what is to be done about each.
// When the look comes much too late the agent itself was stopped, and may not
// have heard what was said: then the times begin anew, as those of a vigil.
func (t *tracker) overdue(now time.Time) []stall {
	var list []stall
	for i := range t.units {
		u := &t.units[i]
		at, why, fixed, ok := u.deadline()
		alarm := u.stalled != "" && u.asked.IsZero()
		switch {
		case !t.watching || !ok || now.Before(at):
			continue
		case !alarm && now.Sub(at) > lateness:
			u.begin(now)
			continue
		}
		s := stall{unit: u.Name, why: why}
		if u.asked.IsZero() && u.Signal != "" {
			s.signal, u.asked = u.Signal, now
		}
		if u.stalled == "" {
			u.stalled, u.fixed = why, fixed
		}
		list = append(list, s)
	}
	return list
}

// status returns the units, in their order.
func (t *tracker) status() []UnitStatus {
	var list []UnitStatus
	for _, u := range t.units {
		list = append(list, UnitStatus{Name: u.Name, State: u.state, Since: u.since, Says: u.says, Stalled: u.stalled})
	}
	return list
}
