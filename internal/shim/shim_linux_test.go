package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"bounce/internal/lines"
	"bounce/internal/soak"
)

// waiting bounds a test that hangs; it never decides one that passes.
const waiting = 30 * time.Second

// listener collects what a shim says.
type listener struct {
	lines   chan Line
	lost    chan uint64
	notices chan string
}

func (l listener) handler() Handler {
	return Handler{
		Line:   func(line Line) { l.lines <- line },
		Lost:   func(n uint64) { l.lost <- n },
		Notice: func(pid int, text string) { l.notices <- fmt.Sprint(pid, " ", text) },
	}
}

func newListener() listener {
	return listener{make(chan Line, 1<<20), make(chan uint64, 100), make(chan string, 100)}
}

// get waits for a value.
func get[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(waiting):
		t.Fatalf("no %s in %v", what, waiting)
	}
	return v
}

// until waits for what tells nobody when it comes.
func until(t *testing.T, what string, there func() bool) {
	t.Helper()
	deadline := time.Now().Add(waiting)
	for !there() {
		if time.Now().After(deadline) {
			t.Fatalf("not %s in %v", what, waiting)
		}
		time.Sleep(2 * time.Millisecond) // of another process, nobody tells
	}
}

// place makes a directory for shims.
func place(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kept")
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// begin starts a shim with nothing to do yet. It does not outlive the test.
func begin(t *testing.T, dir string) *Shim {
	t.Helper()
	s, err := Start(dir, "api", func(path string, argv []string, attr *os.ProcAttr) error {
		child, err := os.StartProcess(path, argv, attr)
		if err == nil {
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = child.Wait()
			}()
			t.Cleanup(func() {
				_ = child.Kill() // it has ended most of the time
				<-gone
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run starts a shell in a shim. Its processes do not outlive the test.
func run(t *testing.T, dir, script string, more func(*Command)) *Shim {
	t.Helper()
	s := begin(t, dir)
	c := Command{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Dir: "/", Env: []string{"PATH=" + os.Getenv("PATH")}, Linger: waiting}
	if more != nil {
		more(&c)
	}
	if err := s.Run(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-s.Command(), syscall.SIGKILL) })
	return s
}

func TestCommandIsAsOrdered(t *testing.T) {
	s := run(t, place(t), `echo "$0 $A $(pwd)"; ls /proc/self/fd | tr '\n' ' '; echo; grep SigIgn /proc/self/status; echo no >&2; exit 3`,
		func(c *Command) { c.Argv, c.Env, c.Dir = append(c.Argv, "word"), append(c.Env, "A=b c"), "/usr" })
	l := newListener()
	go s.Listen(l.handler())
	get(t, "exit", s.Exited())
	get(t, "end of the output", s.Ended())
	if exit, known := s.Exit(); !known || exit != (Exit{Code: 3}) {
		t.Errorf("exit %v %v", exit, known)
	}
	var out, errs []string
	for len(l.lines) > 0 {
		if line := <-l.lines; line.Stderr {
			errs = append(errs, line.Text)
		} else {
			out = append(out, line.Text)
		}
	}
	// ls has a descriptor of its own, 3.
	if got, want := strings.Join(out[:len(out)-1], "|"), "word b c /usr|0 1 2 3 "; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	// Signals 32 and 33 are the C library's own; what it starts by posix_spawn,
	// as make does, may have them ignored, and nobody is let at them.
	var ignored uint64
	if _, err := fmt.Sscanf(out[len(out)-1], "SigIgn: %x", &ignored); err != nil || ignored&^(1<<31|1<<32) != 0 {
		t.Errorf("%q, %v: want no signal ignored", out[len(out)-1], err)
	}
	if strings.Join(errs, "|") != "no" {
		t.Errorf("stderr %q", errs)
	}
	if err := s.Bye(); err != nil {
		t.Error(err)
	}
}

func TestErrorOfAStartIsNamed(t *testing.T) {
	dir := place(t)
	for _, c := range []struct {
		path, dir string
		want      error
	}{
		{"/nowhere", "/", fs.ErrNotExist},
		{"/etc/passwd", "/", fs.ErrPermission},
		{"/bin/sh", "/nowhere", fs.ErrNotExist},
	} {
		s := begin(t, dir)
		err := s.Run(Command{Path: c.path, Argv: []string{"x"}, Dir: c.dir})
		if !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.path, c.dir, err, c.want)
		}
		// It may be tried again, and a shim without a command ends.
		if err := s.Run(Command{Path: c.path, Argv: []string{"x"}, Dir: c.dir}); !errors.Is(err, c.want) {
			t.Errorf("again: %v", err)
		}
		s.Leave()
	}
	until(t, "ended", func() bool { left, _ := os.ReadDir(dir); return len(left) == 0 })
}

// TestNextAgent leaves a shim as an agent that is killed does, and comes again.
func TestNextAgent(t *testing.T) {
	dir := place(t)
	// One each: the second reader of one could come before its first writer has
	// gone, and would then find the end of it.
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	if err := errors.Join(unix.Mkfifo(first, 0o600), unix.Mkfifo(second, 0o600)); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lent, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	s := run(t, dir, `echo one; read x <`+first+`; echo two; echo three; read x <`+second+`; exit 7`, func(c *Command) {
		c.Files, c.Kept = []*os.File{lent, lent}, 1
	})
	ln.Close()
	lent.Close()
	if err := errors.Join(s.Note([]byte("record")), s.Memorize(make([]byte, 1<<20))); err != nil {
		t.Fatal(err)
	}
	l := newListener()
	go s.Listen(l.handler())
	if line := get(t, "line", l.lines); line.Text != "one" || line.Old {
		t.Errorf("%+v", line)
	}
	pid := s.Command()
	until(t, "taken", func() bool { return s.next.Load() == 1 })
	s.Leave()
	get(t, "end", s.Gone())
	open(t, first)

	shims, lasts, err := Find(dir)
	if err != nil || len(shims) != 1 || len(lasts) != 0 {
		t.Fatal(shims, lasts, err)
	}
	s = shims[0]
	if s.Command() != pid || string(s.Record()) != "record" || len(s.Memo()) != 1<<20 || s.Started().IsZero() {
		t.Errorf("command %d, record %q, memo of %d", s.Command(), s.Record(), len(s.Memo()))
	}
	if files := s.Files(); len(files) != 1 {
		t.Errorf("%d files", len(files))
	} else if again, err := net.FileListener(files[0]); err != nil || again.Addr().String() != ln.Addr().String() {
		t.Errorf("%v %v", again, err)
	}
	l = newListener()
	go s.Listen(l.handler())
	for _, want := range []string{"one", "two", "three"} {
		if line := get(t, "line", l.lines); line.Text != want || line.Old != (want == "one") {
			t.Errorf("%+v, want %s", line, want)
		}
	}
	open(t, second)
	get(t, "exit", s.Exited())
	if exit, known := s.Exit(); !known || exit.Code != 7 {
		t.Errorf("%v %v", exit, known)
	}
	// Ended and told of; the next one is told again.
	s.Leave()
	get(t, "end", s.Gone())
	shims, _, err = Find(dir)
	if err != nil || len(shims) != 1 {
		t.Fatal(shims, err)
	}
	get(t, "exit", shims[0].Exited())
	if exit, known := shims[0].Exit(); !known || exit.Code != 7 {
		t.Errorf("%v %v", exit, known)
	}
	go shims[0].Listen(newListener().handler())
	if err := shims[0].Bye(); err != nil {
		t.Error(err)
	}
}

// open lets a reader of a named pipe go on.
func open(t *testing.T, gate string) {
	t.Helper()
	f, err := os.OpenFile(gate, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestEndWithNobodyThereIsWrittenDown(t *testing.T) {
	dir := place(t)
	s := run(t, dir, `read x <`+mkfifo(t, dir)+`; echo last words; kill -SEGV $$`, func(c *Command) { c.Linger = time.Millisecond })
	if err := s.Note([]byte("record")); err != nil {
		t.Fatal(err)
	}
	s.Leave()
	open(t, filepath.Join(dir, "gate"))
	until(t, "ended", func() bool { all, _ := filepath.Glob(dir + "/*.sock"); return len(all) == 0 })
	shims, lasts, err := Find(dir)
	if err != nil || len(shims) != 0 || len(lasts) != 1 {
		t.Fatal(shims, lasts, err)
	}
	last := lasts[0]
	if last.Exit != (Exit{Signal: int(syscall.SIGSEGV)}) || string(last.Record) != "record" || last.Ended.Before(last.Started) ||
		len(last.Lines) != 1 || last.Lines[0].Text != "last words" || last.Lines[0].Old {
		t.Errorf("%+v", last)
	}
	if _, lasts, _ = Find(dir); len(lasts) != 0 {
		t.Error("it is there twice")
	}
}

func mkfifo(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "gate")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFullDisk: without the file, the shim itself is all that knows how its
// command ended.
func TestFullDisk(t *testing.T) {
	dir := place(t)
	s := run(t, dir, `exit 5`, func(c *Command) { c.Linger = time.Millisecond })
	s.Leave()
	go s.Listen(newListener().handler())
	get(t, "end", s.Gone())
	until(t, "written down", func() bool { all, _ := filepath.Glob(dir + "/*.last"); return len(all) == 1 })

	dir = place(t)
	s = run(t, dir, `read x <`+mkfifo(t, dir)+`; exit 5`, func(c *Command) { c.Linger = time.Millisecond })
	if err := os.MkdirAll(s.path+lastSuffix+".new/full", 0o700); err != nil { // nothing can be written there
		t.Fatal(err)
	}
	s.Leave()
	open(t, filepath.Join(dir, "gate"))
	until(t, "a zombie", func() bool {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Command()))
		return err == nil && strings.Contains(string(data), ") Z ")
	})
	shims, _, err := Find(dir)
	if err != nil || len(shims) != 1 {
		t.Fatal(shims, err)
	}
	go shims[0].Listen(newListener().handler())
	get(t, "exit", shims[0].Exited())
	if err := shims[0].Bye(); err != nil {
		t.Error(err)
	}
}

// TestOutputIsNeverWaitedFor has a command write 10 MB, or 100, while nobody
// reads, with an agent that is stuck and with none.
func TestOutputIsNeverWaitedFor(t *testing.T) {
	count := soak.Times(400_000, 4_000_000)
	for _, stuck := range []bool{false, true} {
		dir := place(t)
		s := run(t, dir, fmt.Sprintf(`seq -f 'line %%020g' %d; echo done; exec sleep 100`, count), nil)
		if !stuck {
			s.Leave()
		}
		until(t, "done", func() bool {
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.Command()))
			return err == nil && string(name) == "sleep\n"
		})
		l := newListener()
		if !stuck {
			shims, _, err := Find(dir)
			if err != nil || len(shims) != 1 {
				t.Fatal(shims, err)
			}
			s = shims[0]
		}
		go s.Listen(l.handler())
		next, ended := uint64(0), false
		var lost uint64
		for !ended {
			select {
			case line := <-l.lines:
				for len(l.lost) > 0 {
					lost += <-l.lost
				}
				if line.Number < next {
					t.Fatalf("line %d after %d", line.Number, next)
				}
				next, ended = line.Number+1, line.Text == "done"
			case <-time.After(waiting):
				t.Fatalf("no line after %d", next)
			}
		}
		if next != uint64(count)+1 || lost == 0 {
			t.Errorf("stuck %v: %d lines, of which %d are said to be lost", stuck, next, lost)
		}
	}
}

