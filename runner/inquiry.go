package runner

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// inquire runs a command that answers by its exit code; nil for 0. What it
// prints last is part of the error.
func (h *host) inquire(ctx context.Context, c command, m mark) error {
	pipes, stdout, stderr, err := openPipes()
	if err != nil {
		return err
	}
	proc, err := h.start.start(c, m, stdout, stderr)
	if err != nil {
		pipes.close()
		return err
	}
	printed := &kept{limit: 1}
	pipes.read(func(l Line, _ bool) { printed.add(Line{Text: l.Text}) })
	why := ""
	select {
	case <-proc.exited():
		if exit := proc.exit(); exit != (Exit{}) {
			why = exit.String()
		}
	case <-ctx.Done():
		why = "no answer in time"
	}
	// What it has left behind would be taken for the service's.
	_ = proc.end(Stop{Signal: "KILL"}, h.force)
	pipes.finish()
	<-pipes.done
	if why == "" {
		return nil
	}
	for _, l := range printed.last(0, 1) {
		why += ": " + l.Text
	}
	return fmt.Errorf("%s: %w", c.argv[0], errors.New(why))
}

// watchLife asks until the answer was wrong so often in a row as it may be,
// and returns why; nil when ctx is done.
func watchLife(ctx context.Context, l Live, try func(context.Context, time.Duration) error) error {
	ticker := time.NewTicker(max(l.Interval, minInterval))
	defer ticker.Stop()
	limit := l.Timeout
	if limit <= 0 {
		limit = tryTime
	}
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		switch err := try(ctx, limit); {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		default:
			if failures++; failures >= l.Failures {
				return fmt.Errorf("not alive, %d probes in a row failed: %w", failures, err)
			}
		}
	}
}
