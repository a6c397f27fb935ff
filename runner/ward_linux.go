package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/cgroup"
	"bounce/internal/shim"
)

// canKeep says that services can outlive the agent on this system.
const canKeep = true

// wardLinger is how long a shim waits for the next agent when its service has
// ended meanwhile. Then it leaves a file.
const wardLinger = 30 * time.Second

// shimEnd is our end of a shim.
type shimEnd = shim.Shim

// ward is a shim and what it tells.
type ward struct {
	shim *shim.Shim
	// heard is told notices; set before listen is called.
	heard func(text string)
}

// listen hands on what the shim says until the connection ends.
func (w *ward) listen(each func(l Line, old bool)) {
	w.shim.Listen(shim.Handler{
		Line: func(l shim.Line) { each(lineOf(l), l.Old) },
		Lost: func(n uint64) {
			each(Line{Stream: Notice, Time: time.Now(), Text: fmt.Sprintf("%d lines dropped", n)}, false)
		},
		Notice: func(_ int, text string) {
			if w.heard != nil {
				w.heard(text)
			}
		},
	})
}

// lineOf is a line of a shim in our words.
func lineOf(l shim.Line) Line {
	stream := Stdout
	if l.Stderr {
		stream = Stderr
	}
	return Line{Stream: stream, Time: l.Time, Text: l.Text, Split: l.Split}
}

// note and memorize are for the next runner. A shim that does not take them is
// dead or stopped, and has worse to tell by itself.
func (w *ward) note(record []byte)   { _ = w.shim.Note(record) }
func (w *ward) memorize(memo []byte) { _ = w.shim.Memorize(memo) }

// leave lets the shim go on by itself.
func (w *ward) leave() { w.shim.Leave() }

// startWard starts a command in the care of a new shim.
func (u unixStarter) startWard(dir string, c command, m mark, record, memo []byte) (process, *pipes, error) {
	order := shim.Command{Kept: len(c.files), Linger: wardLinger}
	if c.ear != nil {
		f, err := c.ear.conn.File()
		if err != nil {
			return nil, nil, fmt.Errorf("cannot keep %s alive: %w", m.service, err)
		}
		defer f.Close()
		order.Notify = f
	}
	if _, account, err := c.confine.resolve(); err == nil && account != nil {
		order.Owner = &[2]int{int(account.UID), int(account.GID)} // of the pipes
	}
	var s *shim.Shim
	p, err := u.begin(c, m, [3]*os.File{}, func(path string, argv []string, attr *os.ProcAttr) (*os.Process, time.Time, error) {
		if s != nil {
			s.Abandon()
		}
		var err error
		if s, err = shim.Start(dir, m.service, forkShim); err != nil {
			return nil, time.Time{}, err
		}
		order.Path, order.Argv, order.Dir, order.Env = path, argv, attr.Dir, attr.Env
		order.Files, order.Cgroup = attr.Files[3:], nil
		if attr.Sys.UseCgroupFD {
			group, err := unix.Dup(attr.Sys.CgroupFD)
			if err != nil {
				return nil, time.Time{}, err
			}
			order.Cgroup = os.NewFile(uintptr(group), "cgroup")
			defer order.Cgroup.Close()
		}
		if err := errors.Join(s.Note(record), s.Memorize(memo)); err != nil {
			return nil, time.Time{}, err
		}
		if err := s.Run(order); err != nil {
			return nil, time.Time{}, err
		}
		return &os.Process{Pid: s.Command()}, s.Started(), nil
	})
	if err != nil {
		if s != nil {
			s.Abandon()
		}
		return nil, nil, err
	}
	if c.ear != nil {
		c.ear.conn.Close()
	}
	return p, p.entrust(s), nil
}

// forkShim starts the process of a shim, and reaps it when it ends, which may
// be long after the runner.
func forkShim(path string, argv []string, attr *os.ProcAttr) error {
	child, _, err := fork(path, argv, attr)
	if err == nil {
		go func() {
			_, _ = child.Wait()
			disown(child.Pid)
		}()
	}
	return err
}

// entrust notes that a shim has started the command.
func (p *proc) entrust(s *shim.Shim) *pipes {
	p.shim = s
	go p.awaitShim()
	return &pipes{ward: &ward{shim: s}, done: make(chan struct{})}
}

