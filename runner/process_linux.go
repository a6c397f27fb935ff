package runner

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/cgroup"
	"bounce/internal/waitid"
)

// The command of a service is waited for without being reaped (WNOWAIT), and
// reaped only when all that came of it is gone: until then its pid cannot be
// given to another process, so the numbers of its group and session mean what
// they say, and signalling them can hit nobody else.

func itoa(n int) string { return strconv.Itoa(n) }

// await waits until the command has ended and notes how.
func (p *proc) await() {
	defer close(p.gone)
	code, sig, _, err := waitid.Look(p.pid(), 0)
	if err != nil {
		p.status = Exit{Code: -1, Signal: "unknown: " + err.Error()}
		return
	}
	p.status = ended(code, sig)
	p.status.OOM = sig == syscall.SIGKILL && !p.killed.Load() && cgroup.CountKills(p.leaf).Since(p.kills)
}

// reap takes the command off the kernel's list, once.
func (p *proc) reap() {
	p.reaped.Do(func() {
		<-p.gone
		if p.shim != nil {
			_ = p.shim.Bye() // one that does not end has nothing to do any more
		} else {
			_, _ = p.os.Wait() // its status is known
			disown(p.pid())
		}
		if p.leaf != nil {
			p.leaf.Remove()
		}
	})
}

func (p *proc) leave() { p.reap() }

// killTime is how long KILL may take to work before the generation is unclean.
// A process in uninterruptible sleep does not die of it.
const killTime = 2 * time.Second

// rescan is how often KILL is repeated for what was born meanwhile.
const rescan = 50 * time.Millisecond

func (p *proc) end(s Stop, force <-chan struct{}) []int {
	left := p.hunt().run(s, force)
	if len(left) == 0 {
		p.reap()
	}
	return left
}

// hunt is one attempt to end a generation.
type hunt struct {
	// live returns what is left of it now.
	live func() []stat
	// assumed is what may be left while nothing can be seen.
	assumed []stat
	// group is its process group, 0 for none: it is signalled as a whole, so
	// that no member is missed, and its members get the signal once.
	group int
	// kill kills what can be killed at once, each time that KILL is due.
	kill func()
	// found, if not nil, is called with each process that is seen.
	found func(stat)
}

func (p *proc) hunt() *hunt {
	// What is below the command now is known to be its own, even if it
	// forgets its environment and its parents end.
	known := make(map[identity]bool)
	h := &hunt{
		group:   p.pid(),
		live:    func() []stat { return p.live(known) },
		assumed: []stat{{identity: identity{pid: p.pid()}, group: p.pid()}},
		kill: func() {
			p.killed.Store(true)
			if p.leaf != nil {
				_ = p.leaf.Kill() // the signals are for kernels that cannot
			}
		},
	}
	if p.leaf != nil && p.escaped != nil {
		told := make(map[identity]bool)
		h.found = func(s stat) {
			if _, alive := readStat(s.pid); !told[s.identity] && !p.leaf.Has(s.pid) && alive {
				told[s.identity] = true
				p.escaped(p.mark, s.pid)
			}
		}
	}
	return h
}

func (h *hunt) run(s Stop, force <-chan struct{}) []int {
	sig, err := signalNumber(s.Signal)
	if err != nil {
		sig = syscall.SIGTERM // New has refused unknown names
	}
	w := newWake(force)
	defer w.close()

	deadline := time.Now().Add(s.Grace)
	killing := false
	told := make(map[identity]bool)
	for clear := 0; clear < 2; {
		unseen := blinded.Load()
		left := h.live()
		blind := blinded.Load() != unseen
		if blind {
			left = append(left, h.assumed...)
		}
		if len(left) == 0 {
			clear++
			continue
		}
		clear = 0
		if h.found != nil {
			for _, s := range left {
				h.found(s)
			}
		}
		now := time.Now()
		if !killing && (w.forced() || !now.Before(deadline)) {
			killing, deadline = true, now.Add(killTime)
			clearMap(told)
		}
		if killing && now.After(deadline) {
			return pids(left)
		}
		if killing {
			h.kill()
			h.signal(left, told, syscall.SIGKILL)
		} else {
			h.signal(left, told, sig)
		}
		wait := time.Until(deadline)
		if killing || blind {
			wait = min(wait, rescan)
		}
		w.untilDeath(left, wait, !killing)
	}
	return nil
}

