package runner

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inLimits runs the test that calls it in a process of its own, in which limits
// can be had that are for no other, and reports whether this is that process.
func inLimits(t *testing.T) bool {
	t.Helper()
	if os.Getenv("BOUNCE_TEST_LIMITS") == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_LIMITS="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// useUp takes all descriptors that there are but some, fewer than 20, and returns
// what gives them back.
func useUp(t *testing.T, spare int) (release func()) {
	t.Helper()
	limit := uint64(len(entries(t, "/proc/self/fd")) + 20)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	for range spare {
		taken[0].Close()
		taken = taken[1:]
	}
	return func() {
		for _, f := range taken {
			f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
}

// TestWithoutDescriptors: nothing can be started, which is said and tried
// again; what runs can be ended, and is not taken for dead since nothing can be
// looked at.
func TestWithoutDescriptors(t *testing.T) {
	t.Parallel()
	if !inLimits(t) {
		return
	}
	a, b := specOf(t, "a", "sh", "-c", "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.01; done"), specOf(t, "b", "sleep", "1000")
	b.Restart.Budget.Restarts = 1000
	g := newRig(t, Options{Specs: []Spec{a, b}})
	g.up("a")
	g.line("up")
	pid := g.event("a", KindStarted, 1).PID
	release := useUp(t, 0)
	start, err := g.Start("b")
	if err != nil {
		t.Fatal(err)
	}
	if e := g.event("b", KindBackoff, 1); !strings.Contains(e.What, "too many open files") {
		t.Errorf("%s", e.What)
	}
	if st := g.status("b"); st.PID != nil || st.State == StateHeld {
		t.Errorf("%+v", st)
	}
	stop, err := g.Stop("a")
	if err != nil {
		t.Fatal(err)
	}
	// It ends by the signal, not by a kill, and no sooner.
	if e := g.event("a", KindExited, 1); e.PID != pid || e.Exit.Code != 0 {
		t.Errorf("%+v", e.Exit)
	}
	g.line("told")
	release()
	g.finish(stop)
	g.finish(start)
	g.event("b", KindStarted, 1)
	if alive(pid) {
		t.Error("it lives")
	}
}
