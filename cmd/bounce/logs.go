package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newLogs(g *globals) *cobra.Command {
	var asJSON, follow bool
	var lines int
	var named []string
	cmd := verb(&cobra.Command{
		Use:     "logs [SERVICE...]",
		GroupID: "agent",
		Short:   "Print the output of services",
		Long: `Print the last lines that services and actions wrote, all of them without a
name, each line after the name of who wrote it. An action can be named as a
service can. The agent keeps the newest few thousand lines.`,
		Example: `  bounce logs
  bounce logs -f api`,
		Args: takes(0, -1),
	}, func(ctx context.Context, args []string) error {
		if lines < 0 {
			return usage(fmt.Errorf("bad --lines %d: it must not be negative", lines))
		}
		c, err := g.client()
		if err != nil {
			return err
		}
		ctx, stop := interruptible(ctx)
		defer stop()
		enc := json.NewEncoder(g.out)
		enc.SetEscapeHTML(false)
		out := newOutput(g.out)
		err = c.Logs(ctx, append(named, args...), lines, follow, func(l control.Line) error {
			if asJSON {
				return enc.Encode(l)
			}
			return out.write(l)
		})
		if follow && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines until interrupted or the agent ends")
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many old lines to begin with")
	g.takesServices(cmd, &named)
	return cmd
}
