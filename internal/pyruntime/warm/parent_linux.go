package warm

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/unixcred"
)

const (
	// glance is how often what a parent takes is looked at while it imports.
	glance = 50 * time.Millisecond
	// rounds is how many parents are tried when modules turn out not to load in
	// one. Each leaves out what the one before has told.
	rounds = 4
	// maxPrinted is how much imports may print.
	maxPrinted = 16 << 10
	// maxMessage is the size of the longest answer.
	maxMessage = 1 << 20
)

// Parent is a process that can be forked. Its methods are for one goroutine at
// a time.
type Parent struct {
	process Process
	orders  *net.UnixConn
	out     [2]int // the reading ends of its output
	printed []string
	loaded  []string
	left    []Unloaded
	lent    int
	bounds  Bounds
}

// Start starts a parent. begin starts the interpreter with the command of the
// service, its directory, its limits and no input; it is called again when a
// module could not be loaded. It may take a while: as long as the imports do.
//
// The error says why there can be none as things are.
func Start(s Setup, begin func(Launch) (Process, error)) (*Parent, error) {
	if why := Patched(s.Altered); why != "" {
		return nil, &Unfit{why}
	}
	var left []Unloaded
	deadline := time.Now().Add(s.Bounds.load())
	for range rounds {
		p, err := start(s, begin)
		if err != nil {
			return nil, err
		}
		more, err := p.load(s, left, deadline)
		if err == nil && len(more) == 0 {
			return p, nil
		}
		p.Close()
		if err != nil {
			return nil, err
		}
		left = append(left, more...)
	}
	last := left[len(left)-1]
	return nil, &Unfit{fmt.Sprintf("%s cannot be imported ahead of the service: %s", last.Module, last.Why)}
}

func start(s Setup, begin func(Launch) (Process, error)) (*Parent, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, fmt.Errorf("cannot start a parent: %w", err)
	}
	defer theirs.Close()
	p := &Parent{orders: ours, out: [2]int{-1, -1}, lent: s.Lent, bounds: s.Bounds}
	var ends [2]*os.File
	for i := range ends {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
			p.Close()
			return nil, fmt.Errorf("cannot start a parent: %w", err)
		}
		p.out[i], ends[i] = fds[0], os.NewFile(uintptr(fds[1]), "output")
		defer ends[i].Close()
		if err := unix.SetNonblock(fds[0], true); err != nil {
			p.Close()
			return nil, fmt.Errorf("cannot start a parent: %w", err)
		}
	}
	p.process, err = begin(Launch{Env: environ(s.Hook, Base(s.Env), s.Lent), Orders: theirs, Stdout: ends[0], Stderr: ends[1]})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// load has the parent import all modules but some, until a deadline, and returns
// more that are to be left out in another one.
func (p *Parent) load(s Setup, left []Unloaded, deadline time.Time) (more []Unloaded, err error) {
	_ = p.orders.SetWriteDeadline(deadline)
	defer p.orders.SetDeadline(time.Time{})
	verb, hello, err := p.await(deadline)
	if err == nil && verb != "hello" {
		err = refusal(verb, hello)
	}
	if err != nil {
		return nil, err
	}
	if len(hello) != 1 || len(hello[0]) != 1 || hello[0][0] != strconv.Itoa(p.process.PID()) {
		return nil, &Unfit{"the command has another process run its Python"}
	}
	var banned, names []string
	for _, u := range left {
		banned = append(banned, u.Module)
	}
	for _, name := range s.Modules {
		if !slices.Contains(banned, name) {
			names = append(names, name)
		}
	}
	changed, finders, first := altered(s.Altered)
	if err := p.send(nil, "load", Base(s.Env), names, banned, s.Roots, append(first, s.First...), s.Hooks, changed, finders); err != nil {
		return nil, err
	}
	verb, lists, err := p.await(deadline)
	switch {
	case err != nil:
		return nil, err
	case verb == "bad" && len(lists) == 1 && len(lists[0]) >= 2 && len(lists[0])%2 == 0:
		for pair := range slices.Chunk(lists[0], 2) {
			more = append(more, Unloaded{Module: pair[0], Why: pair[1]})
		}
		return more, nil
	case verb != "loaded" || len(lists) != 1:
		return nil, refusal(verb, lists)
	}
	p.loaded = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(lists[0], name) })
	p.left = slices.Clone(left)
	for _, name := range lists[0] {
		p.left = append(p.left, Unloaded{name, "it is nowhere to be found"})
	}
	for _, fd := range p.out {
		text := make([]byte, maxPrinted+1)
		n, err := unix.Read(fd, text)
		if n > maxPrinted {
			return nil, errLoud
		}
		if err != nil {
			n = 0 // nothing
		}
		p.printed = append(p.printed, string(text[:n]))
	}
	return nil, p.excess()
}

var errLoud = &Unfit{"its imports print too much to be repeated"}

// await receives what a parent says that imports, as long as it keeps to its
// bounds.
func (p *Parent) await(deadline time.Time) (verb string, lists [][]string, err error) {
	text := make([]byte, maxMessage)
	for {
		look := time.Now().Add(glance)
		if look.After(deadline) {
			look = deadline
		}
		_ = p.orders.SetReadDeadline(look)
		verb, lists, err = p.take(text)
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return verb, lists, err
		case look.Equal(deadline):
			return "", nil, &Unfit{fmt.Sprintf("what it imports takes more than %s", p.bounds.load())}
		}
		if err := p.excess(); err != nil {
			return "", nil, err
		}
	}
}

