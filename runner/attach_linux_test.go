package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"bounce/internal/terminal"
)

// visitor is somebody at the terminal of a service, with what they saw; notices
// are in brackets.
type visitor struct {
	*terminal.Guest
	g    *rig
	seen strings.Builder
}

func (g *rig) attach(service string) *visitor {
	g.t.Helper()
	guest, err := g.Attach(service)
	if err != nil {
		g.t.Fatal(err)
	}
	return &visitor{Guest: guest, g: g}
}

// until reads on until it sees a text, and forgets what was before.
func (v *visitor) until(text string) {
	v.g.t.Helper()
	ctx, cancel := context.WithTimeout(v.g.t.Context(), v.g.patience)
	defer cancel()
	for {
		if _, rest, found := strings.Cut(v.seen.String(), text); found {
			v.seen.Reset()
			v.seen.WriteString(rest)
			return
		}
		data, notice, err := v.Next(ctx)
		if err != nil {
			v.g.t.Fatalf("waited in vain for %q: %v\n%s\n%s", text, err, v.seen.String(), v.g.story())
		}
		v.seen.Write(data)
		if notice != "" {
			v.seen.WriteString("[" + notice + "]")
		}
	}
}

// A debugger works at the terminal of a service, over its restart and its death.
func TestBreakpoint(t *testing.T) {
	spec := specOf(t, "api", "python3", "debugged.py")
	spec.TTY = true
	g := newRig(t, Options{Specs: []Spec{spec}})
	g.up("api")
	// Nobody is there: that it asks is said.
	l := g.line(`"(Pdb) " stands at its terminal; to answer: bounce attach api`)
	if l.Stream != Notice {
		t.Errorf("stream %q", l.Stream)
	}
	if l := g.line("stdin True, stdout True, stderr True"); l.Stream != Terminal {
		t.Errorf("stream %q", l.Stream)
	}
	v := g.attach("api")
	v.until("(Pdb) ")
	v.Type([]byte("p secret * 2\r"))
	v.until("84")
	v.until("(Pdb) ")
	if _, err := g.Attach("api"); !errors.Is(err, terminal.ErrTaken) {
		t.Errorf("a second one: %v", err)
	}

	// A restart while it is attached.
	ticket, err := g.Restart("api")
	if err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	v.until("[api starts, generation 2]")
	v.until("(Pdb) ")
	// And its death.
	pid := *g.status("api").PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	v.until("[api starts, generation 3]")
	v.until("(Pdb) ")
	v.Type([]byte("c\r"))
	v.until("went on with 42")
	v.Leave()

	// What is a session of its own goes with it, and so does what left it.
	ticket, err = g.Stop("api")
	if err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	if st := g.status("api"); st.State != StateStopped {
		t.Errorf("state %s: %s", st.State, st.Reason)
	}
}

// Without a terminal of its own a service has none, and its input is at its end.
func TestNoTerminal(t *testing.T) {
	spec := specOf(t, "api", "python3", "debugged.py")
	g := newRig(t, Options{Specs: []Spec{spec}})
	g.up("api")
	g.line("stdin False, stdout False, stderr False")
	g.line("bdb.BdbQuit")
	if e := g.event("api", KindBackoff, 1); !strings.Contains(e.What, "a debugger needs a terminal: 'bounce up --tty', or tty: true and 'bounce attach api'") {
		t.Errorf("what it says: %s", e.What)
	}
	if _, err := g.Attach("api"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("Attach = %v", err)
	}
	if _, err := g.Attach("nobody"); err == nil {
		t.Error("somebody attached to nobody")
	}
}

// A traceback is found among the lines of a terminal, coloured or not.
func TestTracebackOnATerminal(t *testing.T) {
	spec := specOf(t, "api", "python3", "-c", `print("\x1b[35mTraceback (most recent call last):\x1b[0m\n  File \x1b[35m\"a.py\"\x1b[0m, line \x1b[35m3\x1b[0m, in <module>\n\x1b[1;35mImportError\x1b[0m: \x1b[35mno\x1b[0m"); raise SystemExit(1)`)
	spec.TTY = true
	g := newRig(t, Options{Specs: []Spec{spec}})
	g.up("api")
	e := g.event("api", KindHeld, 1)
	if e.Hold == nil || e.Hold.Line != 3 || !strings.Contains(e.What, "ImportError: no") {
		t.Errorf("held %+v: %s", e.Hold, e.What)
	}
}

// Every line is recorded, whoever else reads or does not.
func TestRecordMissesNothing(t *testing.T) {
	const lines = 200_000
	stuck := make(chan struct{})
	recorded := make(chan int, 1)
	n := 0
	spec := specOf(t, "api", "python3", "-c", fmt.Sprintf(`
import signal, sys
sys.stdout.write("".join(f"line {i}\n" for i in range(%d)))
sys.stdout.flush()
signal.pause()`, lines))
	g := newRig(t, Options{Specs: []Spec{spec}, Output: func(Line) { <-stuck }, Record: func(l Line) {
		if l.Text != fmt.Sprint("line ", n) {
			t.Errorf("line %d is %q", n, l.Text)
		}
		if n++; n == lines {
			recorded <- n
		}
	}})
	defer close(stuck)
	g.up("api")
	select {
	case <-recorded:
	case <-time.After(g.patience):
		t.Fatal("some lines did not come")
	}
}

// A terminal leaves no descriptor behind.
func TestTerminalsAreClosed(t *testing.T) {
	spec := specOf(t, "api", "sh", "-c", "echo up; while :; do sleep 0.01; done")
	spec.TTY = true
	g := newRig(t, Options{Specs: []Spec{spec}})
	g.up("api")
	open := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range names {
			if to, _ := os.Readlink("/proc/self/fd/" + name.Name()); strings.HasPrefix(to, "/dev/pt") {
				n++
			}
		}
		return n
	}
	for range 5 {
		ticket, err := g.Restart("api")
		if err != nil {
			t.Fatal(err)
		}
		g.finish(ticket)
	}
	g.until("the terminals of those that have ended are closed", func() bool { return true })
	ticket, err := g.Stop("api")
	if err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	for deadline := time.Now().Add(g.patience); open() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d terminals are open", open())
		}
	}
}
