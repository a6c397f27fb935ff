//go:build unix && !linux

package runner

import (
	"os"
	"syscall"
	"time"

	"bounce/internal/cgroup"
)

// Without /proc and a subreaper, a service is its process group: what leaves
// the group with setsid is not found.

// prepare has nothing to do on this system.
func prepare() error { return nil }

// Subreaper has nothing to do on this system.
func Subreaper() error { return nil }

func fork(path string, argv []string, attr *os.ProcAttr) (*os.Process, time.Time, error) {
	child, err := os.StartProcess(path, argv, attr)
	return child, time.Now(), err
}

func disown(int) {}

func (u unixStarter) enter(mark, *syscall.SysProcAttr) (*cgroup.Leaf, func()) { return nil, func() {} }

// await reaps the command when it ends.
func (p *proc) await() {
	defer close(p.gone)
	state, err := p.os.Wait()
	if err != nil {
		p.status = Exit{Code: -1, Signal: err.Error()}
		return
	}
	ws := state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		p.status = ended(0, ws.Signal())
	} else {
		p.status = ended(ws.ExitStatus(), 0)
	}
}

const (
	// lookInterval is the time between looks at a group, which tells nobody
	// when it is empty.
	lookInterval = 5 * time.Millisecond
	// killTime is how long KILL may take.
	killTime = 2 * time.Second
)

func (p *proc) end(s Stop, force <-chan struct{}) []int {
	sig, err := signalNumber(s.Signal)
	if err != nil {
		sig = syscall.SIGTERM // New has refused unknown names
	}
	group := -p.pid()
	syscall.Kill(group, sig)
	syscall.Kill(group, syscall.SIGCONT)
	deadline, killed := time.Now().Add(s.Grace), false
	for syscall.Kill(group, 0) == nil {
		select {
		case <-force:
			deadline = time.Now()
			force = nil
		case <-time.After(lookInterval):
		}
		if now := time.Now(); now.Before(deadline) {
			continue
		} else if killed && now.After(deadline.Add(killTime)) {
			return []int{p.pid()}
		}
		syscall.Kill(group, syscall.SIGKILL)
		if !killed {
			deadline, killed = time.Now(), true
		}
	}
	<-p.gone
	return nil
}

func (p *proc) leave() {}

// pipeName is of use on Linux only.
func pipeName(*os.File) string { return "" }

func (p *proc) owner(string, int) ownership { return ownership{unknown: true} }

func holder(string, int) ownership { return ownership{unknown: true} }

func (p *proc) busy() (busy, known bool) { return false, false }

func (p *proc) sockets() map[string]bool { return nil }

func (p *proc) has(int) (ours, known bool) { return false, false }

// leftovers finds nothing on this system.
func leftovers([]marked, *cgroup.Tree, map[string]*adoption) map[string][]*stray { return nil }

// stray is a process of an earlier agent.
type stray struct{}

func endStrays([]*stray, <-chan struct{}) []int { return nil }

// tell is for Linux.
func (*proc) tell(syscall.Signal) error { return ErrNotSupported }
