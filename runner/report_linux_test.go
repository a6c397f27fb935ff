package runner

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A socket that answers may be that of another service, or be left from one.
func TestAStrangersUnixSocketIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := specOf(t, "a", "sleep", "1000")
	s.Ready.Unix, s.Ready.Timeout = path, 200*time.Millisecond
	s.Restart.When = Never
	g := newRig(t, Options{Specs: []Spec{s}})
	got := g.up("a")
	if want := path + " is held by pid " + itoa(os.Getpid()) + " ("; got[0].State != StateHeld || !strings.Contains(got[0].Why, want) {
		t.Errorf("%+v, want %q", got, want)
	}
}

// Where the path of the socket would be too long it is an abstract one, and
// nothing of either kind is left.
func TestNoticesGoByBothKindsOfAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dir, prefix string }{
		"path":     {"", "/"},
		"abstract": {strings.Repeat("d", 100), "@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scratch := filepath.Join(t.TempDir(), c.dir)
			if err := os.MkdirAll(scratch, 0o700); err != nil {
				t.Fatal(err)
			}
			s := specOf(t, "a", "python3", "notify.py")
			s.Ready.Notify = true
			g := newRig(t, Options{Specs: []Spec{s}, Scratch: scratch})
			for range 3 {
				if got := outcomes(g.up("a")); got != "a done" {
					t.Error(got)
				}
			}
			if l := g.line("address "); !strings.HasPrefix(l.Text, "address "+c.prefix) {
				t.Errorf("%s, want %s...", l.Text, c.prefix)
			}
			if s := g.status("a"); s.Says != "up" {
				t.Errorf("it says %q", s.Says)
			}
			ticket, err := g.Stop("a")
			if err != nil {
				t.Fatal(err)
			}
			g.finish(ticket)
			if left := entries(t, scratch); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// What comes from outside the generation is not believed, and neither is a
// MAINPID that is no process of it.
func TestStrangersNoticesAreDropped(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "python3", "notify.py", "late")
	s.Ready.Notify, s.Ready.Timeout = true, time.Hour
	g := newRig(t, Options{Specs: []Spec{s}, Scratch: t.TempDir()})
	ticket := g.Apply(planFor("a"))
	address := strings.TrimPrefix(g.line("address ").Text, "address ")
	conn, err := net.Dial("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("READY=1\nSTATUS=a lie")); err != nil {
		t.Fatal(err)
	}
	// What it says itself comes later, and is heard after what was said before.
	asked := time.Now()
	pid := g.event("a", KindStarted, 1).PID
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	g.finish(ticket)
	if e := g.event("a", KindReady, 1); e.Time.Before(asked) {
		t.Error("it was ready by what a stranger said")
	}
	if st := g.status("a"); st.PID == nil || *st.PID != pid {
		t.Errorf("%+v, want pid %d", st, pid)
	}
}

// A start that fails leaves no socket behind.
func TestAFailedStartLeavesNoSocket(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	s := specOf(t, "a", "/nowhere/python3")
	s.Ready.Notify = true
	g := newRig(t, Options{Specs: []Spec{s}, Scratch: run})
	g.Apply(planFor("a"))
	g.event("a", KindHeld, 1)
	left, err := filepath.Glob(filepath.Join(run, "bounce-notify-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
}

// A file that stands in the way of the pipe is not removed.
func TestAPipeReplacesOnlyPipes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := specOf(t, "a", "sleep", "1000")
	s.Ready.Pipe = path
	g := newRig(t, Options{Specs: []Spec{s}})
	if got := outcomes(g.up("a")); !strings.Contains(got, "cannot make the pipe "+path+": there is something else of that name") {
		t.Error(got)
	}
	if data, _ := os.ReadFile(path); string(data) != "precious" {
		t.Errorf("%q", data)
	}
}
