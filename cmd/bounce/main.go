// Command bounce restarts only the Python services that a change really
// reached. Each verb has a file of its own; this one is the way in.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

// version is set by the linker.
var version = "dev"

// Exit codes: what a script can tell apart.
const (
	exitOK          = 0
	exitFailed      = 1 // configuration or operation failed
	exitUsage       = 2
	exitNotAtTarget = 3 // a service is not where it should be
	exitNoAgent     = 4
)

// exitCodes says what they mean, for help and for docs/cli.md.
var exitCodes = []struct{ code, means string }{
	{"0", "done"},
	{"1", "the configuration is wrong, or what was asked for failed"},
	{"2", "a mistake on the command line"},
	{"3", "a service is not at its target: held, failing, or not where it was sent"},
	{"4", "no agent answers"},
	{"130", "up was ended at once by a second signal, INT"},
	{"143", "the same, TERM"},
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are where a verb reads and writes: results go to out, words for
// people to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// results is stdout. It remembers that a write failed, so that a result that
// nobody got is no success, and verbs need not look at each write.
type results struct {
	w io.Writer

	mu  sync.Mutex // a terminal that is stuck may be written to when the verb ends
	err error      // the first
}

func (r *results) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *results) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// exitError ends the program with a code; its text, if any, was or will be
// printed as an error.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as a mistake in the words of the command line.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	out := &results{w: s.out}
	g := &globals{streams: streams{s.in, out, s.err}}
	root := newRoot(g)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if failed := out.failed(); err == nil && failed != nil {
		err = &verbError{fmt.Errorf("cannot write the result: %w", cause(failed))}
	}
	code := exitCode(err)
	var e *exitError
	switch {
	case err == nil, errors.As(err, &e) && e.err == nil:
	case code == exitUsage:
		fmt.Fprintf(s.err, "bounce: %s\nSee '%s --help'.\n", plainLines(err.Error()), cmd.CommandPath())
	case errors.Is(err, control.ErrNoAgent):
		tell(s.err, "bounce: no agent is running for %s; 'bounce up' starts one", g.project)
	default:
		fmt.Fprintf(s.err, "bounce: %s\n", plainLines(err.Error()))
	}
	return code
}

func exitCode(err error) int {
	var e *exitError
	var stopped *control.StoppedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, control.ErrNoAgent), errors.As(err, &stopped):
		return exitNoAgent
	case !started(err):
		return exitUsage
	}
	return exitFailed
}

// verbError marks an error that a verb returned, to tell it from the errors
// cobra makes of a command line it cannot read.
type verbError struct{ err error }

func (e *verbError) Error() string { return e.err.Error() }
func (e *verbError) Unwrap() error { return e.err }

func started(err error) bool {
	var v *verbError
	return errors.As(err, &v)
}

// verb makes a command whose errors are known as its own.
func verb(cmd *cobra.Command, do func(ctx context.Context, args []string) error) *cobra.Command {
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := do(c.Context(), args); err != nil {
			return &verbError{err}
		}
		return nil
	}
	return cmd
}