func TestNotices(t *testing.T) {
	dir := place(t)
	address := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		t.Fatal(err)
	}
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	c := `import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in open(sys.argv[1]):
    s.sendto(line.strip().encode(), sys.argv[2])
`
	gate := mkfifo(t, dir)
	s := run(t, dir, `exec 9>&1; python3 -c "$1" `+gate+` `+address+`& echo $!; wait; exec sleep 100`, func(c2 *Command) {
		c2.Notify, c2.Argv = f, append(c2.Argv, "sh", c)
	})
	conn.Close()
	f.Close()
	words, err := os.OpenFile(gate, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer words.Close()
	tell := func(text string) {
		t.Helper()
		if _, err := words.WriteString(text + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	// A stranger is not heard.
	stranger, err := net.Dial("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Write([]byte("STATUS=a lie")); err != nil {
		t.Fatal(err)
	}
	l := newListener()
	go s.Listen(l.handler())
	self := get(t, "line", l.lines).Text
	tell("READY=1")
	if got := get(t, "notice", l.notices); got != self+" READY=1" {
		t.Errorf("%q", got)
	}
	s.Leave()
	get(t, "end", s.Gone())
	for i := range 3 * maxNotices {
		tell(fmt.Sprint("STATUS=", i))
	}
	shims, _, err := Find(dir)
	if err != nil || len(shims) != 1 {
		t.Fatal(shims, err)
	}
	l = newListener()
	go shims[0].Listen(l.handler())
	for last := ""; last != fmt.Sprintf("%s STATUS=%d", self, 3*maxNotices-1); {
		last = get(t, "notice", l.notices)
	}
	shims[0].Leave()
}

// TestLeftBehind: the shim is the parent of what its command leaves behind, and
// stays as long as there is some of it.
func TestLeftBehind(t *testing.T) {
	dir := place(t)
	s := run(t, dir, `(setsid sh -c 'echo $$; read x <`+mkfifo(t, dir)+`' &); sleep 0.1; exit 0`, func(c *Command) { c.Linger = time.Millisecond })
	l := newListener()
	go s.Listen(l.handler())
	left := get(t, "line", l.lines).Text
	get(t, "exit", s.Exited())
	until(t, "the shim's", func() bool {
		data, err := os.ReadFile("/proc/" + left + "/status")
		return err == nil && strings.Contains(string(data), fmt.Sprintf("\nPPid:\t%d\n", s.PID()))
	})
	s.Leave()
	until(t, "written down", func() bool { all, _ := filepath.Glob(dir + "/*.last"); return len(all) == 1 })
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", s.PID())); err != nil {
		t.Error(err)
	}
	open(t, filepath.Join(dir, "gate"))
	until(t, "ended", func() bool { all, _ := filepath.Glob(dir + "/*.sock"); return len(all) == 0 })
}

// TestOneAgentAtATime: a second one waits until the first is gone.
func TestOneAgentAtATime(t *testing.T) {
	dir := place(t)
	s := run(t, dir, `exec sleep 100`, nil)
	second := make(chan *Shim)
	go func() {
		other, err := Attach(s.path)
		if err != nil {
			t.Error(err)
		}
		second <- other
	}()
	select {
	case <-second:
		t.Error("there are two")
	case <-time.After(50 * time.Millisecond):
	}
	s.Leave()
	if other := get(t, "second", second); other == nil || other.Command() != s.Command() {
		t.Error(other)
	} else {
		other.Leave()
	}
}

// TestSignals: what a terminal and a shutdown send to everybody does not end a
// shim before its command.
func TestSignals(t *testing.T) {
	dir := place(t)
	s := run(t, dir, `exec sleep 100`, nil)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE, syscall.SIGQUIT, syscall.SIGUSR1} {
		if err := syscall.Kill(s.PID(), sig); err != nil {
			t.Fatal(err)
		}
	}
	s.Leave()
	shims, _, err := Find(dir)
	if err != nil || len(shims) != 1 {
		t.Fatal(shims, err)
	}
	shims[0].Leave()
	if err := syscall.Kill(s.Command(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// It was told TERM, and does not wait for anybody.
	until(t, "ended", func() bool { all, _ := filepath.Glob(dir + "/*.sock"); return len(all) == 0 })
}

// TestShimIsKilled: the agent learns that nobody knows the exit.
func TestShimIsKilled(t *testing.T) {
	s := run(t, place(t), `exec sleep 100`, nil)
	go s.Listen(newListener().handler())
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	get(t, "exit", s.Exited())
	if _, known := s.Exit(); known {
		t.Error("who told?")
	}
	get(t, "end", s.Gone())
}

// TestDirectoryOfOthers: where somebody else can write, there may be anything.
func TestDirectoryOfOthers(t *testing.T) {
	dir := place(t)
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(place(t), link); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{dir: "its mode is 0770", file: "not a directory", link: "not a directory"}
	if os.Geteuid() == 0 {
		theirs := place(t)
		if err := os.Chown(theirs, 65534, -1); err != nil {
			t.Fatal(err)
		}
		places[theirs] = "it belongs to user 65534"
	}
	for dir, want := range places {
		_, _, found := Find(dir)
		_, started := Start(dir, "api", func(string, []string, *os.ProcAttr) error {
			t.Errorf("a shim was started in %s", dir)
			return errors.New("no")
		})
		for _, err := range []error{found, started} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	if _, _, err := Find(none); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("looking has made the directory")
	}
}

// TestBytesStay: neither words nor lines need be UTF-8, and a line is not split
// within a character where it is.
func TestBytesStay(t *testing.T) {
	dir, odd := place(t), "caf\xe9"
	cwd := filepath.Join(t.TempDir(), odd)
	if err := os.Mkdir(cwd, 0o700); err != nil {
		t.Fatal(err)
	}
	s := run(t, dir, `read x <`+mkfifo(t, dir)+`; echo "$0 $A ${PWD##*/}"; exit 4`, func(c *Command) {
		c.Argv, c.Env, c.Dir, c.Linger = append(c.Argv, odd), append(c.Env, "A="+odd), cwd, time.Millisecond
	})
	s.Leave()
	open(t, filepath.Join(dir, "gate"))
	until(t, "ended", func() bool { all, _ := filepath.Glob(dir + "/*.sock"); return len(all) == 0 })
	_, lasts, err := Find(dir)
	if err != nil || len(lasts) != 1 || len(lasts[0].Lines) != 1 {
		t.Fatal(lasts, err)
	}
	if got, want := lasts[0].Lines[0].Text, odd+" "+odd+" "+odd; got != want || lasts[0].Exit.Code != 4 {
		t.Errorf("%q and %v, want %q", got, lasts[0].Exit, want)
	}

	var parts []string
	long := "x" + strings.Repeat("\u00e9", lines.Max)
	lines.Read(strings.NewReader(long), func(text []byte, _ bool) { parts = append(parts, string(text)) })
	for _, part := range parts {
		if !utf8.ValidString(part) || len(part) > lines.Max {
			t.Errorf("a part of %d bytes is cut within a character", len(part))
		}
	}
	if strings.Join(parts, "") != long {
		t.Error("something is lost")
	}
}
