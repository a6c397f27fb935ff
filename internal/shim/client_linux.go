package shim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bounce/internal/unixcred"
)

// Shim is the agent's end of a shim.
type Shim struct {
	path string
	pid  int
	conn *net.UnixConn
	wire *wire

	// Of the greeting.
	command int
	started time.Time
	acked   uint64
	files   []*os.File
	record  []byte
	memo    []byte

	ended  chan struct{} // closed when no more output comes
	exited chan struct{} // closed when the command has ended, or the shim
	gone   chan struct{} // closed when the connection is
	exit   Exit          // written before exited is closed
	known  bool          // exit was told; likewise

	// next is the number of the line after the last that was taken.
	next    atomic.Uint64
	writing sync.Mutex
}

const (
	// helloTime is how long a shim may take to answer: with another agent
	// connected it does not.
	helloTime = 5 * time.Second
	// writeTime is how long it may take to read a frame.
	writeTime = 2 * time.Second
	// byeTime is how long it may take to end.
	byeTime = 2 * time.Second
)

// Prepare makes the directory of shims, which nobody else may enter. Another one
// is an error: who can write there could pose as a shim.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return private(dir)
}

// private reports whether a directory is ours alone.
func private(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("cannot trust %s: it belongs to user %d, not to user %d", dir, st.Uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		return fmt.Errorf("cannot trust %s: its mode is %04o, not 0700; if nobody else has written there, chmod 700 it", dir, mode)
	}
	return nil
}

// Start starts a shim that has no command yet. Its files are in dir, see
// [Prepare]; service is for the list of processes. fork starts its
// process, which the caller waits for.
func Start(dir, service string, fork func(path string, argv []string, attr *os.ProcAttr) error) (*Shim, error) {
	path := filepath.Join(dir, fmt.Sprintf("%08x", rand.Uint32()))
	var socket *os.File
	err := Prepare(dir)
	if err == nil {
		socket, err = listen(dir, filepath.Base(path)+socketSuffix)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep %s alive: %w", service, err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		defer null.Close()
		err = fork("/proc/self/exe", []string{name, service}, &os.ProcAttr{
			Dir: "/", Env: environ(path), Files: []*os.File{null, null, null, socket}, Sys: &syscall.SysProcAttr{Setsid: true},
		})
	}
	socket.Close() // so that one that has ended refuses us
	if err == nil {
		var s *Shim
		if s, err = Attach(path); err == nil {
			return s, nil
		}
	}
	_ = os.Remove(path + socketSuffix)
	return nil, fmt.Errorf("cannot keep %s alive: %w", service, err)
}

// within calls f with a path of at most 107 bytes, as sockets may have, for a
// file in a directory of any name.
func within(dir, file string, f func(path string) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), file))
}

// listen makes the socket of a shim.
func listen(dir, file string) (socket *os.File, err error) {
	err = within(dir, file, func(path string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		defer l.Close()
		socket, err = l.File()
		return err
	})
	return socket, err
}

