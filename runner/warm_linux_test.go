package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bounce/internal/pyruntime/warm"
)

// library is an observer that reads what testdata/runner/warm/app.py writes.
type library struct {
	dir string

	mu       sync.Mutex
	packages string
	files    string
	more     []string // modules that cold generations are said to have loaded too
}

func (l *library) Packages(string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.packages == "" {
		return "", errors.New("its interpreter is not known")
	}
	return l.packages, nil
}

func (l *library) Loaded(_ string, generation int) (Loaded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := os.ReadFile(filepath.Join(l.dir, "modules-"+strconv.Itoa(generation)))
	if err != nil {
		return Loaded{}, err
	}
	hook, err := warm.Install(filepath.Join(l.dir, ".hook"))
	if err != nil {
		return Loaded{}, err
	}
	modules := append(strings.Split(string(text), "\n"), l.more...)
	l.more = nil
	return Loaded{Modules: modules, Hook: hook, Roots: []string{l.dir}, Files: l.files}, nil
}

func (l *library) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// warmRig is a rig with a service a that can be started warm.
type warmRig struct {
	*rig
	*library
}

func newWarmRig(t *testing.T, change func(*Spec)) *warmRig {
	t.Helper()
	l := &library{dir: t.TempDir(), packages: "1", files: "0"}
	app, err := os.ReadFile(filepath.Join(scripts(t), "warm", "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "app.py"), app, 0o644); err != nil {
		t.Fatal(err)
	}
	python, err := filepath.Abs("../build/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	s := specOf(t, "a", python, "app.py")
	s.Dir, s.Warm = l.dir, WarmAuto
	s.Ready.Log = "^value"
	if change != nil {
		change(&s)
	}
	w := &warmRig{newRig(t, Options{Specs: []Spec{s}, Observer: l}), l}
	w.write(t, 0)
	return w
}

// write changes the value that the service prints.
func (w *warmRig) write(t *testing.T, value int) {
	t.Helper()
	w.set(func() { w.files = strconv.Itoa(value) })
	path := filepath.Join(w.library.dir, "value.py")
	if err := os.RemoveAll(filepath.Join(w.library.dir, "__pycache__")); err != nil { // as Options.Before does
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "VALUE = %d\n", value), 0o644); err != nil {
		t.Fatal(err)
	}
}

// parent waits for the n-th parent, and returns its pid.
func (w *warmRig) parent(n int) int {
	w.t.Helper()
	return w.event("a", KindWarmable, n).PID
}

// started is how a generation was started.
func (w *warmRig) started(generation int) string {
	w.t.Helper()
	what := "it was not"
	w.until(fmt.Sprintf("the start of generation %d", generation), func() bool {
		i := slices.IndexFunc(w.events, func(e Event) bool { return e.Kind == KindStarted && e.Generation == generation })
		if i >= 0 {
			what = w.events[i].What
		}
		return i >= 0
	})
	return what
}

// restart writes a value and has the service restarted, which prints it.
func (w *warmRig) restart(t *testing.T, value int) {
	t.Helper()
	w.write(t, value)
	w.up("a")
	w.line(fmt.Sprintf("value %d ", value))
}

func (w *warmRig) want(generation int, how string) {
	w.t.Helper()
	if got := w.started(generation); got != how {
		w.t.Errorf("generation %d was started %q, want %q\n%s", generation, got, how, w.story())
	}
}

const firstCold = "cold: no cold start was up yet"

func TestWarm(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, nil)
	w.restart(t, 1)
	w.want(1, firstCold)
	w.parent(1)
	for i := 2; i < 6; i++ {
		w.restart(t, i)
		w.want(i, "warm")
	}
	if s := w.status("a"); s.Start != "warm" || s.Generation != 5 || *s.PID == 0 {
		t.Errorf("%+v", s)
	}
}

func TestWarmOff(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, func(s *Spec) { s.Warm = "" })
	w.restart(t, 1)
	w.restart(t, 2)
	w.want(2, "")
}

// TestWarmFallsBack: a start that cannot be warm is cold at once, and says why.
func TestWarmFallsBack(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, nil)
	w.restart(t, 1)
	if err := syscall.Kill(w.parent(1), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.restart(t, 2)
	w.want(2, "cold: the parent has ended")

	w.parent(2)
	w.set(func() { w.packages = "2" })
	w.restart(t, 3)
	w.want(3, "cold: its interpreter or its packages changed")

	w.parent(3)
	w.set(func() { w.packages = "" })
	w.restart(t, 4)
	w.want(4, "cold: its interpreter is not known")
	w.event("a", KindUnwarmable, 3)

	w.set(func() { w.packages = "2" })
	w.restart(t, 5)
	w.parent(4)
	w.restart(t, 6)
	w.want(6, "warm")
}

