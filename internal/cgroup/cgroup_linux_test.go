package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestPlaces(t *testing.T) {
	archive, err := txtar.ParseFile("../../testdata/cgroup/places.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			text, want, _ := strings.Cut(string(f.Data), "=> ")
			mounts, groups, _ := strings.Cut(text, "--\n")
			got := ""
			if p, err := placeOf(mounts, groups); err != nil {
				got = err.Error()
			} else if got = p.dirOf(p.group); got == "" {
				got = "outside"
			}
			if got != strings.TrimSpace(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("29 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw", "0::/a", "/b")
	f.Fuzz(func(t *testing.T, mounts, groups, group string) {
		p, err := placeOf(mounts, groups)
		if err != nil {
			return
		}
		for _, g := range []string{p.group, group} {
			if dir := p.dirOf(g); dir != "" && filepath.IsAbs(p.mount) && dir != filepath.Clean(p.mount) && !strings.HasPrefix(dir, strings.TrimSuffix(filepath.Clean(p.mount), "/")+"/") {
				t.Errorf("%q leads to %s, out of %s", g, dir, p.mount)
			}
		}
	})
}

func TestKillCounts(t *testing.T) {
	for text, want := range map[string]string{
		"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n": "2 true",
		"nr_free_pages 1\noom_kill 0\n":                                "0 true",
		"oom 3\n":                                                      "0 false",
		"oom_kill many\n":                                              "0 false",
		"":                                                             "0 false",
	} {
		n, ok := parseKills(text)
		if got := fmt.Sprint(n, " ", ok); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	k := CountKills(nil)
	if later := k; k.place == "" || k.Scope != OfAgent && k.Scope != OfSystem || k.Since(k) {
		t.Errorf("%+v", k)
	} else if later.count++; !later.Since(k) {
		t.Errorf("%+v and %+v", k, later)
	} else if later.place = "elsewhere"; later.Since(k) {
		t.Errorf("%+v and %+v", k, later)
	}
	// Where the controller is switched on for a leaf, that counts alone.
	l := &Leaf{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(l.dir, "memory.events"), []byte("low 0\noom 1\noom_kill 4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if k := CountKills(l); k.Scope != OfGeneration || k.count != 4 {
		t.Errorf("%+v", k)
	}
}

// tree opens a tree for the test.
func tree(t *testing.T) *Tree {
	t.Helper()
	tr, err := Open(fmt.Sprintf("test-%d-%s", os.Getpid(), strings.ToLower(t.Name())))
	if errors.Is(err, ErrUnusable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tr.Close()
		if _, err := os.Stat(tr.Dir()); err == nil {
			t.Errorf("%s is left", tr.Dir())
		}
	})
	return tr
}

// inside starts a shell in a leaf; it prints a line when it has begun its work.
func inside(t *testing.T, l *Leaf, script string) *exec.Cmd {
	t.Helper()
	dir, err := l.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("%q %v", line, err)
	}
	return cmd
}

// TestNothingHides: what has left its session, its parent and its environment,
// and ignores every signal, is in the group and ends with it.
func TestNothingHides(t *testing.T) {
	tr := tree(t)
	l, err := tr.Make("probe/a.b", 7)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inside(t, l, `trap '' TERM INT HUP; (env -i setsid sleep 1000 &); sleep 1000 & echo up; wait`)
	pids := l.PIDs()
	if len(pids) < 3 || !slices.Contains(pids, cmd.Process.Pid) || !slices.IsSorted(pids) {
		t.Errorf("%v", pids)
	}
	for _, pid := range pids {
		if !l.Has(pid) {
			t.Errorf("pid %d is not of it", pid)
		}
	}
	if l.Has(os.Getpid()) || l.Has(1<<22+1) {
		t.Error("it has strangers")
	}
	// Another agent of the same run finds it, whatever group it is in itself.
	again, err := Open(tr.run)
	if err != nil {
		t.Fatal(err)
	}
	found := again.Leftovers()
	if len(found) != 1 || found[0].Service != "probe/a.b" || found[0].Generation != 7 || !slices.Equal(found[0].PIDs(), pids) || !found[0].Has(pids[0]) {
		t.Fatalf("%+v", found)
	}
	if err := found[0].Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	l.Remove()
}

// TestGroupsBelow: what a service makes in its leaf goes with it.
func TestGroupsBelow(t *testing.T) {
	tr := tree(t)
	l, err := tr.Make("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`mkdir -p %[1]s/one/two; sleep 1000 & echo $! > %[1]s/one/two/cgroup.procs; echo up; wait`, l.dir)
	cmd := inside(t, l, script)
	if pids := l.PIDs(); len(pids) != 2 || !l.Has(pids[0]) || !l.Has(pids[1]) {
		t.Errorf("%v", pids)
	}
	if err := l.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	l.Remove()
}

func TestALeafThatIsInUseIsRemovedLater(t *testing.T) {
	tr := tree(t)
	l, err := tr.Make("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inside(t, l, `echo up; sleep 1000`)
	l.Remove()
	if _, err := os.Stat(l.dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	tr.Close()
	if len(l.PIDs()) > 0 {
		t.Error("it has processes still")
	}
}

func TestUnusableTreesSaySo(t *testing.T) {
	p := place{mount: t.TempDir(), root: "/", group: "/"}
	tr := &Tree{place: p, dir: filepath.Join(p.mount, "none", "bounce.x")}
	if l, err := tr.Make("a", 1); err == nil {
		t.Errorf("%+v", l)
	}
}

func BenchmarkLeaf(b *testing.B) {
	tr, err := Open(fmt.Sprintf("bench-%d", os.Getpid()))
	if err != nil {
		b.Skip(err)
	}
	defer tr.Close()
	for b.Loop() {
		l, err := tr.Make("a", 1)
		if err != nil {
			b.Fatal(err)
		}
		l.Remove()
	}
}