// signal tells the processes, each once per signal: a second TERM means
// something else to many servers. KILL is for all who are there.
func (h *hunt) signal(left []stat, told map[identity]bool, sig syscall.Signal) {
	var members []identity // told by the signal to the group
	group := false
	for _, s := range left {
		if told[s.identity] && sig != syscall.SIGKILL {
			continue
		}
		told[s.identity] = true
		if h.group != 0 && s.group == h.group {
			// Members that are born after the first signal learn from
			// their parents.
			group = group || sig == syscall.SIGKILL || !told[identity{pid: -h.group}]
			members = append(members, s.identity)
			continue
		}
		send(s.identity, sig)
	}
	if group {
		told[identity{pid: -h.group}] = true
		_ = syscall.Kill(-h.group, sig) // gone is fine
		if sig != syscall.SIGKILL {
			_ = syscall.Kill(-h.group, syscall.SIGCONT)
		}
		// Who has left the group since it was seen, as setsid does right after its
		// start, was not reached.
		for _, id := range members {
			if now, alive := readStat(id.pid); alive && now.identity == id && now.group != h.group {
				send(id, sig)
			}
		}
	}
}

// send signals exactly the process that was seen.
func send(id identity, sig syscall.Signal) {
	fd, err := openPid(id)
	switch err {
	case nil:
		defer unix.Close(fd)
	case unix.ESRCH:
		return
	default:
		// No pidfd to be had, as under an old kernel or without a free
		// descriptor: a look at the start time just before has to do.
		if s, ok := readStat(id.pid); ok && s.identity == id {
			_ = syscall.Kill(id.pid, sig)
			_ = syscall.Kill(id.pid, syscall.SIGCONT)
		}
		return
	}
	_ = unix.PidfdSendSignal(fd, sig, nil, 0) // gone is fine
	if sig != syscall.SIGKILL {
		_ = unix.PidfdSendSignal(fd, syscall.SIGCONT, nil, 0)
	}
}

