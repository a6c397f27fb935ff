package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newStatus(g *globals) *cobra.Command {
	var asJSON, asTree, verbose, metrics bool
	cmd := verb(&cobra.Command{
		Use:     "status",
		GroupID: "agent",
		Short:   "Show the agent and its services",
		Long: `Show the agent and, for each service, where it is and why. (stale) marks one
whose process runs older files than there are. --tree draws groups, the services
in them, and their units.

--verbose shows what the processes of each service use, and the most that was
seen of it since the service started: resident memory, the share of one core,
threads and open files. The agent measures every 10 seconds, and when it is
asked. Then it says how many files of the project the processes were observed to
load, and which of those they have executed as they are no more, and why a
service restarts without overlap.

--metrics prints the same as text for Prometheus, for a collector of text files:
'bounce status --metrics > bounce.prom'.

Exit code 0 wherever the services are, 4 without an agent.`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		c, err := g.client()
		if err != nil {
			return err
		}
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		switch {
		case asJSON:
			return writeJSON(g.out, st)
		case metrics:
			return writeMetrics(g.out, st)
		case asTree:
			return writeTree(g.out, st)
		}
		return writeStatus(g.out, st, verbose)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what services use as well")
	cmd.Flags().BoolVar(&metrics, "metrics", false, "print metrics for Prometheus")
	cmd.Flags().BoolVar(&asTree, "tree", false, "draw groups, services and units")
	cmd.MarkFlagsMutuallyExclusive("json", "metrics", "tree")
	return cmd
}

// writeStatus prints the status as a table for people.
func writeStatus(w io.Writer, st control.Status, verbose bool) error {
	tell(w, "agent %d %s, %d Python files, %s", st.Agent.PID, st.Agent.State, st.Agent.Files, st.Agent.Watch)
	if h := st.Agent.Hold; h != nil {
		tell(w, "held: %s; ends when %s", h.What, h.EndsWhen)
	}
	if why := st.Agent.Unread; why != "" {
		tell(w, "configuration: what is on disk does not run: %s", why)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SERVICE\tSTATE\tPID\tGENERATION\tUPTIME\tRESTARTS\tREASON")
	for _, s := range st.Services {
		pid, uptime := "-", "-"
		if s.PID != nil {
			pid = strconv.Itoa(*s.PID)
			uptime = time.Duration(s.UptimeS * float64(time.Second)).Round(time.Second).String()
		}
		state := s.State
		if s.Stale {
			state += " (stale)"
		}
		if s.Next != nil {
			state += fmt.Sprintf(" (%d is %s)", s.Next.Generation, s.Next.State)
		}
		n := s.Restarts
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%d\t%s\n", s.Name, state, pid, s.Generation, uptime, n.Change+n.Crash+n.Operator, reason(s))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if verbose {
		if err := writeUsage(w, st); err != nil {
			return err
		}
		if err := writeObserved(w, st); err != nil {
			return err
		}
		for _, s := range st.Services {
			if s.Start != "" {
				fmt.Fprintln(w, plain(s.Name+" starts "+s.Start))
			}
			if s.Apart != "" {
				fmt.Fprintln(w, plain(s.Name+" restarts without overlap: "+s.Apart))
			}
		}
	}
	for _, a := range st.Actions {
		text := fmt.Sprintf("action %s %s: %s", a.Name, a.State, a.Reason)
		if h := a.Hold; h != nil {
			text = fmt.Sprintf("action %s %s: %s; ends when %s", a.Name, a.State, h.What, h.EndsWhen)
		}
		if _, err := fmt.Fprintln(w, plain(text)); err != nil {
			return err
		}
	}
	return nil
}

// reason says why a service is where it is, and what it says itself; a hold
// comes first.
func reason(s control.Service) string {
	if h := s.Hold; h != nil {
		return plain("held: " + h.What + at(*h) + "; ends when " + h.EndsWhen)
	}
	if s.Says != "" {
		return plain(s.Reason + "; says: " + s.Says)
	}
	return plain(s.Reason)
}

// at names the place of a hold.
func at(h control.Hold) string {
	if h.Path == "" {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", h.Path, h.Line)
}
