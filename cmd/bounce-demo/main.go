// Bounce-demo shows bounce at work on an example project: it copies the
// project to a temporary directory, runs `bounce up` on the copy, edits it and
// says for each edit what restarted, what did not, and why.
//
// What it prints of restarts, pids and reasons is read from the agent; what is
// right it knows by itself. When the two differ it says so and exits 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit is how long the edits may take altogether. They take a few seconds; a
// minute is for machines that are busy with something else.
const limit = time.Minute

func main() {
	bounce := flag.String("bounce", "build/bounce", "the `program` to show")
	shop := flag.String("shop", "testdata/python/shop", "the example project's `directory`, which is copied")
	live := flag.Bool("live", false, "stay up afterwards, for you to edit, until Ctrl-C")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bounce-demo: unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := show(ctx, *bounce, *shop, *live); err != nil {
		fmt.Fprintf(os.Stderr, "bounce-demo: %v\n", err)
		os.Exit(1)
	}
}

// show runs the demo from its temporary directory to the end of every process.
func show(ctx context.Context, bounce, shop string, live bool) (err error) {
	begun := time.Now()
	bounce, err = filepath.Abs(bounce)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "bounce-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	scripted, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the demo is not through after %v", limit))
	defer cancel()

	p, err := newProject(scripted, shop, temp)
	if err != nil {
		return fmt.Errorf("cannot prepare the project: %w", err)
	}
	a, err := startAgent(bounce, p.dir, filepath.Join(temp, "state"))
	if err != nil {
		return err
	}
	out := newScreen(os.Stdout)
	tour := &tour{project: p, agent: a, out: out}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, a.stop())
		}
		if err != nil {
			tour.endLeftovers()
			err = fmt.Errorf("%w%s", err, a.lastWords())
		}
	}()

	if err := tour.run(scripted); err != nil {
		if cause := context.Cause(scripted); cause != nil {
			return cause
		}
		return err
	}
	if live {
		if err := tour.live(ctx); err != nil {
			return err
		}
	}
	stopped = true
	if err := a.stop(); err != nil {
		return err
	}
	if err := tour.gone(); err != nil {
		return err
	}
	out.summary(tour.restarted, tour.leftAlone, time.Since(begun))
	return nil
}
