package shim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/lines"
	"bounce/internal/pidstat"
	"bounce/internal/unixcred"
	"bounce/internal/waitid"
)

// name is what a shim is called in the list of processes, before the name of
// its service. It is also how a program knows that it is one.
const name = "bounce-shim"

// envPath has the place of a shim's files, without their suffixes.
const envPath = "BOUNCE_SHIM"

const (
	socketSuffix = ".sock"
	lastSuffix   = ".last"
)

// The hook is an init function, not one that each main has to call: a program
// that forgot to would start all of itself in the place of every shim. And what
// other packages do at their start costs a shim neither time nor memory.
func init() {
	if len(os.Args) != 2 || os.Args[0] != name || os.Getenv(envPath) == "" {
		return
	}
	serve(os.Getenv(envPath))
	os.Exit(0)
}

// patience is how long a shim waits for the agent that has started it.
const patience = 10 * time.Second

// keeper is a shim at work. All is owned by the goroutine of serve but the
// backlog, which has a lock of its own.
type keeper struct {
	path    string
	backlog *backlog

	lent   []*os.File
	record []byte
	memo   []byte
	linger time.Duration

	pid     int // of the command; 0 before there is one
	started time.Time
	exit    *Exit
	ended   time.Time // when it did
	tried   bool      // there was an order

	link   *link
	hurry  bool // end as soon as the command has
	noted  bool // how it ended is in the file
	expiry time.Time
	bye    *time.Time // when it was said
}

// link is a connection with an agent.
type link struct {
	conn   *net.UnixConn
	frames chan frame    // a payload is valid until its turn is given back
	turn   chan struct{} // gives the reader its turn back
	wire   *wire
	told   chan struct{} // closed when all output has been sent, to its end
	gone   chan struct{} // closed when reader and writer have ended
}

func serve(path string) {
	listener, err := inherit(3)
	if err != nil {
		return
	}
	k := &keeper{path: path, backlog: newBacklog(), expiry: time.Now().Add(patience)}
	defer os.Remove(path + socketSuffix)
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // for ps; it works without
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	_ = unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) // what we were left with is not the command's

	// Handlers, since what is ignored would be so in the command too. TERM is
	// what a machine that goes down sends to everybody: the shim goes when its
	// service has.
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP)
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)

	visitors := make(chan *net.UnixConn)
	go accept(listener, visitors)
	clock := time.NewTimer(patience)
	for !k.over() {
		next, frames, gone := visitors, (chan frame)(nil), (chan struct{})(nil)
		if k.link != nil {
			next, frames, gone = nil, k.link.frames, k.link.gone
		}
		select {
		case conn := <-next:
			k.welcome(conn)
		case f := <-frames:
			k.obey(f)
			k.link.turn <- struct{}{}
		case <-gone:
			k.link = nil
			k.expiry = time.Now().Add(k.linger)
		case <-told:
			k.hurry = true
		case <-died:
			k.reap()
		case <-clock.C:
		}
		clock.Reset(k.rest())
	}
}

// inherit makes a listener of a descriptor.
func inherit(fd uintptr) (*net.UnixListener, error) {
	f := os.NewFile(fd, "socket")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	ul, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.New("not a unix socket")
	}
	return ul, nil
}

// accept hands on the connections of this user and of root.
func accept(l *net.UnixListener, visitors chan<- *net.UnixConn) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			time.Sleep(100 * time.Millisecond) // no descriptors, say
			continue
		}
		if who, err := unixcred.Peer(conn); err != nil || who.Uid != 0 && int(who.Uid) != os.Geteuid() {
			conn.Close()
			continue
		}
		visitors <- conn
	}
}

// over reports whether the shim has nothing to do any more.
func (k *keeper) over() bool {
	switch {
	case k.bye != nil:
		// What was printed last is told first.
		return k.link == nil || isClosed(k.link.told) || time.Since(*k.bye) > drainTime
	case k.link != nil:
		return false
	case k.pid == 0:
		return k.tried || !time.Now().Before(k.expiry)
	case k.exit == nil:
		return false
	}
	if !k.noted && (k.backlog.ended() || time.Since(k.ended) > drainTime) {
		k.noted = k.leave() == nil
	}
	// Without the file nobody would learn of it: then it waits to be asked.
	return k.noted && len(k.others()) == 0 && (k.hurry || !time.Now().Before(k.expiry))
}

