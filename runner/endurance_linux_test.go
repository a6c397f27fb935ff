package runner

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"bounce/internal/soak"
)

// usage is what a process has in use.
type usage struct {
	fds, goroutines int
	rss             int // KiB
}

func (u usage) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d KiB", u.fds, u.goroutines, u.rss)
}

// use measures this process when its garbage is gone.
func use(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	u := usage{fds: len(entries(t, "/proc/self/fd")), goroutines: runtime.NumGoroutine()}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			u.rss, err = strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return u
}

// TestRestartsForDays restarts a service with a port that a grandchild in
// another session holds too: nobody survives, the port is always free, and
// nothing grows.
func TestRestartsForDays(t *testing.T) {
	port := freePort(t)
	s := specOf(t, "a", "python3", "held.py", strconv.Itoa(port))
	s.Ready.Log = "^(up|taken)"
	g := newRig(t, Options{Specs: []Spec{s}})
	grandchild := 0
	restart := func() {
		g.mu.Lock()
		g.events, g.lines = nil, nil
		g.mu.Unlock()
		g.up("a")
		if grandchild != 0 && alive(grandchild) {
			t.Fatalf("pid %d of the generation before is left", grandchild)
		}
		l := g.Tail("a", 1)[0]
		if _, err := fmt.Sscanf(l.Text, "up %d", &grandchild); err != nil {
			t.Fatalf("generation %d: %s", l.Generation, l.Text)
		}
	}
	for range 10 {
		restart()
	}
	before := use(t)
	count := soak.Times(20, 1000)
	for range count {
		restart()
	}
	// What ends in the background ends soon.
	var after usage
	for deadline := time.Now().Add(g.patience); ; runtime.Gosched() {
		after = use(t)
		if after.fds <= before.fds && after.goroutines <= before.goroutines || time.Now().After(deadline) {
			break
		}
	}
	// The race detector and the allocator keep some memory for themselves.
	const room = 16 << 10
	if after.fds > before.fds || after.goroutines > before.goroutines || after.rss > before.rss+room {
		t.Errorf("before %s, after %s", before, after)
	}
	if st := g.status("a"); st.Restarts.Crash > 0 || st.Generation != 10+count {
		t.Errorf("%+v", st)
	}
	g.stop("a")
	if alive(grandchild) {
		t.Errorf("pid %d is left", grandchild)
	}
	if left := countChildren(); left > 0 {
		t.Errorf("%d children are left", left)
	}
	t.Logf("%d restarts: before %s, after %s", count, before, after)
}

// TestAnExitIsSeenAtOnce compares the time that a command prints before it ends
// with that of the event.
func TestAnExitIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sh", "-c", "date +%s%N; exit 7")
	s.Restart.When = Never
	g := newRig(t, Options{Specs: []Spec{s}})
	n := 0
	took := best(func() time.Duration {
		n++
		g.up("a")
		crashed := g.event("a", KindCrashed, n)
		g.event("a", KindHeld, n)
		printed, err := strconv.ParseInt(g.Tail("a", 1)[0].Text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return crashed.Time.Sub(time.Unix(0, printed))
	})
	if took < 0 || took > 20*time.Millisecond {
		t.Errorf("it was seen after %s", took)
	}
	t.Logf("seen after %s", took)
}
