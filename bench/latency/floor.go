//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// floor is the least that a reloader with a quiet time does on this machine:
// inotify on one directory, the quiet time, TERM, wait, start. It knows
// nothing of files, imports or descendants; what a tool takes beyond it is the
// tool's own.
type floor struct {
	program, pipe string
	quiet         time.Duration
	watch         int // the inotify descriptor
	wg            sync.WaitGroup
	stop          context.CancelFunc
	service       *exec.Cmd
}

func newFloor(dir string, pr *probe, quiet time.Duration) (*floor, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &floor{program: pr.program, pipe: pr.pipe, quiet: quiet, watch: fd, stop: stop}
	if err := f.start(); err != nil {
		unix.Close(fd)
		stop()
		return nil, err
	}
	f.wg.Go(func() { f.run(ctx) })
	return f, nil
}

func (f *floor) start() error {
	f.service = exec.Command(f.program, f.pipe)
	return f.service.Start()
}

func (f *floor) run(ctx context.Context) {
	buf := make([]byte, 64<<10)
	armed := false
	for ctx.Err() == nil {
		wait := 100 // to see the end of ctx
		if armed {
			wait = int(f.quiet / time.Millisecond)
		}
		fds := []unix.PollFd{{Fd: int32(f.watch), Events: unix.POLLIN}}
		switch n, err := unix.Poll(fds, wait); {
		case err != nil:
		case n > 0:
			_, _ = unix.Read(f.watch, buf)
			armed = true
		case armed:
			armed = false
			_ = f.service.Process.Signal(syscall.SIGTERM)
			_ = f.service.Wait()
			if f.start() != nil {
				return
			}
		}
	}
}

func (f *floor) close() {
	f.stop()
	f.wg.Wait()
	unix.Close(f.watch)
	_ = f.service.Process.Kill()
	_ = f.service.Wait()
}

// measureFloor times the floor on the leaf's own directory.
func measureFloor(p *project, pr *probe, n int, quiet time.Duration) ([]*series, error) {
	f, err := newFloor(filepath.Dir(p.modules[p.leaf()]), pr, quiet)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if _, err := pr.next(patience); err != nil {
		return nil, err
	}
	return measureStarts("floor", p, pr, n, quiet, os.Getpid())
}

// measureStarts saves as agent.measure does and takes the starts of the probe
// alone, which any reloader causes.
func measureStarts(tool string, p *project, pr *probe, n int, quiet time.Duration, pid int) ([]*series, error) {
	var all []*series
	for _, s := range saves {
		all = append(all, &series{tool: tool, save: s.name, files: len(p.modules), quiet: quiet})
	}
	began := loadNow(pid)
	for i := range (n + 1) * len(saves) {
		way, out := saves[i%len(saves)], all[i%len(saves)]
		rest(50 * time.Millisecond)
		out.extra += pr.drain()
		at, err := way.write(p.modules[p.leaf()], p.next(p.leaf()))
		if err != nil {
			return nil, err
		}
		begun, err := pr.next(4 * time.Second)
		switch {
		case i < len(saves):
		case err != nil:
			out.missed++
		default:
			out.take(at, begun)
		}
	}
	for _, s := range all {
		s.others = began.others()
		if len(s.begun) == 0 {
			return nil, errors.New("no save was answered by a start")
		}
	}
	return all, nil
}
