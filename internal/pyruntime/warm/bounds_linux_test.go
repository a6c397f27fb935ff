package warm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// failedFork has a fork of a program fail, and what follows be done, closes the
// parent, and sees to it that nothing of either is left and that no line of the
// program was run.
func (p *program) failedFork(t *testing.T, parent *Parent, then func()) error {
	t.Helper()
	o := newOutput(t)
	child, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
	o.close()
	if err == nil {
		child.Drop()
		t.Fatal("it was forked")
	}
	then()
	parent.Close()
	for { // who was between, and a child, in whatever order
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			break
		}
	}
	o.wait.Wait()
	if text := o.text[0].String() + o.text[1].String(); text != "" {
		t.Errorf("it has printed %q", text)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "transcript")); !os.IsNotExist(err) {
		t.Errorf("it has run: %v", err)
	}
	return err
}

// TestForkFails: whatever ends a parent, a child or the one between, and whenever,
// there is no child, and an error that says why.
func TestForkFails(t *testing.T) {
	eachProgram(t, "forks", func(t *testing.T, p *program) {
		parent, err := p.parent(t, p.cold(t).modules)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.failedFork(t, parent, func() {}); err.Error() != p.why {
			t.Errorf("got %v, want %s", err, p.why)
		}
	})
}

// TestStopped: nor is a parent waited for that does nothing. The order it has not
// read comes to nothing if it goes on.
func TestStopped(t *testing.T) {
	for _, goesOn := range []bool{false, true} {
		p := newProgram(t, filepath.Join(testdata, "alike", "script.txtar"), python(t))
		p.bounds = Bounds{Fork: 100 * time.Millisecond}
		parent, err := p.parent(t, p.cold(t).modules)
		if err != nil {
			t.Fatal(err)
		}
		stopped(t, parent.PID(), unix.SIGSTOP)
		err = p.failedFork(t, parent, func() {
			if !goesOn {
				return
			}
			if err := unix.Kill(parent.PID(), unix.SIGCONT); err != nil {
				t.Fatal(err)
			}
			if verb, _, err := parent.take(make([]byte, maxMessage)); verb != "forked" {
				t.Errorf("it answers %q (%v)", verb, err)
			}
		})
		if want := "a fork takes more than 100ms"; err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// stopped waits until a child of ours has stopped; signal, if not 0, has it do so.
func stopped(t *testing.T, pid int, signal unix.Signal) {
	t.Helper()
	if signal != 0 {
		if err := unix.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil); err != nil || !ws.Stopped() {
		t.Fatalf("pid %d has not stopped: %v %#x", pid, err, ws)
	}
}

// TestOvergrown: a parent that grows as it forks says when that is too much.
func TestOvergrown(t *testing.T) {
	eachProgram(t, "grows", func(t *testing.T, p *program) {
		cold := p.cold(t)
		parent, err := p.parent(t, cold.modules)
		if err != nil {
			t.Fatal(err)
		}
		for forks := 0; ; forks++ {
			if err := parent.Overgrown(); err != nil {
				if err.Error() != p.why || forks < 2 {
					t.Errorf("after %d forks: got %v, want %s", forks, err, p.why)
				}
				return
			}
			if held := parent.Memory(); held > p.bounds.Memory || forks > 20 {
				t.Fatalf("after %d forks it holds %d bytes", forks, held)
			}
			if d := difference(cold, p.warm(t, parent)); d != "" {
				t.Fatalf("a warm start differs:\n%s", d)
			}
		}
	})
}

// TestChangedMeanwhile: what is installed while a parent imports is not taken for
// what it has. The parent stops for it in the middle of an import.
func TestChangedMeanwhile(t *testing.T) {
	eachProgram(t, "meanwhile", func(t *testing.T, p *program) {
		modules := p.cold(t).modules
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		setup := Setup{Hook: p.hook, Env: p.env, Modules: modules, Roots: []string{p.dir}, First: []string{p.dir}}
		parent, err := start(setup, func(l Launch) (Process, error) {
			child, err := execute(p.argv, l.Env, p.dir, []*os.File{null, l.Stdout, l.Stderr, l.Orders})
			return executed{child}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer parent.Close()
		loaded := make(chan error, 1)
		go func() {
			_, err := parent.load(setup, nil, time.Now().Add(time.Minute))
			loaded <- err
		}()
		stopped(t, parent.PID(), 0)
		p.change(t)
		if err := unix.Kill(parent.PID(), unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if err := <-loaded; err == nil || strings.ReplaceAll(err.Error(), p.dir, "$DIR") != p.why {
			t.Errorf("got %v, want %s", err, p.why)
		}
	})
}

// TestPrintsAtForks: what a parent prints at its forks is nobody's, and does not
// fill up what nobody reads.
func TestPrintsAtForks(t *testing.T) {
	p := newProgram(t, filepath.Join(testdata, "alike", "handlers.txtar"), python(t))
	cold := p.cold(t)
	parent, err := p.parent(t, cold.modules)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 { // of 21 KB each; a pipe has room for 64
		if d := difference(cold, p.warm(t, parent)); d != "" {
			t.Fatalf("a warm start differs:\n%s", d)
		}
	}
}
