//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/bench/internal/measure"
)

// asker asks a service for its revision.
type asker interface {
	// await asks until the answer is the revision, and returns when that was, by
	// the monotonic clock.
	await(ctx context.Context, revision string) (time.Duration, error)
	close() error
}

// pause is between two questions.
const pause = 2 * time.Millisecond

// monotonic is the clock that processes share.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail with a clock that exists
	return time.Duration(t.Nano())
}

// browser asks over HTTP, by a connection for each question.
type browser struct {
	url    string
	client *http.Client
}

func newBrowser(port int) *browser {
	return &browser{
		url: fmt.Sprintf("http://127.0.0.1:%d/", port),
		// A question that the old process has taken and will not answer costs a
		// second, not the round.
		client: &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil}},
	}
}

func (b *browser) await(ctx context.Context, revision string) (time.Duration, error) {
	deadline := time.Now().Add(patience)
	last := "nothing"
	for time.Now().Before(deadline) {
		if err := ctx.Err(); err != nil {
			return 0, context.Cause(ctx)
		}
		answer, err := b.ask(ctx)
		at := monotonic()
		if err == nil && answer == revision {
			return at, nil
		}
		if last = answer; err != nil {
			last = err.Error()
		}
		time.Sleep(pause)
	}
	return 0, fmt.Errorf("revision %s did not come within %s; the last answer was %q: %w", revision, patience, last, errLate)
}

func (b *browser) ask(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil)
	if err != nil {
		return "", err
	}
	response, err := b.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return strings.TrimSpace(string(body)), err
}

func (b *browser) close() error { return nil }

var errLate = errors.New("not answered in time")

// command asks by a program that reads revisions and answers with moments.
type command struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	answer chan string
	said   *measure.Tail
}

func newCommand(bin string, argv []string, dir string, env []string) (*command, error) {
	c := &command{cmd: exec.Command(filepath.Join(bin, argv[0]), argv[1:]...), answer: make(chan string), said: &measure.Tail{}}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr = dir, env, c.said
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot ask the service: %w", err)
	}
	go func() { // until the program ends, for which close waits
		defer close(c.answer)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.answer <- lines.Text()
		}
	}()
	return c, nil
}

func (c *command) await(ctx context.Context, revision string) (time.Duration, error) {
	if _, err := fmt.Fprintln(c.in, revision); err != nil {
		return 0, fmt.Errorf("cannot ask the service: %w: %s", err, c.said)
	}
	select {
	case line, ok := <-c.answer:
		if !ok {
			return 0, fmt.Errorf("cannot ask the service: %s has ended: %s", c.cmd.Path, c.said)
		}
		at, err := strconv.ParseInt(line, 10, 64)
		return time.Duration(at), err
	case <-time.After(patience):
		return 0, fmt.Errorf("revision %s did not come within %s: %w", revision, patience, errLate)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (c *command) close() error {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill() // it may be asking still
	for range c.answer {
	}
	_ = c.cmd.Wait()
	return nil
}
