package runner

import "testing"

func TestRestartReplacesTheProcess(t *testing.T) {
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "sleep", "1000")}})
	g.up("a")
	first := g.event("a", KindStarted, 1)
	g.up("a")
	second := g.event("a", KindStarted, 2)
	if first.PID == second.PID || second.Generation != 2 {
		t.Errorf("started pid %d, then %d as generation %d", first.PID, second.PID, second.Generation)
	}
	ticket, err := g.Stop("a")
	if err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	if s := g.status("a"); s.State != StateStopped || s.Intent != Down || s.PID != nil {
		t.Errorf("after Stop: %+v", s)
	}
	if got := g.up("a"); got[0].Outcome != Left {
		t.Errorf("a plan for a stopped service: %+v", got)
	}
}
