package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"bounce/internal/agent"
	"bounce/internal/control"
)

func newDown(g *globals) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "down",
		GroupID: "run",
		Short:   "End the agent and every service, also those that outlive it",
		Long: `End the agent, as Ctrl-C in its terminal does, and with it every service; then
what an earlier agent has left: services that on_agent_exit: keep has kept, and
what one that was killed could not end. Works without an agent too. Waits until
no process of any service is left.

Exit code 0 when all are gone, also when there was nothing; 1 when not, and when
the agent is another user's or keeps its state elsewhere: it is left alone.`,
		Args: takes(0, 0),
	}
	verb(cmd, func(ctx context.Context, args []string) error {
		if timeout <= 0 {
			return usage(fmt.Errorf("bad --timeout %v: it must be longer than nothing", timeout))
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		c, err := g.client()
		if err != nil {
			return err
		}
		defer c.Close()
		st, err := c.Status(ctx)
		force := func() {}
		switch {
		case err == nil:
			if err := interrupt(st.Agent.PID); err != nil {
				return fmt.Errorf("cannot end the agent, pid %d: %w", st.Agent.PID, err)
			}
			fmt.Fprintf(g.out, "agent %d is told to stop\n", st.Agent.PID)
			force = func() { _ = interrupt(st.Agent.PID) } // it has gone
		case !errors.Is(err, control.ErrNoAgent):
			return err
		}
		// An agent can be ended without a configuration, or with a wrong one.
		cfg, err := g.loadOrEmpty()
		if err != nil {
			return fmt.Errorf("cannot tell how services that were kept are stopped: %w", err)
		}
		ended, err := agent.Down(ctx, cfg, force)
		for _, name := range ended {
			fmt.Fprintln(g.out, name, "stopped")
		}
		return err
	})
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait; what is left then is killed")
	return cmd
}

// interrupt does what Ctrl-C does.
func interrupt(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(os.Interrupt)
}
