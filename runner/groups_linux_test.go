package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bounce/internal/cgroup"
)

// needGroups skips what only control groups can do.
func needGroups(t *testing.T) {
	t.Helper()
	tree, err := cgroup.Open(fmt.Sprintf("%d-probe", os.Getpid()))
	if err != nil {
		t.Skip(err)
	}
	tree.Close()
}

// TestNothingHidesInAGroup ends a daemon that has forgotten its environment and
// its output, by a stop and by a crash: nothing but the control group tells
// whose it is.
func TestNothingHidesInAGroup(t *testing.T) {
	t.Parallel()
	needGroups(t)
	for _, end := range []string{"stop", "exit"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			argv := []string{"python3", "tree.py", "vanished"}
			if end == "exit" {
				argv = append(argv, end)
			}
			s := specOf(t, "a", argv...)
			s.Restart.When = Never
			g := newRig(t, Options{Specs: []Spec{s}})
			g.Apply(planFor("a"))
			g.line("up")
			if end == "stop" {
				g.stop("a")
			} else {
				g.event("a", KindHeld, 1)
			}
			if pid := g.pidOf("vanished"); alive(pid) {
				t.Errorf("pid %d is left", pid)
			}
		})
	}
}

// TestAnEscapeeIsReported: a process that leaves its control group is found by
// its environment, ended, and told of.
func TestAnEscapeeIsReported(t *testing.T) {
	t.Parallel()
	needGroups(t)
	tree, err := cgroup.Open(fmt.Sprintf("%d-elsewhere", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	elsewhere, err := tree.Make("elsewhere", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Remove()
	dir, err := elsewhere.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	s := specOf(t, "a", "sh", "-c", `setsid sleep 1000 & echo $! > "$0/cgroup.procs"; echo moved $!; wait`, dir.Name())
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	pid := g.pidOf("moved")
	g.stop("a")
	if alive(pid) {
		t.Errorf("pid %d is left", pid)
	}
	e := g.event("a", KindEscaped, 1)
	if e.PID != pid || e.Generation != 1 || !strings.Contains(e.What, "has left the control group of a") {
		t.Errorf("%+v, want pid %d", e, pid)
	}
	if n := g.count("a", KindEscaped); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

// TestGroupsOfAKilledAgent: the next agent finds them, ends what is in them and
// removes them.
func TestGroupsOfAKilledAgent(t *testing.T) {
	t.Parallel()
	needGroups(t)
	left := leaveBehind(t, "killed-3", "vanished")
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "sleep", "1000")}, Run: "killed-3"})
	g.up("a")
	for _, pid := range left {
		if alive(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
	g.stop("a")
	tree, err := cgroup.Open("killed-3")
	if err != nil {
		t.Fatal(err)
	}
	tree.Close()
	if _, err := os.Stat(tree.Dir()); err == nil {
		t.Errorf("%s is left", tree.Dir())
	}
}

// TestOutOfMemory has the kernel kill a service for want of memory.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	limited := limitMemory(t, 30<<20)
	s := specOf(t, "a", "sh", "-c", `echo $$ > "$0/cgroup.procs" && exec python3 -c 'x = bytearray(200 << 20)'`, limited)
	s.Restart.When = Never
	g := newRig(t, Options{Specs: []Spec{s}, bare: true})
	g.Apply(planFor("a"))
	if e := g.event("a", KindCrashed, 1); !e.Exit.OOM || e.What != "ended by SIGKILL: out of memory" {
		t.Errorf("%+v: %s", e.Exit, e.What)
	}
	// A KILL of somebody else is none.
	s.Argv = []string{"sh", "-c", "kill -KILL $$"}
	g = newRig(t, Options{Specs: []Spec{s}, bare: true})
	g.Apply(planFor("a"))
	if e := g.event("a", KindCrashed, 1); e.Exit.OOM || e.What != "ended by SIGKILL" {
		t.Errorf("%+v: %s", e.Exit, e.What)
	}
}

// limitMemory returns a group of the memory controller, of either version, that
// may use so many bytes.
func limitMemory(t *testing.T, limit int) string {
	t.Helper()
	for _, c := range []struct{ dir, file string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(c.dir, fmt.Sprintf("bounce-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		if os.WriteFile(filepath.Join(dir, c.file), fmt.Append(nil, limit), 0) == nil {
			return dir
		}
	}
	t.Skip("memory cannot be limited here")
	return ""
}