// rest is how long nothing may happen before over is asked again.
func (k *keeper) rest() time.Duration {
	const long, short = time.Hour, 5 * time.Second
	switch {
	case k.bye != nil:
		return lookTime
	case k.link != nil || k.pid != 0 && k.exit == nil:
		return long
	case k.exit != nil && !k.noted && time.Since(k.ended) < drainTime:
		return lookTime
	case time.Now().Before(k.expiry):
		return time.Until(k.expiry)
	}
	return short
}

const (
	// drainTime is how long the last words of a command may take when
	// something that it left behind holds its output open; lookTime is between
	// two looks for their end.
	drainTime = 300 * time.Millisecond
	lookTime  = 20 * time.Millisecond
)

// welcome begins to talk with an agent.
func (k *keeper) welcome(conn *net.UnixConn) {
	l := &link{conn: conn, frames: make(chan frame), turn: make(chan struct{}), told: make(chan struct{}), gone: make(chan struct{}), wire: newWire(conn, 4<<10)}
	hello := jsonFrame(kindHello, greeting{
		Protocol: protocol, Shim: os.Getpid(), PID: k.pid, Started: k.started, Exit: k.exit, Files: len(k.lent), Acked: k.backlog.begin(),
	})
	hello = appendFrame(hello, kindRecord, k.record)
	hello = appendFrame(hello, kindMemo, k.memo)
	files := k.lent
	read, wrote := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		for {
			f, err := l.wire.next()
			if err != nil {
				return
			}
			l.frames <- f
			<-l.turn
		}
	}()
	go func() {
		defer close(wrote)
		defer conn.CloseWrite() // an agent that does not get everything must not believe it does
		if send(conn, hello, files) != nil {
			return
		}
		buf := make([]byte, 2*lines.Max+headSize+lineHead)
		var at cursor
		for {
			b := k.backlog.take(buf, &at)
			if len(b) == 0 {
				select {
				case <-k.backlog.bell:
					continue
				case <-read:
					return
				}
			}
			if _, err := conn.Write(b); err != nil {
				return
			}
			if at.ended && !isClosed(l.told) {
				close(l.told)
			}
		}
	}()
	go func() {
		<-read
		conn.Close()
		<-wrote
		l.wire.drop()
		close(l.gone)
	}()
	k.link = l
	k.noted = false
	_ = os.Remove(k.path + lastSuffix) // what it says is said now
}

// obey does what a frame says.
func (k *keeper) obey(f frame) {
	switch f.kind {
	case kindStart:
		k.start(f.payload)
	case kindRecord:
		k.record = append([]byte(nil), f.payload...)
	case kindMemo:
		k.memo = append([]byte(nil), f.payload...)
	case kindAck:
		if len(f.payload) == 8 {
			k.backlog.ack(binary.LittleEndian.Uint64(f.payload))
		}
	case kindBye:
		now := time.Now()
		k.bye = &now
	}
}

// start carries out an order and says what came of it.
func (k *keeper) start(data []byte) {
	var o order
	var out begun
	var listen func()
	k.tried = true
	err := decode(data, &o)
	if err == nil {
		listen, err = k.fork(o)
	}
	if err != nil {
		out.Problem = err.Error()
		var errno syscall.Errno
		if errors.As(err, &errno) {
			out.Errno = int(errno)
		}
	}
	out.PID, out.Started = k.pid, k.started
	k.backlog.say(jsonFrame(kindBegun, out))
	if listen != nil {
		listen() // the agent takes no line before it knows of the command
	}
	debug.FreeOSMemory() // what was read and is not needed any more
}

