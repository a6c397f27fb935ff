package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"bounce/internal/pidstat"
)

// Scripts sit at terminals by these commands; NAME is that of a terminal:
//
//	term NAME COMMAND...   run a command with a terminal, of 24 rows and 80 columns
//	type NAME TEXT         type; \r is the key Enter, ^X the key Ctrl-X
//	sees NAME REGEXP       wait until it shows this, after what was seen before
//	size NAME ROWS COLUMNS change the size of the terminal
//	send NAME SIGNAL       send the command a signal
//	halts NAME             wait until the command is stopped, as by Ctrl-Z
//	ends NAME [CODE]       wait until the command has ended with this exit code
//	mode NAME raw|cooked   the terminal comes to be in this mode
//	hangup NAME            close the window that the terminal is shown in

// desk is a terminal with what it shows.
type desk struct {
	master, tty *os.File
	before      unix.Termios
	cmd         *exec.Cmd
	exited      chan struct{}

	mu    sync.Mutex
	shown []byte // what was not seen yet
	grown chan struct{}
}

func cmdTerm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: term NAME COMMAND...")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	d := &desk{exited: make(chan struct{}), grown: make(chan struct{})}
	master, tty, err := pty.Open()
	ts.Check(err)
	ts.Check(pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}))
	// In blocking mode, in which the library leaves it, a read would keep it open.
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	ts.Check(err)
	ts.Check(unix.SetNonblock(fd, true))
	ts.Check(master.Close())
	d.master, d.tty = os.NewFile(uintptr(fd), "terminal"), tty
	before, err := unix.IoctlGetTermios(int(d.tty.Fd()), unix.TCGETS)
	ts.Check(err)
	d.before = *before
	d.cmd = exec.Command(path, args[2:]...)
	d.cmd.Dir = ts.MkAbs(".")
	d.cmd.Env = append(environ(ts), "TERM=xterm")
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = d.tty, d.tty, d.tty
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(d.cmd.Start())
	go func() {
		_ = d.cmd.Wait() // its state says how
		close(d.exited)
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := d.master.Read(buf)
			d.mu.Lock()
			d.shown = append(d.shown, buf[:n]...)
			close(d.grown)
			d.grown = make(chan struct{})
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	w := worldOf(ts)
	if w.desks == nil {
		w.desks = map[string]*desk{}
	}
	w.desks[args[0]] = d
	ts.Defer(func() {
		d.cmd.Process.Kill()
		<-d.exited
		d.tty.Close()
		d.master.Close()
	})
}

// deskOf finds the terminal that a command is about.
func deskOf(ts *testscript.TestScript, usage string, args []string, least int) *desk {
	if len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
	d := worldOf(ts).desks[args[0]]
	if d == nil {
		ts.Fatalf("no terminal %s", args[0])
	}
	return d
}

var ctrl = regexp.MustCompile(`\^[@-_]`)

func cmdType(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "type NAME TEXT", args, 2)
	text := strings.ReplaceAll(args[1], `\r`, "\r")
	text = ctrl.ReplaceAllStringFunc(text, func(key string) string { return string(key[1] & 0x1f) })
	_, err := d.master.WriteString(text)
	ts.Check(err)
}

func cmdSees(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "sees NAME REGEXP", args, 2)
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		at, grown := re.FindIndex(d.shown), d.grown
		if neg { // of what has ended
			shown := bytes.Clone(d.shown)
			d.mu.Unlock()
			if at != nil {
				ts.Fatalf("it shows %q: %q", args[1], shown)
			}
			return
		}
		if at != nil {
			ts.Logf("%q", d.shown[:at[1]])
			d.shown = d.shown[at[1]:]
		}
		shown := bytes.Clone(d.shown)
		d.mu.Unlock()
		if at != nil {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			ts.Fatalf("it does not show %q in %v, but %q", args[1], patience, shown)
		}
	}
}

func cmdSize(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "size NAME ROWS COLUMNS", args, 3)
	rows, err := strconv.ParseUint(args[1], 10, 16)
	ts.Check(err)
	columns, err := strconv.ParseUint(args[2], 10, 16)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(int(d.tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)}))
}

func cmdSend(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "send NAME SIGNAL", args, 2)
	sig := unix.SignalNum("SIG" + args[1])
	if sig == 0 {
		ts.Fatalf("no signal %s", args[1])
	}
	ts.Check(d.cmd.Process.Signal(sig))
}

func cmdHalts(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "halts NAME", args, 1)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
		ts.Check(err)
		s, ok := pidstat.Parse(line)
		if ok && s.State == 'T' {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("it is not stopped in %v, but: %q", patience, line)
		}
	}
}

func cmdEnds(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "ends NAME [CODE]", args, 1)
	want := "0"
	if len(args) > 1 {
		want = args[1]
	}
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.mu.Lock()
		defer d.mu.Unlock()
		ts.Fatalf("it does not end in %v; it shows %q", patience, d.shown)
	}
	got := fmt.Sprint(d.cmd.ProcessState.ExitCode())
	if sig := d.cmd.ProcessState.Sys().(syscall.WaitStatus); sig.Signaled() {
		got = unix.SignalName(sig.Signal())
	}
	if got != want {
		d.mu.Lock()
		defer d.mu.Unlock()
		ts.Fatalf("it ended with %s, want %s; it shows %q", got, want, d.shown)
	}
}

func cmdHangup(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "hangup NAME", args, 1)
	d.tty.Close() // else it is held open here
	ts.Check(d.master.Close())
}

// cmdMode waits for a mode: cooked is the one from before the command, in every
// bit.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	d := deskOf(ts, "mode NAME raw|cooked", args, 2)
	for deadline := time.Now().Add(patience); ; {
		now, err := unix.IoctlGetTermios(int(d.tty.Fd()), unix.TCGETS)
		ts.Check(err)
		if raw := now.Lflag&unix.ICANON == 0; args[1] == "raw" && raw || args[1] == "cooked" && *now == d.before {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the terminal is not %s: %+v, before %+v", args[1], *now, d.before)
		}
	}
}
