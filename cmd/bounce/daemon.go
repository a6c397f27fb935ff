package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"bounce/internal/control"
	"bounce/internal/logfile"
)

// An agent in the background is this program again, as `up --log-file`, in a
// session of its own: no terminal is its own to hang up on it. A second fork is
// not needed: when the verb that started it has ended, init is its parent.

// daemonize starts an agent in the background and returns when it answers. Its
// services are those of names, all without one, or the command.
func (g *globals) daemonize(ctx context.Context, names, command []string) (*control.Client, error) {
	cfg, err := g.loadFor(command)
	if err != nil {
		return nil, err // said here, and not in a log
	}
	state, err := control.StateDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	socket, err := control.SocketPath(cfg.Dir)
	if err != nil {
		return nil, err
	}
	g.project = cfg.Dir
	names = cfg.Members(names...)
	path := filepath.Join(state, "agent.log")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("cannot start an agent: %w", err)
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot start an agent: %w", err)
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("cannot start an agent: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start an agent: %w", err)
	}
	args := []string{"up", "--log-file", path, "--log-format", g.logFormat, "--log-level", g.logLevel}
	if g.config != "" {
		args = append(args, "--config", g.config)
	}
	args = append(args, names...)
	if command != nil {
		args = append(append(args, "--"), command...)
	}
	child := exec.Command(self, args...)
	// What goes by the log, such as a crash of Go's own, comes into the same file.
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = detached()
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("cannot start an agent: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait() // the log says why
		close(ended)
	}()

	c := control.NewClient(socket)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if st, err := c.Status(ctx); err == nil && st.Agent.PID == child.Process.Pid {
			fmt.Fprintf(g.err, "bounce: agent %d runs in the background; its log is %s\n", st.Agent.PID, path)
			return c, nil
		}
		select {
		case <-look.C:
		case <-ended:
			return nil, fmt.Errorf("cannot start an agent: %s", lastWords(path, begin))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lastWords returns what a log says from a place on, without the name that this
// program puts in front of errors.
func lastWords(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return "its log cannot be read: " + cause(err).Error()
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, from, 1<<20))
	text := strings.TrimPrefix(string(bytes.TrimSpace(data)), "bounce: ")
	if err != nil || text == "" {
		return "it ended without a word; its log is " + path
	}
	return text
}

// begun says where the services of an agent are that was just started: once they
// have come to rest, or with noWait as they are.
func begun(ctx context.Context, c *control.Client, noWait bool) (out control.Outcome, err error) {
	if noWait {
		var st control.Status
		st, err = c.Status(ctx)
		out = control.Outcome{Services: st.Services, Holds: []control.Hold{}}
	} else {
		out, err = c.Sync(ctx, 24*time.Hour) // each service has a time limit of its own
	}
	if err != nil {
		return out, fmt.Errorf("an agent was started, and then: %w", err)
	}
	return out, nil
}

// logTo sends what a verb prints and says to a file that is rotated. What is
// printed last is in it when the returned function has.
func (g *globals) logTo(path string) (func(), error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write the log: %w", err)
	}
	// Tried at once: a log that cannot be written must not come as a surprise.
	f, err := os.OpenFile(abs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot write the log: %w", err)
	}
	f.Close()
	before := g.streams
	file := logfile.Open(logfile.Options{Path: abs, Lost: func(lines int, why error) {
		fmt.Fprintf(before.err, "bounce: %d lines left out of %s: %v\n", lines, path, why)
	}})
	g.out, g.err = file, file
	return func() {
		file.Close()
		g.streams = before
	}, nil
}