// tell sends the command a signal, if it is the one that the shim started.
func (p *proc) tell(sig syscall.Signal) error {
	select {
	case <-p.gone:
		return os.ErrProcessDone
	default:
	}
	// The shim keeps its number from others for as long as it lives.
	fd, err := unix.PidfdOpen(p.pid(), 0)
	if err != nil {
		return fmt.Errorf("cannot signal pid %d: %w", p.pid(), err)
	}
	defer unix.Close(fd)
	select {
	case <-p.shim.Gone():
		return os.ErrProcessDone
	default:
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// awaitShim waits until the command has ended, or its shim has.
func (p *proc) awaitShim() {
	defer close(p.gone)
	<-p.shim.Exited()
	p.status = exitOf(p.shim.Exit())
	p.status.OOM = p.status.Signal == "SIGKILL" && !p.killed.Load() && cgroup.CountKills(p.leaf).Since(p.kills)
}

// exitOf is how a command ended, in our words.
func exitOf(e shim.Exit, known bool) Exit {
	if !known {
		return Exit{Code: -1, Signal: "unknown: its shim has ended"}
	}
	return ended(e.Code, syscall.Signal(e.Signal))
}

// below returns the children of the shim, which are all of this generation.
// Of a shim that was killed nobody has them: then their marks are looked for,
// and whose session they are in.
func (p *proc) below() []int {
	select {
	case <-p.shim.Gone():
	default:
		return children(p.shim.PID())
	}
	var found []int
	for _, name := range names("/proc") {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, alive := readStat(pid); !alive || s.session != p.pid() && s.group != p.pid() {
			if m, ok := readMark(pid); !ok || m != p.mark {
				continue
			}
		}
		found = append(found, pid)
	}
	return found
}

// findWards looks for what an earlier runner has left in a directory, by
// service. Of several generations of one, the others are its rivals.
func findWards(dir, run string, leaves *cgroup.Tree) (map[string]*adoption, error) {
	shims, lasts, err := shim.Find(dir)
	found := make(map[string][]*adoption)
	var groups []*cgroup.Leaf
	if leaves != nil && len(shims) > 0 {
		groups = leaves.Leftovers()
	}
	for _, s := range shims {
		_, over := s.Exit()
		a := &adoption{memo: s.Memo(), files: s.Files(), over: over}
		if json.Unmarshal(s.Record(), &a.record) != nil || a.Run != run {
			a.close()
			s.Leave()
			continue
		}
		p := &proc{
			os: &os.Process{Pid: s.Command()}, mark: mark{run: run, service: a.Service, generation: a.Generation, by: a.Agent}, start: s.Started(), gone: make(chan struct{}),
		}
		for _, leaf := range groups {
			if leaf.Service == a.Service && leaf.Has(p.pid()) {
				p.leaf = leaf
			}
		}
		p.kills = cgroup.CountKills(p.leaf)
		a.proc, a.pipes = p, p.entrust(s)
		found[a.Service] = append(found[a.Service], a)
	}
	for _, last := range lasts {
		a := &adoption{over: true}
		if json.Unmarshal(last.Record, &a.record) == nil && a.Run == run {
			a.proc, a.pipes = lateProc(last), latePipes(last)
			found[a.Service] = append(found[a.Service], a)
		}
	}
	chosen := make(map[string]*adoption)
	for name, all := range found {
		chosen[name] = pick(all)
	}
	return chosen, err
}

// close closes the sockets that it was lent.
func (a *adoption) close() {
	for _, f := range a.files {
		f.Close()
	}
}

// dispose has a shim end when its command has, which others see to.
func (a *adoption) dispose() {
	a.close()
	go a.pipes.read(func(Line, bool) {})
	go func() {
		<-a.proc.exited()
		a.proc.leave()
	}()
}

// shimPID is that of the shim of an adoption; 0 when it has ended.
func (a *adoption) shimPID() int {
	if p, ok := a.proc.(*proc); ok {
		return p.shim.PID()
	}
	return 0
}

// lateProc is a command that has ended while no agent was there.
func lateProc(last shim.Last) process {
	gone := make(chan struct{})
	close(gone)
	return &lateProcess{start: last.Started, gone: gone, status: exitOf(last.Exit, true)}
}

type lateProcess struct {
	start  time.Time
	gone   chan struct{}
	status Exit
}

func (p *lateProcess) pid() int                        { return 0 }
func (p *lateProcess) since() time.Time                { return p.start }
func (p *lateProcess) exited() <-chan struct{}         { return p.gone }
func (p *lateProcess) exit() Exit                      { return p.status }
func (p *lateProcess) signal(string) error             { return os.ErrProcessDone }
func (p *lateProcess) end(Stop, <-chan struct{}) []int { return nil }
func (p *lateProcess) leave()                          {}
func (p *lateProcess) owner(string, int) ownership     { return ownership{unknown: true} }
func (p *lateProcess) busy() (busy, known bool)        { return false, true }
func (p *lateProcess) sockets() map[string]bool        { return nil }
func (p *lateProcess) has(int) (ours, known bool)      { return false, true }

// latePipes has its last words.
func latePipes(last shim.Last) *pipes {
	return &pipes{done: make(chan struct{}), late: func(each func(l Line, old bool)) {
		for _, l := range last.Lines {
			each(lineOf(l), l.Old)
		}
	}}
}

// heardElsewhere is the ear of a generation that a shim listens to.
func heardElsewhere(address string) *ear { return &ear{address: address} }

// regroup has new connections come to a socket that was found, of a group in
// which there may be an older one. A group is not given another member, not
// even for a moment: what came to that would be lost. Where there is none yet,
// it is founded.
func (h *held) regroup(older bool) {
	if h.choose(older) != nil {
		h.found()
	}
}

// keepDir makes the directory of shims, or refuses one that others may enter.
func keepDir(dir string) error {
	if err := shim.Prepare(dir); err != nil {
		return fmt.Errorf("cannot keep services alive: %w", err)
	}
	return nil
}