// Attach connects to the shim at a path: ErrNoShim when there is none.
func Attach(path string) (*Shim, error) {
	var conn *net.UnixConn
	err := within(filepath.Dir(path), filepath.Base(path)+socketSuffix, func(path string) (err error) {
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoShim
	case err != nil:
		return nil, err
	}
	// Who listens there is an agent of ours, as one that is no shim is not: the
	// kernel says who made the socket listen.
	who, err := unixcred.Peer(conn)
	if err == nil && int(who.Uid) != os.Geteuid() {
		err = fmt.Errorf("it belongs to user %d, not to user %d", who.Uid, os.Geteuid())
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot trust the shim at %s: %w", path, err)
	}
	s := &Shim{
		path: path, conn: conn, wire: newWire(conn, 64<<10),
		ended: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := s.meet(); err != nil {
		conn.Close()
		s.wire.drop()
		return nil, fmt.Errorf("the shim at %s: %w", path, err)
	}
	return s, nil
}

// meet reads the greeting.
func (s *Shim) meet() error {
	_ = s.conn.SetReadDeadline(time.Now().Add(helloTime))
	defer s.conn.SetReadDeadline(time.Time{})
	for _, want := range []kind{kindHello, kindRecord, kindMemo} {
		f, err := s.wire.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("no word within %s; is another agent connected?", helloTime)
		case err != nil:
			return err
		case f.kind != want:
			return fmt.Errorf("%q in place of %q", f.kind, want)
		}
		switch f.kind {
		case kindRecord:
			s.record = slices.Clone(f.payload)
		case kindMemo:
			s.memo = slices.Clone(f.payload)
		default:
			var g greeting
			if err := json.Unmarshal(f.payload, &g); err != nil {
				return err
			}
			if g.Protocol != protocol {
				return fmt.Errorf("it speaks protocol %d, and this program %d", g.Protocol, protocol)
			}
			s.pid, s.command, s.started, s.acked = g.Shim, g.PID, g.Started, g.Acked
			if s.files, err = s.wire.claim(g.Files); err != nil {
				return err
			}
			if g.Exit != nil {
				s.exit, s.known = *g.Exit, true
				close(s.exited)
			}
		}
	}
	return nil
}

// PID is that of the shim itself, Command that of its command, 0 before there
// is one, and Started when that was started.
func (s *Shim) PID() int           { return s.pid }
func (s *Shim) Command() int       { return s.command }
func (s *Shim) Started() time.Time { return s.started }

// Files are the descriptors that the command was lent, of a shim that was
// there already. They are the caller's.
func (s *Shim) Files() []*os.File { return s.files }

// Record and Memo are what an agent has noted there.
func (s *Shim) Record() []byte { return s.record }
func (s *Shim) Memo() []byte   { return s.memo }

// Exited is closed when the command has ended, and Exit says how; known is
// false when the shim ended first, by KILL for instance.
func (s *Shim) Exited() <-chan struct{}    { return s.exited }
func (s *Shim) Exit() (e Exit, known bool) { return s.exit, s.known }

// Ended is closed when no more output comes.
func (s *Shim) Ended() <-chan struct{} { return s.ended }

// Gone is closed when the connection has ended.
func (s *Shim) Gone() <-chan struct{} { return s.gone }

// Run starts the command. An error of the system is in the chain. The caller
// keeps its files.
func (s *Shim) Run(c Command) error {
	o := order{
		Path: c.Path, Argv: c.Argv, Dir: c.Dir, Env: c.Env, Files: len(c.Files), Kept: c.Kept, Owner: c.Owner, Linger: c.Linger,
	}
	files := slices.Clone(c.Files)
	if c.Cgroup != nil {
		o.Cgroup, files = true, append(files, c.Cgroup)
	}
	if c.Notify != nil {
		o.Notify, files = true, append(files, c.Notify)
	}
	if err := s.send(appendFrame(nil, kindStart, encode(o)), files...); err != nil {
		return err
	}
	for {
		f, err := s.wire.next()
		switch {
		case err != nil:
			return fmt.Errorf("its shim has ended: %w", err)
		case f.kind != kindBegun:
			continue // nothing else comes before
		}
		var b begun
		switch err := json.Unmarshal(f.payload, &b); {
		case err != nil:
			return err
		case b.Errno != 0:
			return &os.SyscallError{Syscall: "fork/exec " + c.Path, Err: syscall.Errno(b.Errno)}
		case b.Problem != "":
			return errors.New(b.Problem)
		}
		s.command, s.started = b.PID, b.Started
		return nil
	}
}

// Listen reads what the shim says until the connection ends. It is called once,
// when there is a command.
func (s *Shim) Listen(h Handler) {
	defer close(s.gone)
	defer s.wire.drop()
	defer once(s.exited)
	defer once(s.ended)
	s.next.Store(s.acked)
	acked := s.acked
	for {
		f, ok, err := s.wire.buffered()
		if err == nil && !ok {
			// All that has come is taken.
			if now := s.next.Load(); acked != now {
				acked = now
				s.ack()
			}
			f, err = s.wire.next()
		}
		if err != nil {
			return
		}
		switch f.kind {
		case kindLine:
			l, err := parseLine(f.payload)
			if err != nil {
				return
			}
			// Of what was forgotten, only what nobody has taken is lost.
			next := s.next.Load()
			if l.Number > next {
				h.Lost(l.Number - next)
			}
			l.Old = l.Number < s.acked
			h.Line(l)
			s.next.Store(max(next, l.Number+1))
		case kindNotice:
			if len(f.payload) >= 4 {
				h.Notice(int(binary.LittleEndian.Uint32(f.payload)), string(f.payload[4:]))
			}
		case kindExited:
			if json.Unmarshal(f.payload, &s.exit) == nil && !isClosed(s.exited) {
				s.known = true
				close(s.exited)
			}
		case kindEnded:
			once(s.ended)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// once closes c, which one goroutine alone closes, unless it is.
func once(c chan struct{}) {
	if !isClosed(c) {
		close(c)
	}
}

// Note replaces the record, which is left behind in a file too if the shim ends
// unasked.
func (s *Shim) Note(record []byte) error { return s.send(appendFrame(nil, kindRecord, record)) }

// Memorize replaces the memo, which is in memory alone: it may be large, and
// secret.
func (s *Shim) Memorize(memo []byte) error { return s.send(appendFrame(nil, kindMemo, memo)) }

func (s *Shim) send(data []byte, files ...*os.File) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime))
	return send(s.conn, data, files)
}

// ack says how many lines were taken.
func (s *Shim) ack() {
	_ = s.send(appendFrame(nil, kindAck, binary.LittleEndian.AppendUint64(nil, s.next.Load()))) // else they come again
}

// Leave lets the shim and its command go on by themselves.
func (s *Shim) Leave() {
	s.ack()
	s.conn.Close()
}

// Abandon has the shim end without a word: nothing of its command is left, or
// there was none.
func (s *Shim) Abandon() {
	_ = s.send(appendFrame(nil, kindBye)) // one without a command ends by itself too
	s.conn.Close()
}

// Bye has the shim end, when nothing of its command is left, and waits for it.
// The error says that it did not.
func (s *Shim) Bye() error {
	err := s.send(appendFrame(nil, kindBye))
	if err == nil {
		err = s.awaitEnd()
	}
	s.conn.Close()
	if err != nil {
		return fmt.Errorf("cannot end shim %d: %w", s.pid, err)
	}
	return nil
}

// awaitEnd returns when the process has ended, of which the connection tells.
func (s *Shim) awaitEnd() error {
	select {
	case <-s.gone:
	case <-time.After(byeTime):
		return errors.New("it does not end")
	}
	return nil
}

// Find looks for the shims in a directory, and for what those have left that
// ended with nobody connected. A shim that does not answer is an error; the
// others count.
func Find(dir string) (shims []*Shim, lasts []Last, err error) {
	switch err := private(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("cannot look for services that are kept alive: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if place, ok := strings.CutSuffix(path, socketSuffix); ok {
			s, err := Attach(place)
			switch {
			case errors.Is(err, ErrNoShim):
				_ = os.Remove(path)
			case err != nil:
				errs = append(errs, err)
			case s.command == 0:
				s.conn.Close() // its agent was killed before it had a command
			default:
				shims = append(shims, s)
			}
		}
	}
	// Those that have ended while we looked are among them.
	entries, _ = os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(path, lastSuffix) {
			continue
		}
		var last Last
		data, err := os.ReadFile(path)
		if err == nil {
			err = decode(data, &last)
		}
		if err == nil && last.Boot == bootID() {
			lasts = append(lasts, last)
		}
		_ = os.Remove(path)
	}
	return shims, lasts, errors.Join(errs...)
}
