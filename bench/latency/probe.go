//go:build linux

package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed probe/probe.c
var probeSource []byte

// instant is one moment on both clocks: the agent stamps its events with the
// wall clock, and the monotonic one tells whether that was set meanwhile.
type instant struct{ wall, monotonic time.Duration }

func now() instant {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail with a clock that exists
	return instant{wall: time.Duration(time.Now().UnixNano()), monotonic: time.Duration(t.Nano())}
}

// start is one process of the probe, and when its main() began.
type start struct {
	pid int
	at  instant
}

// probe is the service under test, and what its processes tell.
type probe struct {
	program string // compiled
	pipe    string // where every process writes one line
	starts  chan start

	file *os.File
	wg   sync.WaitGroup
	mu   sync.Mutex
	pids []int
}

// newProbe compiles the service into dir.
func newProbe(dir string) (*probe, error) {
	source := filepath.Join(dir, "probe.c")
	if err := os.WriteFile(source, probeSource, 0o644); err != nil {
		return nil, err
	}
	p := &probe{
		program: filepath.Join(dir, "probe"),
		pipe:    filepath.Join(dir, "starts"),
		starts:  make(chan start, 4096), // a storm of starts must not block them
	}
	// Static where the C library can: no dynamic loader before main().
	out, err := exec.Command("cc", "-O2", "-static", "-o", p.program, source).CombinedOutput()
	if err != nil {
		out, err = exec.Command("cc", "-O2", "-o", p.program, source).CombinedOutput()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot compile the service: %w\n%s", err, out)
	}
	if err := syscall.Mkfifo(p.pipe, 0o600); err != nil {
		return nil, fmt.Errorf("cannot make a named pipe: %w", err)
	}
	// Open for both, so that it never reads as ended between two services.
	if p.file, err = os.OpenFile(p.pipe, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	p.wg.Go(p.read)
	return p, nil
}

func (p *probe) read() {
	defer close(p.starts)
	lines := bufio.NewScanner(p.file)
	for lines.Scan() {
		var s start
		if _, err := fmt.Sscan(lines.Text(), &s.pid, &s.at.wall, &s.at.monotonic); err != nil {
			continue
		}
		p.mu.Lock()
		p.pids = append(p.pids, s.pid)
		p.mu.Unlock()
		p.starts <- s
	}
}

// drain forgets the starts that nobody has asked for, and says how many.
func (p *probe) drain() int {
	n := 0
	for {
		select {
		case <-p.starts:
			n++
		default:
			return n
		}
	}
}

// reap kills the processes that a reloader has left behind, and returns how
// many there were.
func (p *probe) reap() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	for _, pid := range p.pids {
		if exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); err == nil && exe == p.program {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			left++
		}
	}
	p.pids = nil
	return left
}

func (p *probe) close() {
	p.reap()
	p.file.Close()
	p.wg.Wait()
}
