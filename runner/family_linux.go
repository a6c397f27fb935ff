package runner

import (
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The agent is a subreaper: what its services leave behind becomes its child,
// so the tree below it holds everything that is left of a service. It reaps
// such orphans, and only them: a child that it started itself is waited for by
// whoever started it, and its status must not be taken away. Which is which
// follows from two facts: every pid that this package starts is in own, and
// what other packages of this process start stays in the agent's session,
// while every service has a session of its own.

// family is what this process knows of its children; the kernel has one list
// of them for all runners of the process.
var family struct {
	once sync.Once
	err  error

	mu    sync.Mutex
	own   map[int]bool // started by this package and not yet reaped
	forks int          // starts whose pid is not yet known
	bell  chan struct{}
}

// Subreaper makes this process the parent of orphans below it, and reaps them
// from then on. New calls it; a second call does nothing.
func Subreaper() error {
	family.once.Do(func() {
		family.own = make(map[int]bool)
		family.bell = make(chan struct{}, 1)
		if family.err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); family.err != nil {
			return
		}
		// For the life of the process: orphans may come at any time, and it
		// ends with none to see them.
		died := make(chan os.Signal, 1)
		signal.Notify(died, syscall.SIGCHLD)
		go func() {
			for {
				select {
				case <-died:
				case <-family.bell:
				}
				reapOrphans()
			}
		}()
	})
	return family.err
}

// prepare makes this process fit to run services.
func prepare() error {
	heedIgnored()
	// Descriptors that the agent was started with and does not know must not
	// reach the services. Best effort: kernels before 5.11 cannot.
	_ = unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	return Subreaper()
}

// heedIgnored takes over the signals that this process was started to ignore,
// as nohup and the "&" of scripts do: what is ignored stays so across execve,
// while what has a handler is reset. The handler drops them, so the agent
// itself goes on ignoring them, unless it asks for them.
var heedIgnored = sync.OnceFunc(func() {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(data)) {
		digits, ok := strings.CutPrefix(line, "SigIgn:")
		if !ok {
			continue
		}
		mask, _ := strconv.ParseUint(strings.TrimSpace(digits), 16, 64)
		dropped := make(chan os.Signal, 1)
		for n := 1; n <= 64; n++ {
			if mask&(1<<(n-1)) != 0 {
				signal.Notify(dropped, syscall.Signal(n))
			}
		}
	}
})

// fork starts a process and notes that it is our own.
func fork(path string, argv []string, attr *os.ProcAttr) (*os.Process, time.Time, error) {
	family.mu.Lock()
	family.forks++
	family.mu.Unlock()

	child, started, err := forkClean(path, argv, attr)

	family.mu.Lock()
	if family.forks--; err == nil {
		family.own[child.Pid] = true
	}
	family.mu.Unlock()
	ring(family.bell) // an orphan may have died meanwhile
	return child, started, err
}

// forkClean starts a process with no signal blocked. The child has the mask of
// the thread that forks.
func forkClean(path string, argv []string, attr *os.ProcAttr) (*os.Process, time.Time, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &before); err == nil {
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	}
	child, err := os.StartProcess(path, argv, attr)
	return child, time.Now(), err
}

// disown forgets a process of ours that has been reaped.
func disown(pid int) {
	family.mu.Lock()
	defer family.mu.Unlock()
	delete(family.own, pid)
}

// orphans returns our children that others started.
func orphans() []int {
	all := adopted()
	family.mu.Lock()
	defer family.mu.Unlock()
	found := all[:0]
	for _, pid := range all {
		if !family.own[pid] {
			found = append(found, pid)
		}
	}
	return found
}

// reapOrphans reaps the dead ones.
func reapOrphans() {
	all := adopted()
	family.mu.Lock()
	defer family.mu.Unlock()
	if family.forks > 0 {
		return // a child of ours may not be in own yet; the fork rings again
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return
	}
	for _, pid := range all {
		if family.own[pid] {
			continue
		}
		if p, ok := readPid(itoa(pid)); ok && p.Dead() && p.Session != session {
			var status unix.WaitStatus
			_, _ = unix.Wait4(pid, &status, unix.WNOHANG, nil) // gone already is as good
		}
	}
}
