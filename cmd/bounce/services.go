package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

// The verbs that change what services do wait for the outcome and say where
// the services ended up.

func newStart(g *globals) *cobra.Command {
	return newDo(g, control.Start, &cobra.Command{
		Use:   "start [SERVICE...]",
		Short: "Start services that are stopped, held or exhausted; all without a name",
	})
}

func newStop(g *globals) *cobra.Command {
	return newDo(g, control.Stop, &cobra.Command{
		Use:   "stop [SERVICE...]",
		Short: "Stop services until they are started again; all without a name",
	})
}

func newRestart(g *globals) *cobra.Command {
	return newDo(g, control.Restart, &cobra.Command{
		Use:   "restart [SERVICE...]",
		Short: "Restart services one by one in dependency order; all without a name",
	})
}

func newHold(g *globals) *cobra.Command {
	return newDo(g, control.Pause, &cobra.Command{
		Use:   "hold",
		Short: "Hold restarts back while you change many files",
		Args:  cobra.NoArgs,
	})
}

func newResume(g *globals) *cobra.Command {
	return newDo(g, control.Resume, &cobra.Command{
		Use:   "resume",
		Short: "End a hold, git's too, and restart what is stale",
		Args:  cobra.NoArgs,
	})
}

func newDo(g *globals, what control.Verb, cmd *cobra.Command) *cobra.Command {
	var asJSON, noWait bool
	var named []string
	cmd.GroupID = "agent"
	verb(cmd, func(ctx context.Context, args []string) error {
		c, err := g.client()
		if err != nil {
			return err
		}
		out, err := c.Do(ctx, control.Request{Verb: what, Services: append(named, args...), NoWait: noWait})
		if err != nil {
			return err
		}
		if noWait && !asJSON {
			return nil
		}
		return report(g, out, asJSON)
	})
	if cmd.Args == nil {
		cmd.ValidArgsFunction = g.serviceNames
		cmd.Flags().StringArrayVar(&named, "service", nil, "a service, as if named without the flag")
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return when the agent has taken the request")
	return cmd
}

// report prints an outcome: services on stdout, holds on stderr. It fails with
// exit code 3 when something is not where it should be.
func report(g *globals, out control.Outcome, asJSON bool) error {
	if asJSON {
		if err := writeJSON(g.out, out); err != nil {
			return err
		}
	} else {
		for _, s := range out.Services {
			fmt.Fprintln(g.out, s.Name, where(s))
		}
	}
	writeHolds(g.err, out)
	if !out.AtTarget() {
		return &exitError{code: exitNotAtTarget}
	}
	return nil
}

// where says in a few words where a service is.
func where(s control.Service) string {
	text := s.State
	if s.PID != nil {
		text += fmt.Sprintf(" pid %d generation %d", *s.PID, s.Generation)
	}
	if !s.AtTarget() && s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

func writeHolds(w io.Writer, out control.Outcome) {
	for _, h := range out.Holds {
		who := ""
		if h.Service != "" {
			who = h.Service + " "
		}
		fmt.Fprintf(w, "bounce: %sheld: %s%s; ends when %s\n", who, h.What, at(h), h.EndsWhen)
	}
}
