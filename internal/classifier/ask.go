package classifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"bounce/internal/feed"
)

// Program is the program and how it is run.
type Program struct {
	Argv []string
	// Dir is the working directory, absolute; Env the whole environment.
	Dir string
	Env []string
	// Timeout is how long an answer may take.
	Timeout time.Duration
	// Stderr gets what the program says on standard error, by lines, from one
	// goroutine that has ended when Ask returns; nil drops it.
	Stderr func(line string)
}

// Question is what the program is asked.
type Question struct {
	// Version is that of this form, 1.
	Version int `json:"version"`
	// Paths are the files that no rule matches, relative to the project.
	Paths []string `json:"paths"`
	// Actions are the declared ones, by (order, name).
	Actions []Action `json:"actions"`
}

// Action is an action that may be asked for.
type Action struct {
	Name  string `json:"name"`
	Order int    `json:"order"`
}

// Answer is what the program says.
type Answer struct {
	// Actions are names of declared actions; none says that nothing is to be
	// done.
	Actions []string `json:"actions"`
	// Reason is for people; the program may leave it out.
	Reason string `json:"reason,omitempty"`
}

// maxAnswer is how many bytes an answer may have.
const maxAnswer = 1 << 20

// Ask runs the program. An error says why there is no answer that can be used.
func (p Program) Ask(ctx context.Context, q Question) (Answer, error) {
	input, err := json.Marshal(q)
	if err != nil {
		panic("bug: a question is plain data: " + err.Error())
	}
	stdout := &bounded{max: maxAnswer}
	stderr := &lines{each: p.Stderr}
	err = feed.Program{Argv: p.Argv, Dir: p.Dir, Env: p.Env, Timeout: p.Timeout}.Run(ctx, input, stdout, stderr)
	stderr.end()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case err == context.Cause(ctx):
		return Answer{}, err
	case errors.As(err, &exit):
		return Answer{}, fmt.Errorf("it %w%s", err, stderr.words())
	default:
		return Answer{}, fmt.Errorf("it %w", err)
	}
	if stdout.over {
		return Answer{}, fmt.Errorf("it printed more than %d bytes", maxAnswer)
	}
	return read(stdout.kept, q.Actions)
}

// read makes an answer of what was printed.
func read(out []byte, declared []Action) (Answer, error) {
	var a struct {
		Actions *[]string `json:"actions"`
		Reason  string    `json:"reason"`
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	switch err := dec.Decode(&a); {
	case errors.Is(err, io.EOF):
		return Answer{}, errors.New("it printed no answer")
	case err != nil:
		return Answer{}, fmt.Errorf("it printed %s, which is no answer: %v", shown(out), err)
	case a.Actions == nil:
		return Answer{}, fmt.Errorf("it printed %s, which has no list of actions", shown(out))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Answer{}, fmt.Errorf("it printed more than one answer: %s", shown(out))
	}
	return check(Answer{*a.Actions, a.Reason}, declared)
}

// check refuses an answer that names what is not declared. An action that is
// named twice is meant once.
func check(a Answer, declared []Action) (Answer, error) {
	checked := Answer{Actions: []string{}, Reason: a.Reason}
	var unknown []string
	for _, name := range a.Actions {
		switch {
		case !slices.ContainsFunc(declared, func(d Action) bool { return d.Name == name }):
			unknown = append(unknown, fmt.Sprintf("%q", name))
		case !slices.Contains(checked.Actions, name):
			checked.Actions = append(checked.Actions, name)
		}
	}
	if len(unknown) > 0 {
		return Answer{}, fmt.Errorf("it asks for what is not declared: %s", strings.Join(unknown, ", "))
	}
	return checked, nil
}

// shown quotes the beginning of what was printed.
func shown(out []byte) string {
	const most = 80
	text := strings.TrimSpace(string(out))
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// bounded keeps the first bytes of what is written. It has Write alone: what a
// program prints without end must not come by another way.
type bounded struct {
	kept []byte
	max  int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(len(p), b.max-len(b.kept))
	b.kept = append(b.kept, p[:room]...)
	b.over = b.over || room < len(p)
	return len(p), nil
}
