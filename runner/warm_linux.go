package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/cgroup"
	"bounce/internal/pyruntime/warm"
)

// The settings of a service are in force in its parent, which is started as the
// service would be, and so in what is forked from it.

func (u unixStarter) foster(ctx context.Context, c command, m mark, s warm.Setup) (parent, error) {
	if why := c.confine.Obstacle(s.Hook); why != "" {
		return nil, errors.New(why)
	}
	var last fostered
	unbound := func() bool { return true }
	p, err := warm.Start(s, func(l warm.Launch) (warm.Process, error) {
		unbound()
		var err error
		if last, err = u.raise(c, m, l); err != nil {
			return nil, err
		}
		unbound = context.AfterFunc(ctx, last.End)
		return last, nil
	})
	switch still := unbound(); {
	case err != nil:
		return nil, err
	case !still:
		err = ErrClosed
	case len(last.live(make(map[identity]bool))) > 1:
		// One that is no child of its any more, which it would know of.
		err = &warm.Unfit{Why: "an import has left a process running"}
	default:
		return p, nil
	}
	p.Close()
	return nil, err
}

// raise starts the process of a parent.
func (u unixStarter) raise(c command, m mark, l warm.Launch) (fostered, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fostered{}, fmt.Errorf("cannot start %q: %w", c.argv[0], err)
	}
	defer null.Close()
	c.env, c.orders = l.Env, l.Orders
	p, err := u.begin(c, m, [3]*os.File{null, l.Stdout, l.Stderr}, fork)
	if err != nil {
		return fostered{}, err
	}
	p.pipes = [2]string{pipeName(l.Stdout), pipeName(l.Stderr)}
	go p.await()
	return fostered{p}, nil
}

// fostered is the process of a parent.
type fostered struct{ *proc }

func (f fostered) PID() int { return f.pid() }

func (f fostered) End() {
	now := make(chan struct{})
	close(now)
	f.end(Stop{Signal: "KILL"}, now)
}

func (u unixStarter) read(c command) (warm.Command, error) {
	_, account, err := c.confine.resolve()
	if err != nil {
		return warm.Command{}, err
	}
	path, err := lookPath(c.argv[0], c.dir, c.env, account)
	if err != nil {
		return warm.Command{}, err
	}
	return warm.Read(c.argv, path, c.dir, c.env)
}

func (u unixStarter) fork(p parent, c command, m mark, stdout, stderr *os.File) (process, error) {
	defer stdout.Close()
	defer stderr.Close()
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	_, account, err := c.confine.resolve()
	if err != nil {
		return nil, err
	}
	if _, err := preflight(c, account); err != nil {
		return nil, err
	}
	if account != nil {
		c.env = homely(c.env, *account)
		for _, pipe := range []*os.File{stdout, stderr} {
			_ = pipe.Chown(int(account.UID), int(account.GID)) // as begin does
		}
	}
	if len(c.files) > 0 {
		c.env = setenv(c.env, envListenFDs+"="+strconv.Itoa(len(c.files)), envListenNames+"="+strings.Join(c.names, ":"))
	}
	attr := &syscall.SysProcAttr{}
	leaf, entered := u.enter(m, attr)
	defer entered()
	kills := cgroup.CountKills(leaf)
	child, started, err := adopt(p.(*warm.Parent), warm.Order{
		Env: m.environ(c.env), Dir: c.dir, Files: append([]*os.File{stdin, stdout, stderr}, c.files...),
	}, attr)
	if err != nil {
		if leaf != nil {
			leaf.Remove()
		}
		return nil, err
	}
	born := &proc{
		os: child, mark: m, start: started, gone: make(chan struct{}),
		leaf: leaf, escaped: u.escaped, kills: kills,
		pipes: [2]string{pipeName(stdout), pipeName(stderr)},
	}
	go born.await()
	return born, nil
}

// adopt has a parent forked, and the child begin when it is known to be our own
// and is in its control group.
func adopt(p *warm.Parent, o warm.Order, attr *syscall.SysProcAttr) (_ *os.Process, started time.Time, err error) {
	family.mu.Lock()
	family.forks++ // as in fork: until we know its pid nobody may reap it
	family.mu.Unlock()
	child, err := p.Fork(o)
	family.mu.Lock()
	if family.forks--; err == nil {
		family.own[child.PID()] = true
	}
	family.mu.Unlock()
	defer ring(family.bell)
	if err != nil {
		return nil, started, err
	}
	pid := child.PID()
	defer func() {
		if err != nil {
			child.Drop()
			disown(pid) // it ends by itself
		}
	}()
	if s, alive := readStat(pid); !alive || s.ppid != os.Getpid() {
		return nil, started, fmt.Errorf("pid %d is no child of ours", pid)
	}
	if attr.UseCgroupFD {
		procs := fmt.Sprintf("/proc/self/fd/%d/cgroup.procs", attr.CgroupFD)
		if err := os.WriteFile(procs, []byte(strconv.Itoa(pid)), 0); err != nil {
			return nil, started, fmt.Errorf("cannot move the child into its control group: %w", err)
		}
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, started, err
	}
	if err := unix.Kill(pid, 0); err != nil {
		return nil, started, fmt.Errorf("the child has ended at once")
	}
	if err := child.Begin(); err != nil {
		return nil, started, err
	}
	return process, time.Now(), nil
}
