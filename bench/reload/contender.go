//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"bounce/bench/internal/measure"
)

// patience is how long one edit may go unanswered, and anything take to end.
const patience = 30 * time.Second

// contender is a program that runs the service on a copy of the project.
type contender struct {
	program
	file     string // that is edited
	dir      string
	argv     []string
	env      []string
	said     *measure.Tail
	cmd      *exec.Cmd
	alive    context.Context // ends with the program
	ended    chan struct{}
	asker    asker
	revision int

	times  []time.Duration // of the rounds that count; 0 where none was answered
	missed int
}

// start copies the project below dir, runs the program there, and returns when the
// service answers.
func start(ctx context.Context, p project, with program, bin, dir string) (*contender, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	copied, scratch := filepath.Join(dir, p.name), filepath.Join(dir, "scratch")
	if err := errors.Join(os.MkdirAll(scratch, 0o700), p.copyTo(copied)); err != nil {
		return nil, err
	}
	if with.variant {
		if _, err := with.configure(copied, port); err != nil {
			return nil, err
		}
	}
	x := &contender{
		program: with, dir: copied, said: &measure.Tail{},
		file: filepath.Join(copied, filepath.FromSlash(p.Edit)),
		env: append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "VIRTUAL_ENV="+filepath.Dir(bin),
			"XDG_STATE_HOME="+scratch, "XDG_RUNTIME_DIR="+scratch, "BENCH_DIR="+scratch, "PYTHONUNBUFFERED=1"),
	}
	for _, word := range with.Command {
		x.argv = append(x.argv, atPort(word, port))
	}
	if !filepath.IsAbs(x.argv[0]) {
		x.argv[0] = filepath.Join(bin, x.argv[0])
	}
	if len(p.Ask) == 0 {
		x.asker = newBrowser(port)
	} else if x.asker, err = newCommand(bin, p.Ask, copied, x.env); err != nil {
		return nil, err
	}
	if err := x.run(ctx); err != nil {
		return nil, errors.Join(err, x.asker.close())
	}
	if _, err := x.asker.await(x.alive, "0"); err != nil {
		err = fmt.Errorf("%w: %s", err, x.said)
		return nil, errors.Join(err, x.stop())
	}
	return x, nil
}

func (x *contender) run(ctx context.Context) error {
	x.cmd = exec.Command(x.argv[0], x.argv[1:]...)
	x.cmd.Dir, x.cmd.Env, x.cmd.Stdout, x.cmd.Stderr = x.dir, x.env, x.said, x.said
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the bench
	x.cmd.WaitDelay = time.Second                           // its children may hold the output open
	if err := x.cmd.Start(); err != nil {
		return err
	}
	alive, end := context.WithCancelCause(ctx)
	x.alive, x.ended = alive, make(chan struct{})
	go func(cmd *exec.Cmd, ended chan<- struct{}) { // wait waits for it
		defer close(ended)
		end(fmt.Errorf("it has ended: %v", cmd.Wait()))
	}(x.cmd, x.ended)
	return nil
}

// edit saves the next revision and returns how long it took until an answer had
// it. The time begins right before close(2).
func (x *contender) edit(ctx context.Context) (time.Duration, error) {
	x.revision++
	revision := strconv.Itoa(x.revision)
	text, err := os.ReadFile(x.file)
	if err != nil {
		return 0, err
	}
	if text, err = revise(text, revision); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(x.file, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return 0, err
	}
	_, err = f.Write(text)
	saved := monotonic()
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	if x.least {
		if err := x.again(ctx); err != nil {
			return 0, err
		}
	}
	answered, err := x.asker.await(x.alive, revision)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, x.said)
	}
	return answered - saved, nil
}

// again is a restart with nothing between.
func (x *contender) again(ctx context.Context) error {
	_ = x.cmd.Process.Signal(syscall.SIGTERM)
	x.wait()
	return x.run(ctx)
}

// wait waits for the end of the program, and kills it when it does not come.
func (x *contender) wait() {
	force := time.AfterFunc(patience/3, func() { _ = syscall.Kill(-x.cmd.Process.Pid, syscall.SIGKILL) })
	defer force.Stop()
	<-x.ended // how it ends is not what is measured
}

// stop ends the program with its service.
func (x *contender) stop() error {
	_ = x.cmd.Process.Signal(syscall.SIGINT)
	x.wait()
	if !x.variant {
		_ = syscall.Kill(-x.cmd.Process.Pid, syscall.SIGKILL) // what it left behind
	}
	return x.asker.close()
}

// freePort returns a port that nothing listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (x *contender) figures() measure.Figures {
	var f measure.Figures
	for _, d := range x.times {
		if d > 0 {
			f = append(f, d)
		}
	}
	return f
}