// openPid opens a process by its identity.
func openPid(id identity) (int, error) {
	fd, err := unix.PidfdOpen(id.pid, 0)
	if err != nil {
		return -1, err
	}
	if s, ok := readStat(id.pid); !ok || s.identity != id {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

// live returns the processes of the generation that run, and notes them in
// known. When the command is dead they are all below orphans of ours.
func (p *proc) live(known map[identity]bool) []stat {
	var found []stat
	seen := make(map[int]bool)
	var walk func(pid int)
	walk = func(pid int) {
		if seen[pid] {
			return
		}
		seen[pid] = true
		s, alive := readStat(pid)
		if !alive {
			return // a zombie has no children
		}
		known[s.identity] = true
		found = append(found, s)
		for _, child := range children(pid) {
			walk(child)
		}
	}
	select {
	case <-p.gone:
	default:
		walk(p.pid())
	}
	if p.shim != nil {
		for _, pid := range p.below() {
			walk(pid)
		}
	} else {
		for _, pid := range orphans() {
			if s, alive := readStat(pid); alive && p.owns(s, known) {
				walk(pid)
			}
		}
	}
	if p.leaf != nil {
		seen[os.Getpid()] = true // whatever somebody has put there
		for _, pid := range p.leaf.PIDs() {
			walk(pid)
		}
	}
	return found
}

// enter has a command begin in a control group of its own, where that is to be
// had. The caller calls the function when it has begun.
func (u unixStarter) enter(m mark, sys *syscall.SysProcAttr) (*cgroup.Leaf, func()) {
	none := func() {}
	if u.leaves == nil {
		return nil, none
	}
	leaf, err := u.leaves.Make(m.leaf(), m.generation)
	if err != nil {
		return nil, none // the other layers hold
	}
	dir, err := leaf.Open()
	if err != nil {
		leaf.Remove()
		return nil, none
	}
	sys.UseCgroupFD, sys.CgroupFD = true, int(dir.Fd())
	return leaf, func() { dir.Close() }
}

// owns reports whether an orphan came from this generation.
func (p *proc) owns(s stat, known map[identity]bool) bool {
	if s.session == p.pid() || s.group == p.pid() || known[s.identity] {
		return true
	}
	if m, ok := readMark(s.pid); ok {
		return m == p.mark
	}
	// It has forgotten its environment, or it is a command of another service
	// between fork and exec, which has every descriptor of the agent and no
	// mark yet. The latter is over once the lock is ours: Go forks under it,
	// and on Linux the fork returns when the child has executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if m, ok := readMark(s.pid); ok {
		return m == p.mark
	}
	// Its output may still give it away: the writing end, since the reading
	// end is the agent's.
	return holdsFile(s.pid, func(link string, mode fs.FileMode) bool {
		return mode&0o200 != 0 && (link == p.pipes[0] || link == p.pipes[1])
	})
}

// has reports whether a process is of this generation. One that has ended and
// was not reaped still has its session.
func (p *proc) has(pid int) (ours, known bool) {
	line, ok := readPid(itoa(pid))
	if !ok {
		return false, true
	}
	s := statOf(line)
	if s.session == p.pid() || s.group == p.pid() || p.leaf != nil && p.leaf.Has(pid) {
		return true, true
	}
	return slices.ContainsFunc(p.live(make(map[identity]bool)), func(l stat) bool { return l.identity == s.identity }), true
}

// pipeName is how /proc/PID/fd shows a pipe, or a terminal.
func pipeName(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return "unknown"
	}
	if info.Mode()&os.ModeCharDevice != 0 {
		return f.Name()
	}
	return fmt.Sprintf("pipe:[%d]", info.Sys().(*syscall.Stat_t).Ino)
}

func pids(list []stat) []int {
	var out []int
	for _, s := range list {
		out = append(out, s.pid)
	}
	slices.Sort(out)
	return out
}

func clearMap[K comparable](m map[K]bool) {
	for k := range m {
		delete(m, k)
	}
}

// wake waits for deaths and for force at once.
type wake struct {
	force <-chan struct{}
	fd    int // an eventfd that force writes to; -1 if there is none
	stop  chan struct{}
	done  chan struct{}
}

func newWake(force <-chan struct{}) *wake {
	w := &wake{force: force, stop: make(chan struct{}), done: make(chan struct{})}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		fd = -1 // then untilDeath looks again after a while
	}
	w.fd = fd
	go func() {
		defer close(w.done)
		select {
		case <-w.force:
			if w.fd >= 0 {
				_, _ = unix.Write(w.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
			}
		case <-w.stop:
		}
	}()
	return w
}

func (w *wake) forced() bool {
	select {
	case <-w.force:
		return true
	default:
		return false
	}
}

func (w *wake) close() {
	close(w.stop)
	<-w.done
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

// untilDeath returns when one of the processes has ended, after wait, or, if
// interruptible, when force is closed.
func (w *wake) untilDeath(list []stat, wait time.Duration, interruptible bool) {
	var fds []unix.PollFd
	blind := false
	for _, s := range list {
		fd, err := openPid(s.identity)
		if err == unix.ESRCH {
			wait = 0 // it has ended already
			continue
		}
		if err != nil {
			blind = true
			continue
		}
		defer unix.Close(fd)
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if interruptible && w.fd >= 0 {
		fds = append(fds, unix.PollFd{Fd: int32(w.fd), Events: unix.POLLIN})
	}
	if blind || w.fd < 0 {
		wait = min(wait, rescan) // no descriptors to be had: look instead
	}
	if wait <= 0 {
		return
	}
	timeout := unix.NsecToTimespec(int64(wait))
	_, _ = unix.Ppoll(fds, &timeout, nil) // interrupted: the caller looks again
}
