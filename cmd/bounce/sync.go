package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newSync(g *globals) *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	cmd := verb(&cobra.Command{
		Use:     "sync",
		GroupID: "agent",
		Short:   "Wait until everything written so far is running",
		Long: `Wait until every change written before the call has been decided on and carried
out: the actions it asks for have succeeded, and the services it reaches are
ready, or unverified where nothing is probed.

It does not wait out a hold, a backoff or a cooldown: it returns at once with
exit code 3 and says what it would have to wait for. Later changes do not make
it longer. Exit code 1 after the timeout, 4 without an agent.`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		if timeout <= 0 {
			return usage(fmt.Errorf("bad --timeout %v: it must be longer than nothing", timeout))
		}
		c, err := g.client()
		if err != nil {
			return err
		}
		out, err := c.Sync(ctx, timeout)
		if errors.Is(err, control.ErrTimeout) {
			return fmt.Errorf("not in sync after %v; 'bounce status' shows what is under way", timeout)
		}
		if err != nil {
			return err
		}
		if asJSON {
			if err := writeJSON(g.out, out); err != nil {
				return err
			}
		}
		for _, s := range out.Services {
			// A hold says more, and follows.
			if !s.AtTarget() && s.Hold == nil {
				fmt.Fprintf(g.err, "bounce: %s is %s\n", s.Name, where(s))
			}
		}
		return atTarget(g, out)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: services and holds")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "give up after this long")
	return cmd
}
