// Package feed runs commands for what they make of their standard input, such as
// a value in JSON.
//
// What is promised: a command that takes too long is ended with its children,
// and how it failed is said.
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Program is a command that is fed.
type Program struct {
	Argv    []string
	Dir     string
	Env     []string // the whole environment
	Timeout time.Duration
}

// afterExit is how long output is waited for that a child of the program holds
// back.
const afterExit = time.Second

// Feed runs the program with a value as one line of JSON. The error is that of
// [Program.Run], with the last line of what the program said. What it prints
// otherwise is dropped.
func (p Program) Feed(ctx context.Context, value any) error {
	input, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot be told: %w", err)
	}
	var said last
	err = p.Run(ctx, append(input, '\n'), nil, &said)
	var exit *exec.ExitError
	if errors.As(err, &exit) && said.line() != "" {
		return fmt.Errorf("%w: %s", err, said.line())
	}
	return err
}

// Run runs the program with what it is to read, and writers, which may be nil,
// for what it prints. The error says how it failed, in words that follow its
// name, and has within it the *exec.ExitError of a program that ended with
// a failure. When ctx ends it is the cause of that.
func (p Program) Run(ctx context.Context, input []byte, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), stdout, stderr
	killGroup(cmd)
	cmd.WaitDelay = afterExit
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("took longer than %v and was ended", p.Timeout)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &exit):
		return fmt.Errorf("cannot be run: %w", err)
	}
	return fmt.Errorf("ended with %w", exit)
}

// last keeps the end of what is written to it.
type last struct{ kept []byte }

// maxKept is more than a line that is worth showing.
const maxKept = 4 << 10

func (l *last) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p[max(0, len(p)-maxKept):]...)
	l.kept = l.kept[max(0, len(l.kept)-maxKept):]
	return len(p), nil
}

// line returns the last line that is not empty.
func (l *last) line() string {
	text := bytes.TrimSpace(l.kept)
	return string(bytes.TrimSpace(text[bytes.LastIndexByte(text, '\n')+1:]))
}
