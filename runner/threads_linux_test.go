package runner

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel can kill a process when the thread that forked it ends, whatever
// becomes of the others of its program (PR_SET_PDEATHSIG). Go ends threads: each
// goroutine that returns with its thread locked takes it along. So nothing that
// we start may ask for that.

// TestNobodyDiesWithAThread forks as for all that we start, on threads that end
// right after.
func TestNobodyDiesWithAThread(t *testing.T) {
	const many = 50
	type born struct {
		child  *os.Process
		thread int
		err    error
	}
	ended := make(chan born)
	for range many {
		go func() {
			runtime.LockOSThread() // and never unlocked
			child, _, err := forkClean("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
			ended <- born{child, unix.Gettid(), err}
		}()
	}
	var all []born
	for range many {
		b := <-ended
		if b.err != nil {
			t.Fatal(b.err)
		}
		all = append(all, b)
		t.Cleanup(func() {
			_ = b.child.Kill()
			_, _ = b.child.Wait()
		})
	}
	gone := 0
	for _, b := range all {
		if b.thread == os.Getpid() {
			continue // the runtime keeps the first thread
		}
		task := filepath.Join("/proc/self/task", strconv.Itoa(b.thread))
		for deadline := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
			if _, err := os.Stat(task); err != nil {
				gone++
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("thread %d is still there: the test does not do what it says", b.thread)
			}
		}
	}
	if gone < many-1 {
		t.Fatalf("%d of %d threads have ended", gone, many)
	}
	for _, b := range all {
		if p, ok := readPid(strconv.Itoa(b.child.Pid)); !ok || p.Dead() {
			t.Errorf("pid %d has died with thread %d", b.child.Pid, b.thread)
		}
	}
}

// TestNobodyIsToDieWithAThread asks processes themselves, on each way that
// services are started.
func TestNobodyIsToDieWithAThread(t *testing.T) {
	t.Parallel()
	mask := uint32(0o027)
	var specs []Spec
	for name, change := range map[string]func(*Spec){
		"plain":    func(*Spec) {},
		"confined": func(s *Spec) { s.Confine.Umask = &mask },
		"kept":     func(s *Spec) { s.Keep = true },
	} {
		s := specOf(t, name, "python3", "deathsig.py")
		change(&s)
		specs = append(specs, s)
	}
	g := newRig(t, Options{Specs: specs, Keep: filepath.Join(t.TempDir(), "kept")})
	for _, s := range specs {
		g.up(s.Name)
		g.until("a word of "+s.Name, func() bool {
			return slices.ContainsFunc(g.lines, func(l Line) bool { return l.Service == s.Name })
		})
		if l := g.Tail(s.Name, 1)[0]; l.Text != "deathsig 0" {
			t.Errorf("%s: %s", s.Name, l.Text)
		}
	}
}
