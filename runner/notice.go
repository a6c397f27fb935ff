package runner

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a service says of itself by the protocol of sd_notify: datagrams of
// NAME=value lines, see sd_notify(3). What is unknown is skipped, as systemd
// does. A message with UNIT is that of a unit inside of the service (unit.go):
// of the others it has STATUS and WATCHDOG alone, and STATE, which is ours.

// notice is one message.
type notice struct {
	// unit is UNIT, "" for the service itself; state is its STATE.
	unit, state string

	ready, reloading, stopping bool
	// status is the text of STATUS, said whether there was one.
	status string
	said   bool
	// pid is MAINPID, 0 for none.
	pid int
	// beat is WATCHDOG=1, alarm WATCHDOG=trigger.
	beat, alarm bool
	// every is WATCHDOG_USEC, extend EXTEND_TIMEOUT_USEC; 0 for none.
	every, extend time.Duration
}

// maxStatus is how much of a STATUS is kept, maxName of a UNIT and of a STATE.
const (
	maxStatus = 1024
	maxName   = 64
)

// parseNotice reads a message.
func parseNotice(text string) notice {
	var n notice
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			continue
		}
		switch name {
		case "UNIT":
			n.unit = cut(value, maxName)
		case "STATE":
			n.state = cut(value, maxName)
		case "READY":
			n.ready = value == "1"
		case "RELOADING":
			n.reloading = value == "1"
		case "STOPPING":
			n.stopping = value == "1"
		case "STATUS":
			n.status, n.said = cut(value, maxStatus), true
		case "MAINPID":
			if pid, err := strconv.ParseInt(value, 10, 32); err == nil && pid > 1 {
				n.pid = int(pid)
			}
		case "WATCHDOG":
			n.beat, n.alarm = value == "1", value == "trigger"
		case "WATCHDOG_USEC":
			n.every = microseconds(value)
		case "EXTEND_TIMEOUT_USEC":
			n.extend = microseconds(value)
		}
	}
	if n.unit == "" {
		n.state = ""
		return n
	}
	return notice{unit: n.unit, state: n.state, status: n.status, said: n.said, beat: n.beat, alarm: n.alarm}
}

// cut returns the beginning of a text, as valid UTF-8.
func cut(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// microseconds reads a number of them; 0 for what is none, or more than a year.
func microseconds(text string) time.Duration {
	const most = 365 * 24 * uint64(time.Hour/time.Microsecond)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// vigil is what a service that is up must say, and by when.
type vigil struct {
	// every is the longest time between two heartbeats, 0 for none; last is
	// when the last one came.
	every time.Duration
	last  time.Time
	// reloaded is when READY=1 must have followed a RELOADING=1, zero while
	// none is awaited; patience is the time for it.
	reloaded time.Time
	patience time.Duration
}

// due is when something must have been said at the latest; false for never.
func (v vigil) due() (at time.Time, ok bool) {
	if v.every > 0 {
		at, ok = v.last.Add(v.every), true
	}
	if !v.reloaded.IsZero() && (!ok || v.reloaded.Before(at)) {
		at, ok = v.reloaded, true
	}
	return at, ok
}

// missed says what has not been said in time; "" for nothing. When the look
// comes much too late, the agent itself was stopped or starved and may not have
// heard what was said: then the time begins anew.
func (v *vigil) missed(now time.Time) string {
	at, ok := v.due()
	if !ok || now.Before(at) {
		return ""
	}
	if late := now.Sub(at); late > lateness {
		v.last = now
		if !v.reloaded.IsZero() {
			v.reloaded = now.Add(v.patience)
		}
		return ""
	}
	if at.Equal(v.reloaded) {
		return fmt.Sprintf("not ready again within %s of RELOADING=1", v.patience)
	}
	return fmt.Sprintf("no heartbeat for %s", v.every)
}

// lateness is how late a look may come and still be believed.
const lateness = time.Second
