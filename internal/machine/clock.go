package machine

import "time"

// Clock is how a file system stamps what is written.
type Clock struct {
	// Path is where it was looked at.
	Path string `json:"path"`
	// Ahead is how far it is ahead of this machine's clock, in seconds.
	Ahead float64 `json:"ahead_s"`
	// Step is the smallest difference that it can tell, as far as was seen, in
	// seconds: 1 for whole seconds, 0 when not known.
	Step float64 `json:"step_s"`
	// Problem says why nothing is known, "" when something is.
	Problem string `json:"problem,omitempty"`
}

// stepOf returns the step of times that were stamped one after the other: the
// largest of some usual ones that divides all of them.
func stepOf(stamps []time.Time) time.Duration {
	if len(stamps) == 0 {
		return 0
	}
	for _, step := range []time.Duration{2 * time.Second, time.Second, time.Millisecond, time.Microsecond} {
		all := true
		for _, s := range stamps {
			all = all && s.UnixNano()%int64(step) == 0
		}
		if all {
			return step
		}
	}
	return time.Nanosecond
}
