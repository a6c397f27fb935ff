package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"bounce/internal/pyruntime/observe"
	"bounce/watcher"
)

// TestRound: starts in a row count, and only those that followed soon.
func TestRound(t *testing.T) {
	for _, c := range []struct {
		name    string
		starts  []start
		count   int
		regular bool
		endless bool
	}{
		{"once", []start{{1, time.Second}}, 1, true, false},
		{"in a row", []start{{1, time.Second}, {2, time.Second + 90*time.Millisecond}, {3, time.Second}}, 3, true, false},
		{"at any time", []start{{1, time.Second}, {2, 3 * time.Second}, {3, 2 * time.Second}}, 3, false, false},
		{"another in between", []start{{1, time.Second}, {3, time.Second}}, 1, true, false},
		{"long after the start", []start{{1, time.Second}, {2, time.Minute}}, 1, true, false},
		{"evenly", evenly(hopeless, 8*time.Second), hopeless, true, true},
		{"evenly, and not often yet", evenly(hopeless-1, time.Second), hopeless - 1, true, false},
		{"evenly, and then a person saves", append(evenly(restless, time.Second), start{restless + 1, 7 * time.Second}), restless + 1, false, false},
		{"promptly, at any time", unevenly(restless), restless, false, true},
		{"promptly, and not often yet", unevenly(restless - 1), restless - 1, false, false},
		{"soon again", []start{{1, time.Minute}, {2, time.Second}}, 2, false, false},
	} {
		var r round
		for _, s := range c.starts {
			r = r.next(s.generation, s.ran)
		}
		if r.count != c.count || r.regular() != c.regular || r.endless() != c.endless {
			t.Errorf("%s: %+v, regular %v, endless %v", c.name, r, r.regular(), r.endless())
		}
	}
}

// TestExcuses: a file of which nobody knows what it held restarts a generation,
// and not the next one too if the file came into being while that one ran.
func TestExcuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sm := newSelfmade("")
		voices := map[int]*voice{}
		for _, c := range []struct {
			name       string
			generation int
			created    string // now, by a batch; or by its name alone: + now, - before the start
			path       string
			excused    bool
		}{
			{"the first", 1, "a.py", "a.py", false},
			{"another of it", 1, "b.py", "b.py", false},
			{"of the next", 2, "c.py", "c.py", true},
			{"another of the next", 2, "d.py", "d.py", true},
			{"one that was there before", 2, "", "a.py", false},
			{"one that nobody has seen come", 2, "", "e.py", false},
			{"of the one after", 3, "f.py", "f.py", true},
			{"one that is ignored, and was written since", 3, "+h.py", "h.py", true},
			{"one that is ignored, and was there before", 3, "-i.py", "i.py", false},
			{"after one that had none", 5, "g.py", "g.py", false},
		} {
			v := voices[c.generation]
			if v == nil {
				time.Sleep(time.Second)
				v = newVoice(&observe.Spool{Service: "api", Generation: c.generation}, false)
				voices[c.generation] = v
			}
			time.Sleep(time.Second)
			switch {
			case c.created == "":
			case c.created[0] == '+':
				sm.met(c.created[1:], time.Now())
			case c.created[0] == '-':
				sm.met(c.created[1:], v.began.Add(-time.Second))
			default:
				sm.note(watcher.Batch{Changes: []watcher.Change{{Path: c.created, Kind: watcher.Created}}})
			}
			if got := sm.excuses(v, c.path); got != c.excused {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	})
}

type start struct {
	generation int
	ran        time.Duration
}

func evenly(n int, ran time.Duration) (all []start) {
	for i := range n {
		all = append(all, start{i + 1, ran + time.Duration(i%3)*20*time.Millisecond})
	}
	return all
}

func unevenly(n int) (all []start) {
	for i := range n {
		all = append(all, start{i + 1, promptly / time.Duration(1+i%7)})
	}
	return all
}
