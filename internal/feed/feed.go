// Package feed hands values to commands, as JSON on their standard input.
//
// What is promised: a command that takes too long is ended with its children,
// and what it says when it fails is part of the error. What it prints otherwise
// is dropped.
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Feed runs the program with a value as one line of JSON. The error says how it
// failed, in words that follow its name.
func (p Program) Feed(ctx context.Context, value any) error {
	input, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot be told: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	var said last
	cmd.Stderr = &said
	killGroup(cmd)
	cmd.WaitDelay = afterExit
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("took longer than %v and was ended", p.Timeout)
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &exit):
		return fmt.Errorf("cannot be run: %w", err)
	case said.line() != "":
		return fmt.Errorf("ended with %v: %s", exit, said.line())
	}
	return fmt.Errorf("ended with %v", exit)
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
