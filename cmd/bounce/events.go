package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"bounce/internal/agent"
	"bounce/internal/control"
)

func newEvents(g *globals) *cobra.Command {
	var asJSON, follow bool
	var since uint64
	cmd := verb(&cobra.Command{
		Use:     "events",
		GroupID: "agent",
		Short:   "Print what happened: batches, plans with their reasons, starts and stops",
		Long: `Print what happened, as the log of 'bounce up' shows it, or with --json as one
object a line: {seq, time, kind, service, generation, cause, ...}. The agent
keeps the newest few thousand events.`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		c, err := g.client()
		if err != nil {
			return err
		}
		ctx, stop := interruptible(ctx)
		defer stop()
		log := agent.NewLog(g.logger(g.out))
		enc := newLineEncoder(g.out)
		err = c.Events(ctx, since, follow, func(e control.Event) error {
			if asJSON {
				return enc.Encode(e)
			}
			log.Event(e)
			return nil
		})
		if follow && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new events until interrupted or the agent ends")
	cmd.Flags().Uint64Var(&since, "since", 0, "begin after the event of this `number`")
	return cmd
}