// excess says what a parent that imports takes too much of; nil for nothing.
func (p *Parent) excess() error {
	if p.Memory() > p.bounds.memory() {
		return &Unfit{fmt.Sprintf("what it imports takes more than %d MB of memory", p.bounds.memory()>>20)}
	}
	for _, fd := range p.out {
		// One that waits for its output to be read would wait for ever.
		if n, err := unix.IoctlGetUint32(fd, unix.TIOCINQ); err == nil && n > maxPrinted {
			return errLoud
		}
	}
	return nil
}

// Overgrown says that it has come to hold more memory than it may, and is to be
// closed; nil when it has not.
func (p *Parent) Overgrown() error {
	if held := p.Memory(); held > p.bounds.memory() {
		return fmt.Errorf("its parent had grown to more than %d MB of memory", p.bounds.memory()>>20)
	}
	return nil
}

// Loaded returns the modules that it was told to import and has.
func (p *Parent) Loaded() []string { return p.loaded }

// Left returns the modules that children import for themselves, because they
// cannot be imported ahead, and why.
func (p *Parent) Left() []Unloaded { return p.left }

// PID is that of its process.
func (p *Parent) PID() int { return p.process.PID() }

// Memory returns how many bytes of memory it holds, 0 when it is gone.
func (p *Parent) Memory() int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(p.process.PID()) + "/statm")
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64) // a number, as the kernel writes it
	return pages * int64(os.Getpagesize())
}

// Close ends it. Its children go on.
func (p *Parent) Close() {
	p.orders.Close()
	for _, fd := range p.out {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if p.process != nil {
		p.process.End()
	}
}

// Child is a process that was forked and waits for the word to begin.
type Child struct {
	pid  int
	link *net.UnixConn
}

// Fork makes a child, which the kernel has given to this process or to its
// nearest subreaper. It is in a session of its own, its environment is
// published where /proc shows it, and it runs nothing of the service yet.
//
// After an error there is no child, or one that ends by itself, and the parent
// should be closed. What the error says is why the next start is cold.
func (p *Parent) Fork(o Order) (*Child, error) {
	link, theirs, err := pair()
	if err != nil {
		return nil, fmt.Errorf("cannot fork: %w", err)
	}
	defer theirs.Close()
	c, err := p.fork(o, link, theirs)
	if err != nil {
		link.Close() // which ends a child
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("a fork takes more than %s", p.bounds.fork())
	}
	return c, err
}

func (p *Parent) fork(o Order, link *net.UnixConn, theirs *os.File) (*Child, error) {
	if err := unixcred.Pass(link); err != nil {
		return nil, fmt.Errorf("cannot fork: %w", err)
	}
	deadline := time.Now().Add(p.bounds.fork())
	_ = p.orders.SetDeadline(deadline)
	defer p.orders.SetDeadline(time.Time{})
	_ = link.SetDeadline(deadline)
	fds := []int{int(theirs.Fd())}
	for _, f := range o.Files {
		fds = append(fds, int(f.Fd()))
	}
	if err := p.send(unix.UnixRights(fds...), "fork", o.Env, []string{o.Dir}, p.printed); err != nil {
		return nil, err
	}
	theirs.Close() // or the end of the child would not be seen
	verb, lists, err := p.take(make([]byte, maxMessage))
	if err == nil && verb != "forked" {
		err = refusal(verb, lists)
	}
	if err != nil {
		return nil, err
	}
	text, about := make([]byte, 4<<10), unixcred.Room()
	n, oob, _, _, err := link.ReadMsgUnix(text, about)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, err
	case err != nil || n == 0:
		return nil, errors.New("the child has ended at once")
	}
	verb, lists, err = decode(text[:n])
	if err == nil && verb != "here" {
		err = refusal(verb, lists)
	}
	if err != nil {
		return nil, err
	}
	_ = link.SetDeadline(time.Time{})
	pid, ok := unixcred.Sender(about[:oob])
	if !ok {
		return nil, errors.New("cannot tell who the child is")
	}
	return &Child{pid, link}, nil
}

// PID is that of the child.
func (c *Child) PID() int { return c.pid }

// Begin has it go on with the command, once.
func (c *Child) Begin() error {
	defer c.link.Close()
	if _, err := c.link.Write([]byte("go\x00")); err != nil {
		return fmt.Errorf("cannot let the child begin: %w", err)
	}
	return nil
}

// Drop ends a child that is not to begin.
func (c *Child) Drop() { c.link.Close() }

func (p *Parent) send(rights []byte, verb string, lists ...[]string) error {
	_, _, err := p.orders.WriteMsgUnix(encode(verb, lists...), rights, nil)
	switch {
	case errors.Is(err, syscall.EMSGSIZE):
		return errors.New("its environment is too large to be handed on")
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		return errEnded
	}
	return err
}

var errEnded = errors.New("the parent has ended")

// take receives a message, into text.
func (p *Parent) take(text []byte) (verb string, lists [][]string, err error) {
	n, err := p.orders.Read(text)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", nil, err
	case err != nil || n == 0:
		return "", nil, errEnded
	}
	return decode(text[:n])
}

// refusal is what a process says in place of what it was asked for: what another
// attempt would not mend, or what has failed.
func refusal(verb string, lists [][]string) error {
	switch one := len(lists) == 1 && len(lists[0]) == 1; {
	case one && verb == "refused":
		return &Unfit{lists[0][0]}
	case one && verb == "failed":
		return errors.New(lists[0][0])
	}
	return fmt.Errorf("the parent answers %.40q", verb)
}

// pair returns two ends of a socket that keeps the bounds of messages.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "socket")
	defer f.Close()
	theirs = os.NewFile(uintptr(fds[1]), "socket")
	conn, err := net.FileConn(f)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}
