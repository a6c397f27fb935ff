package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newLogs(g *globals) *cobra.Command {
	var asJSON bool
	var q control.LogQuery
	var since string
	var named []string
	cmd := &cobra.Command{
		Use:     "logs [SERVICE...]",
		GroupID: "agent",
		Short:   "Print the output of services",
		Long: `Print the last lines that services and actions wrote, all of them without a
name, each line after the name of who wrote it. An action can be named as a
service can. The agent keeps the newest 2000 lines of each generation, up to
1 MiB, and of each service the newest three generations, so that what one said
before it crashed is there, and what one said that is down. A configuration can
write them to files too: services.NAME.output.

Characters that would control the terminal are shown as numbers, such as \x1b;
colours stay where they are wanted. A line of more than 16 KB is split: … is at
the end of each part but the last.`,
		Example: `  bounce logs
  bounce logs -f api
  bounce logs --since 5m --grep 'ERROR|Traceback'
  bounce logs api --generation -1     # of the generation before this one`,
		Args: takes(0, -1),
	}
	verb(cmd, func(ctx context.Context, args []string) error {
		lines := cmd.Flags().Lookup("lines").Changed
		if q.Tail < 0 {
			return usage(fmt.Errorf("bad --lines %d: it must not be negative", q.Tail))
		}
		if since != "" {
			at, err := moment(since, time.Now())
			if err != nil {
				return usage(fmt.Errorf("bad --since %q: %w", since, err))
			}
			if q.Since = at; !lines {
				q.Tail = -1
			}
		}
		if _, err := regexp.Compile(q.Grep); err != nil {
			return usage(fmt.Errorf("bad --grep: %w", err))
		}
		c, err := g.client()
		if err != nil {
			return err
		}
		q.Services = append(named, args...)
		ctx, stop := interruptible(ctx)
		defer stop()
		enc := newLineEncoder(g.out)
		out := newOutput(g.out)
		err = c.Logs(ctx, q, func(l control.Line) error {
			if asJSON {
				return enc.Encode(l)
			}
			return out.write(l)
		})
		if q.Follow && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	flags := cmd.Flags()
	flags.BoolVar(&asJSON, "json", false, "print one JSON object a line")
	flags.BoolVarP(&q.Follow, "follow", "f", false, "go on with new lines until interrupted or the agent ends")
	flags.IntVarP(&q.Tail, "lines", "n", 100, "how many old lines to begin with; with --since, all unless given")
	flags.StringVar(&since, "since", "", "leave out what was written before a `time`, such as 2026-01-31T14:00:00Z, or so long ago, such as 5m")
	flags.StringVar(&q.Grep, "grep", "", "only lines that match a regular `expression`")
	flags.IntVar(&q.Generation, "generation", 0, "only lines of the generation of this `number`; -1 is the one before the newest")
	g.takesServices(cmd, &named)
	return cmd
}

// moment reads a time, or how long before now it was.
func moment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errors.New("write a time such as 2026-01-31T14:00:00Z, or how long ago, such as 5m")
	}
	return at, nil
}