// fork starts a command. What it prints and reports is taken in from when
// listen is called.
func (k *keeper) fork(o order) (listen func(), err error) {
	if k.pid != 0 {
		return nil, errors.New("it has a command already")
	}
	w := k.link.wire
	lent, err := w.claim(o.Files)
	if err != nil {
		return nil, err
	}
	kept := min(max(o.Kept, 0), len(lent))
	defer func() {
		for _, f := range lent[kept:] {
			f.Close()
		}
	}()
	sys := &syscall.SysProcAttr{Setsid: true}
	if o.Cgroup {
		group, err := w.claim(1)
		if err != nil {
			return nil, err
		}
		defer group[0].Close()
		sys.UseCgroupFD, sys.CgroupFD = true, int(group[0].Fd())
	}
	var ear []*os.File
	if o.Notify {
		if ear, err = w.claim(1); err != nil {
			return nil, err
		}
		defer ear[0].Close()
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		return nil, err
	}
	defer errW.Close()
	if o.Owner != nil {
		_ = outW.Chown(o.Owner[0], o.Owner[1])
		_ = errW.Chown(o.Owner[0], o.Owner[1])
	}
	child, err := os.StartProcess(o.Path, o.Argv, &os.ProcAttr{
		Dir: o.Dir, Env: append([]string{}, o.Env...), Files: append([]*os.File{os.Stdin, outW, errW}, lent...), Sys: sys,
	})
	if err != nil {
		outR.Close()
		errR.Close()
		kept = 0
		return nil, err
	}
	k.pid, k.started, k.lent, k.linger = child.Pid, time.Now(), lent[:kept], o.Linger
	// It is waited for without os.Process, and reaped when the shim ends.
	_ = child.Release()
	var conn net.PacketConn
	if len(ear) > 0 {
		conn, _ = net.FilePacketConn(ear[0]) // without it the command runs, and nobody hears it
	}
	return func() {
		go k.backlog.follow(outR, 0)
		go k.backlog.follow(errR, flagStderr)
		if conn, ok := conn.(*net.UnixConn); ok {
			go k.backlog.hear(conn)
		}
	}, nil
}

// hear takes in the notices of our descendants: the kernel says which process
// has sent one.
func (b *backlog) hear(conn *net.UnixConn) {
	text := make([]byte, 16<<10)
	about := unixcred.Room()
	for {
		n, oobn, _, _, err := conn.ReadMsgUnix(text, about)
		if err != nil {
			return
		}
		if pid, ok := unixcred.Sender(about[:oobn]); ok && descends(pid) {
			b.note(appendFrame(nil, kindNotice, binary.LittleEndian.AppendUint32(nil, uint32(pid)), text[:n]))
		}
	}
}

// descends reports whether a process is below us. What it leaves behind when it
// ends comes to us, so the chain is never broken.
func descends(pid int) bool {
	self := os.Getpid()
	for range 1000 { // a bound, since the tree may change meanwhile
		if pid <= 1 {
			return false
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		s, ok := pidstat.Parse(data)
		if !ok || s.Parent == self {
			return ok
		}
		pid = s.Parent
	}
	return false
}

// reap notes the end of the command, and takes what the command left behind
// off the kernel's list. The command itself stays on it for as long as the
// shim lives: nobody else can have its number then, or that of its group.
func (k *keeper) reap() {
	if k.pid != 0 && k.exit == nil {
		if code, signal, ended, _ := waitid.Look(k.pid, unix.WNOHANG); ended {
			exit := Exit{Code: code, Signal: int(signal)}
			k.exit, k.ended = &exit, time.Now()
			k.expiry = k.ended.Add(k.linger)
			k.backlog.say(jsonFrame(kindExited, exit))
		}
	}
	for _, pid := range k.others() {
		var status unix.WaitStatus
		_, _ = unix.Wait4(pid, &status, unix.WNOHANG, nil)
	}
}

// others returns the children that are not the command.
func (k *keeper) others() []int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err != nil {
		return nil // the kernel does not list them (CONFIG_PROC_CHILDREN)
	}
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(word); err == nil && pid != k.pid {
			pids = append(pids, pid)
		}
	}
	return pids
}

// leave writes down how the command ended, for an agent that comes later.
func (k *keeper) leave() error {
	return replaceFile(k.path+lastSuffix, encode(Last{
		Boot: bootID(), Record: k.record, Exit: *k.exit, Started: k.started, Ended: k.ended, Lines: k.backlog.last(lastBytes),
	}))
}

// lastBytes is how much of the output is left behind.
const lastBytes = 64 << 10

// replaceFile puts data in the place of a file: another sees all of it or none.
func replaceFile(name string, data []byte) error {
	err := os.WriteFile(name+".new", data, 0o600)
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		_ = os.Remove(name + ".new")
	}
	return err
}

// bootID tells one run of the system from another.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // it is the same for all who ask here
	}
	return strings.TrimSpace(string(data))
}

// environ is that of a shim: little memory, one thread at a time.
func environ(path string) []string {
	env := []string{envPath + "=" + path, "GOMAXPROCS=1", "GOGC=25", "GOTRACEBACK=none"}
	for _, name := range []string{"GORACE", "GOCOVERDIR"} { // of programs under test
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
