package runner

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAnotherMonotonicClock has a service live by a clock that is ten days ahead
// (a time namespace, as after a suspend that only it has seen): nothing of its
// life goes by what it takes the time to be.
func TestAnotherMonotonicClock(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := specOf(t, "a", "unshare", "--time", "--boottime", "864000", "--monotonic", "864000", "python3", "notify.py")
	s.Ready.Notify = true
	g := newRig(t, Options{Specs: []Spec{s}})
	for generation := 1; generation <= 3; generation++ {
		g.up("a")
		st := g.status("a")
		if st.State != StateReady || st.Generation != generation || st.UptimeS < 0 || st.UptimeS > g.patience.Seconds() {
			t.Errorf("%+v", st)
		}
		if p, alive := readStat(*st.PID); !alive || p.pid != *st.PID {
			t.Errorf("pid %d: %+v, %t", *st.PID, p, alive)
		}
	}
	g.stop("a")
	if n := g.count("a", KindCrashed); n != 0 {
		t.Errorf("%d crashes", n)
	}
}

// TestTheClockWasSetBackBetweenAgents: what an earlier agent has noted as paid
// lies in the future then, and does not count for days.
func TestTheClockWasSetBackBetweenAgents(t *testing.T) {
	for jump, want := range map[time.Duration]int{0: 2, 48 * time.Hour: 0} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			kept := earlier([]time.Time{now.Add(jump - 2*time.Minute), now.Add(jump - time.Minute)}, now)
			if len(kept) != want {
				t.Errorf("set back by %s: %d crashes count, want %d", jump, len(kept), want)
			}
			a := account{paid: kept}
			v := a.judge(Restart{When: Always, Budget: Budget{Restarts: 2, Window: 5 * time.Minute}}, failure{code: 1}, now, 0.5)
			if exhausted := v.event == spent; exhausted != (want == 2) {
				t.Errorf("set back by %s: %+v", jump, v)
			}
		})
	}
}
