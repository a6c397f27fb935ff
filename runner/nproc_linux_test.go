package runner

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestWithoutProcesses: a user who may have one process has more, so the kernel
// refuses the start of another (EAGAIN). That passes: it is said and tried again,
// while all else goes on.
func TestWithoutProcesses(t *testing.T) {
	t.Parallel()
	needRoot(t)
	const uid = 54321 // nobody's
	var others []*exec.Cmd
	stop := func() {
		for _, other := range others {
			_ = other.Process.Kill() // or it was already
			_ = other.Wait()
		}
	}
	defer stop()
	for range 2 {
		other := exec.Command("sleep", "1000")
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		others = append(others, other)
	}
	a, b := specOf(t, "a", "sleep", "1000"), specOf(t, "b", "sleep", "1000")
	a.Dir = "/"
	a.Confine = Confine{User: strconv.Itoa(uid), Group: strconv.Itoa(uid), Limits: map[string]Limit{"nproc": {Soft: 1, Hard: 1}}}
	a.Restart.Budget.Restarts = 1000
	g := newRig(t, Options{Specs: []Spec{a, b}})
	g.Apply(planFor("a"))
	if e := g.event("a", KindBackoff, 2); !strings.Contains(e.What, "as many processes as it may have (nproc)") || e.Hold != nil {
		t.Errorf("%+v", e)
	}
	if st := g.status("a"); st.PID != nil || st.State == StateHeld {
		t.Errorf("%+v", st)
	}
	g.up("b")
	g.stop("b")
	stop()
	g.event("a", KindStarted, 1)
}
