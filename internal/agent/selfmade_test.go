package agent

import (
	"testing"
	"time"
)

// TestRound: starts in a row count, and only those that followed soon.
func TestRound(t *testing.T) {
	type start struct {
		generation int
		ran        time.Duration
	}
	for _, c := range []struct {
		name    string
		starts  []start
		count   int
		regular bool
	}{
		{"once", []start{{1, time.Second}}, 1, true},
		{"in a row", []start{{1, time.Second}, {2, time.Second + 90*time.Millisecond}, {3, time.Second}}, 3, true},
		{"at any time", []start{{1, time.Second}, {2, 3 * time.Second}, {3, 2 * time.Second}}, 3, false},
		{"another in between", []start{{1, time.Second}, {3, time.Second}}, 1, true},
		{"long after the start", []start{{1, time.Second}, {2, time.Minute}}, 1, true},
		{"soon again", []start{{1, time.Minute}, {2, time.Second}}, 2, false},
	} {
		var r round
		for _, s := range c.starts {
			r = r.next(s.generation, s.ran)
		}
		if r.count != c.count || r.regular() != c.regular {
			t.Errorf("%s: %+v, regular %v", c.name, r, r.regular())
		}
	}
}
