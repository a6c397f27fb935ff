//go:build unix

package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stage is a seat with what a service writes to it.
type stage struct {
	*Seat
	t       *testing.T
	prompts chan string
}

func newStage(t *testing.T) *stage {
	st := &stage{t: t, prompts: make(chan string, 16)}
	st.Seat = NewSeat("api", func(p string) { st.prompts <- p })
	return st
}

// run starts a shell on the terminal and returns what it wrote, once it has
// ended.
func (st *stage) run(generation int, script string) (output func() string) {
	st.t.Helper()
	screen, tty, err := st.Open(generation)
	if err != nil {
		st.t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		st.t.Fatal(err)
	}
	tty.Close()
	var all bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(&all, screen)
		screen.Close()
		cmd.Wait()
	}()
	wait := sync.OnceFunc(func() { <-done })
	st.t.Cleanup(func() {
		cmd.Process.Kill()
		wait()
	})
	return func() string { wait(); return all.String() }
}

func (st *stage) sit() *visit {
	st.t.Helper()
	g, err := st.Sit()
	if err != nil {
		st.t.Fatal(err)
	}
	return &visit{Guest: g, t: st.t}
}

// visit is a guest with what it saw, notices in brackets.
type visit struct {
	*Guest
	t    *testing.T
	seen strings.Builder
}

// until reads on until it has seen a text.
func (v *visit) until(text string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 30*time.Second)
	defer cancel()
	for !strings.Contains(v.seen.String(), text) {
		data, notice, err := v.Next(ctx)
		if err != nil {
			v.t.Fatalf("waited in vain for %q: %v\n%s", text, err, v.seen.String())
		}
		v.seen.Write(data)
		if notice != "" {
			v.seen.WriteString("[" + notice + "]")
		}
	}
}

func TestServiceHasATerminal(t *testing.T) {
	st := newStage(t)
	// Its controlling terminal, which it has the foreground of, of the usual
	// size.
	out := st.run(1, `[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo is a tty; stty size; echo direct > /dev/tty; ps -o tpgid= -p $$ | tr -d ' ' | grep -qx $$ && echo foreground`)()
	if want := "is a tty\r\n24 80\r\ndirect\r\nforeground\r\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestGuestSeesTypesAndResizes(t *testing.T) {
	st := newStage(t)
	out := st.run(1, `trap 'echo size $(stty size)' WINCH; echo hello; printf '> '; while ! read answer; do :; done; echo "got $answer"; read end`)
	if p := <-st.prompts; p != "> " {
		t.Errorf("told of the prompt %q", p)
	}
	v := st.sit()
	v.until("hello\r\n> ")
	if _, err := st.Sit(); !errors.Is(err, ErrTaken) {
		t.Errorf("a second guest: %v", err)
	}
	v.Resize(50, 132)
	v.until("size 50 132\r\n")
	v.Resize(0, 1<<20) // nonsense is not passed on
	v.Type([]byte("42\r"))
	v.until("got 42\r\n")
	v.Leave()
	v = st.sit()
	v.until("got 42\r\n")
	v.Type([]byte("\r"))
	v.until("has ended")
	if text := out(); !strings.Contains(text, "got 42") {
		t.Errorf("the agent read %q", text)
	}
}

func TestGuestStaysOverGenerations(t *testing.T) {
	st := newStage(t)
	v := st.sit()
	v.until("[api does not run; what follows is its next generation]")
	v.Type([]byte("nobody reads this\r"))
	v.Resize(30, 100)
	st.run(1, `stty size; kill -9 $$`)
	v.until("[api starts, generation 1]30 100\r\n[api has ended; what follows is its next generation]")
	st.run(2, `read line; echo "second $line"; kill -INT $$`)
	v.until("[api starts, generation 2]")
	v.Type([]byte("time\r"))
	v.until("second time\r\n")
	v.until("second time\r\n[api has ended")
}

// A key that interrupts goes to the foreground of the service alone.
func TestInterrupt(t *testing.T) {
	st := newStage(t)
	v := st.sit()
	st.run(1, `trap 'echo interrupted; exit' INT; echo ready; while :; do sleep 0.01; done`)
	v.until("ready")
	v.Type([]byte{3})
	v.until("interrupted")
	v.until("has ended")
}

// Nobody who looks holds the service up, nor does one who types into a service
// that does not read.
func TestSlowGuestMissesSome(t *testing.T) {
	st := newStage(t)
	v := st.sit()
	const size = 4 << 20
	out := st.run(1, `stty -echo; head -c 4194304 /dev/zero | tr '\0' x; echo; echo end; sleep 0.2`)
	text := out()
	if n := strings.Count(text, "x"); n != size {
		t.Errorf("the agent read %d of %d bytes", n, size)
	}
	v.until("has ended")
	seen := v.seen.String()
	if n := strings.Count(seen, "x"); n < behind/2 || n > behind+1<<16 || !strings.Contains(seen, "bytes left out: they come faster than they are read]") {
		t.Errorf("the guest saw %d bytes, and %.200q", n, strings.ReplaceAll(seen, "x", ""))
	}

	v = &visit{Guest: v.Guest, t: t}
	st.run(2, `stty raw -echo; echo deaf; while :; do sleep 0.01; done`)
	v.until("deaf")
	for range 4 {
		v.Type(bytes.Repeat([]byte("y"), 64<<10))
	}
	v.until("[api does not read what is typed]")
}

// A service that writes on is not asking.
func TestPromptIsTold(t *testing.T) {
	st := newStage(t)
	out := st.run(1, `for i in 1 2 3 4 5 6 7 8; do printf "$i%% "; sleep 0.1; done; echo done; printf 'Name: '; read name`)
	if p := <-st.prompts; p != "Name: " {
		t.Errorf("told of %q", p)
	}
	v := st.sit()
	v.Type([]byte("x\r"))
	v.until("has ended")
	out()
	v.Leave()
	if len(st.prompts) > 0 {
		t.Errorf("told of %q as well", <-st.prompts)
	}
}

// Who closes the terminal hangs up on the service.
func TestCloseHangsUp(t *testing.T) {
	st := newStage(t)
	screen, tty, err := st.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `trap 'echo hung up >&3; exit' HUP; echo ready >&3; while :; do sleep 0.01; done`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = tty, tty, tty, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	tty.Close()
	ready := make([]byte, len("ready\n"))
	io.ReadFull(r, ready)
	screen.Close()
	rest, _ := io.ReadAll(r)
	cmd.Wait()
	if string(ready)+string(rest) != "ready\nhung up\n" {
		t.Errorf("it said %q", string(ready)+string(rest))
	}
	if _, err := screen.Read(make([]byte, 1)); err == nil {
		t.Error("a closed terminal can be read")
	}
}