// TestWarmFails: a warm start that fails is followed by a cold one, which shows what
// was to blame.
func TestWarmFails(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, nil)
	guilty := filepath.Join(w.library.dir, "value.py")
	w.restart(t, 1)
	w.parent(1)
	w.set(func() { w.files = "guilty" })
	text := "import sys\nif 'decimal' in sys.modules and len(sys._current_frames()) and sys.modules['decimal'] is not None:\n    import gc\n    if gc.get_freeze_count():\n        sys.exit('not like this')\nVALUE = 2\n"
	if err := os.WriteFile(guilty, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(w.library.dir, "__pycache__")); err != nil {
		t.Fatal(err)
	}
	w.up("a")
	w.line("value 2 ")
	w.want(2, "warm")
	blame := "cold: the last warm start ended before it was up: exit code 1"
	w.want(3, blame)
	w.restart(t, 3)
	w.want(4, "cold: a warm start did not do what a cold one did: exit code 1")
}

// TestWarmCodeFails: where the cold start fails as well, it was the code.
func TestWarmCodeFails(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, func(s *Spec) {
		s.Restart.When = Never
		s.Ready = Ready{Log: "^value [0-9]", Timeout: s.Ready.Timeout, Interval: s.Ready.Interval}
	})
	w.restart(t, 1)
	w.parent(1)
	w.write(t, -1)
	w.up("a")
	w.want(2, "warm")
	w.want(3, "cold: the last warm start ended before it was up: exit code 1")
	w.restart(t, 4)
	w.want(4, firstCold)
	w.restart(t, 5)
	w.want(5, "warm")
}

// TestWarmUnlike: one that has not loaded what a cold one from the same files had
// is the last warm one.
func TestWarmUnlike(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, nil)
	w.write(t, 1)
	w.set(func() { w.more = []string{"conjured"} })
	w.up("a")
	w.parent(1)
	w.up("a")
	w.want(2, "warm")
	w.up("a")
	w.want(3, "cold: a warm start did not do what a cold one did: it has not loaded conjured")
}

// TestWarmLent: sockets, notices and the successor of a rolling restart go along.
func TestWarmLent(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, func(s *Spec) {
		s.Listen = []Listen{{TCP: "127.0.0.1:0"}}
		s.Ready.Log, s.Ready.Notify = "", true
		s.Strategy, s.Drain = Rolling, time.Second
	})
	w.restart(t, 1)
	w.parent(1)
	w.restart(t, 2)
	w.want(2, "warm")
	w.event("a", KindRolling, 1)
	if l := w.line("value 2 "); !strings.Contains(l.Text, `["127.0.0.1"] True`) {
		t.Error(l.Text)
	}
}

// TestWarmConfined: what is set for a service holds for warm starts too.
func TestWarmConfined(t *testing.T) {
	t.Parallel()
	umask := uint32(0o027)
	w := newWarmRig(t, func(s *Spec) {
		s.Confine = Confine{Umask: &umask, Limits: map[string]Limit{"nofile": {Soft: 200, Hard: 300}}, Nice: 3}
	})
	w.restart(t, 1)
	w.parent(1)
	cold := described(t, *w.status("a").PID)
	w.restart(t, 2)
	w.want(2, "warm")
	if got := described(t, *w.status("a").PID); got != cold {
		t.Errorf("warm\n%s\ncold\n%s", got, cold)
	}
}

// described is what /proc says of how a process may behave.
func described(t *testing.T, pid int) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"status", "limits"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			for _, key := range []string{"Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "CapEff", "Cpus_allowed:", "Max open files", "Sig"} {
				if strings.HasPrefix(line, key) && !strings.HasPrefix(line, "SigQ") {
					b.WriteString(line)
				}
			}
		}
	}
	s, _ := readStat(pid)
	fmt.Fprintln(&b, s.session == pid, s.group == pid, s.ppid == os.Getpid())
	return b.String()
}

// TestWarmLeavesNothing: neither a parent nor a child outlives the runner, and
// none carries the mark of another service.
func TestWarmLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, nil)
	w.restart(t, 1)
	parent := w.parent(1)
	m, ok := readMark(parent)
	if !ok || m.service != "warm/a" {
		t.Errorf("the parent has the mark %+v", m)
	}
	w.restart(t, 2)
	pid := *w.status("a").PID
	if m, ok := readMark(pid); !ok || m.service != "a" || m.generation != 2 {
		t.Errorf("generation 2 has the mark %+v", m)
	}
	if err := w.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for _, pid := range []int{parent, pid} {
		if alive(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
}
