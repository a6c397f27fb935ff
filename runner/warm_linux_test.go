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

func (*library) Imports(string) map[Import]bool { return nil }

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
	return newBoundedWarmRig(t, change, warm.Bounds{})
}

// newBoundedWarmRig is newWarmRig with other bounds for parents.
func newBoundedWarmRig(t *testing.T, change func(*Spec), b warm.Bounds) *warmRig {
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
	w := &warmRig{newRig(t, Options{Specs: []Spec{s}, Observer: l, bounds: b}), l}
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

// restart writes a value and has the service restarted, which prints it.
func (w *warmRig) restart(t *testing.T, value int) {
	t.Helper()
	w.write(t, value)
	w.up("a")
	w.line(fmt.Sprintf("value %d ", value))
}

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

// TestWarmForkHangs: a parent that does nothing is waited for no longer than a
// fork may take, and the start is made once.
func TestWarmForkHangs(t *testing.T) {
	t.Parallel()
	w := newBoundedWarmRig(t, nil, warm.Bounds{Fork: 100 * time.Millisecond})
	w.restart(t, 1)
	parent := w.parent(1)
	if err := syscall.Kill(parent, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.restart(t, 2)
	w.want(2, "cold: a fork takes more than 100ms")
	w.parent(2) // by now it has ended, since there is another one in its place
	w.until("the end of the parent", func() bool { return !alive(parent) })
	w.restart(t, 3)
	w.want(3, "warm")
	w.once(2)
}

// once fails the test unless one generation has printed a value.
func (w *warmRig) once(value int) {
	w.t.Helper()
	w.rig.mu.Lock()
	defer w.rig.mu.Unlock()
	n := 0
	for _, l := range w.lines {
		if strings.HasPrefix(l.Text, fmt.Sprintf("value %d ", value)) {
			n++
		}
	}
	if n != 1 {
		w.t.Errorf("%d generations have printed value %d", n, value)
	}
}

// TestWarmWithoutDescriptors: wherever in a fork there are no more descriptors, the
// start is made when there are, once.
func TestWarmWithoutDescriptors(t *testing.T) {
	t.Parallel()
	if !inLimits(t) {
		return
	}
	w := newWarmRig(t, func(s *Spec) { s.Restart.Budget.Restarts = 1000 })
	for spare := range 18 {
		w.restart(t, 2*spare)
		w.until("a parent", func() bool {
			i := lastIndex(w.events, func(e Event) bool { return e.Kind == KindWarmable || e.Kind == KindUnwarmable })
			return i >= 0 && w.events[i].Kind == KindWarmable
		})
		tries := w.count("a", KindStarted) + w.count("a", KindBackoff)
		w.write(t, 2*spare+1)
		release := useUp(t, spare)
		ticket := w.Apply(planFor("a"))
		w.until("an attempt", func() bool {
			n := 0
			for _, e := range w.events {
				if e.Kind == KindStarted || e.Kind == KindBackoff {
					n++
				}
			}
			return n > tries
		})
		release()
		w.finish(ticket)
		w.line(fmt.Sprintf("value %d ", 2*spare+1))
		w.once(2*spare + 1)
	}
	// The last ones had enough.
	w.want(w.status("a").Generation, "warm")
}

// lastIndex is the index of the last one that is meant; -1 for none.
func lastIndex(events []Event, meant func(Event) bool) int {
	for i, e := range slices.Backward(events) {
		if meant(e) {
			return i
		}
	}
	return -1
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

// TestWarmDaemon: what an import has put into the background is looked for where
// such processes go, and there is no parent that has started one for all.
func TestWarmDaemon(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, func(s *Spec) { s.Env = append(s.Env, "PYTHONPATH=site-packages") })
	site := filepath.Join(w.library.dir, "site-packages")
	if err := os.Mkdir(site, 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := `import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        os.execvp("sleep", ["sleep", "1000"])
    os._exit(0)
os.wait()
`
	if err := os.WriteFile(filepath.Join(site, "library.py"), []byte(daemon), 0o644); err != nil {
		t.Fatal(err)
	}
	w.restart(t, 1)
	w.event("a", KindUnwarmable, 1)
	w.restart(t, 2)
	w.want(2, "cold: an import has left a process running")
}

// TestWarmCounted: a parent would be one process more where these are counted.
func TestWarmCounted(t *testing.T) {
	t.Parallel()
	w := newWarmRig(t, func(s *Spec) {
		s.Confine.Limits = map[string]Limit{"nproc": {Soft: 10000, Hard: 10000}}
	})
	w.restart(t, 1)
	w.event("a", KindUnwarmable, 1)
	w.restart(t, 2)
	w.want(2, "cold: the number of its processes is limited (nproc), and a parent is one more")
}

// TestWarmOutOfReach: who cannot enter the directory of the hook would run the
// command in place of a parent.
func TestWarmOutOfReach(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody := somebody(t)
	const python = "/usr/bin/python3" // that of the tests may be below a home
	if _, err := os.Stat(python); err != nil {
		t.Skip(err)
	}
	w := newWarmRig(t, func(s *Spec) { s.Argv[0], s.Confine.User = python, nobody.Username })
	dir := open(t, w.library.dir)
	if err := os.Chmod(dir, 0o777); err != nil { // it writes down what it has loaded
		t.Fatal(err)
	}
	hook := filepath.Join(dir, ".hook")
	if err := os.Mkdir(hook, 0o700); err != nil {
		t.Fatal(err)
	}
	w.restart(t, 1)
	w.event("a", KindUnwarmable, 1)
	w.restart(t, 2)
	w.want(2, "cold: user nobody may not enter "+hook)
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	w.restart(t, 3)
	w.parent(1)
	w.restart(t, 4)
	w.want(4, "warm")
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
