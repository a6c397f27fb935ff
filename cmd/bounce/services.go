package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

// The verbs that change what services do wait for the outcome and say where
// the services ended up.

func newStart(g *globals) *cobra.Command {
	return newDo(g, control.Start, &cobra.Command{
		Use:   "start [SERVICE...]",
		Short: "Start services that are stopped, held or exhausted; all without a name",
		Long: `Start services that are stopped, held or exhausted; all without a name. What
runs already is left alone. Waits until they are ready, or unverified where
nothing is probed, and prints where each has ended up. The name of a group
stands for its services.
` + outcomes,
		Args: takes(0, -1),
	})
}

func newStop(g *globals) *cobra.Command {
	return newDo(g, control.Stop, &cobra.Command{
		Use:   "stop [SERVICE...]",
		Short: "Stop services until they are started again; all without a name",
		Long: `Stop services; all without a name. They stay down, whatever changes, until
start or restart names them. Waits until no process of them is left. The name
of a group stands for its services.
` + outcomes,
		Args: takes(0, -1),
	})
}

func newRestart(g *globals) *cobra.Command {
	return newDo(g, control.Restart, &cobra.Command{
		Use:   "restart [SERVICE...]",
		Short: "Restart services one by one in dependency order; all without a name",
		Long: `Restart services one by one in dependency order; all without a name. What
depends on them is left alone. Waits until they are ready, or unverified where
nothing is probed, and prints where each has ended up. The name of a group
stands for its services, which have their turn in its order.

With --daemonize, an agent is started in the background when none answers, as by
'bounce up --daemonize', and the services come up.
` + outcomes,
		Example: `  bounce restart
  bounce restart api worker
  bounce restart --config deploy/bounce.yaml --daemonize`,
		Args: takes(0, -1),
	})
}

func newHold(g *globals) *cobra.Command {
	return newDo(g, control.Pause, &cobra.Command{
		Use:   "hold",
		Short: "Hold restarts back while you change many files",
		Long: `Hold restarts back: changes are taken in and decided on, but nothing that they
call for is done before resume. Services that fail are still restarted, and the
verbs start, stop and restart work as ever.

Exit code 0 when the hold is on, 4 without an agent.`,
		Args: takes(0, 0),
	})
}

func newResume(g *globals) *cobra.Command {
	return newDo(g, control.Resume, &cobra.Command{
		Use:   "resume",
		Short: "End a hold, git's too, run what is owed and restart what is stale",
		Long: `End the hold of 'bounce hold', or that of a git operation under way, run the
actions that are owed, those that have failed among them, and restart what is
stale. Waits until that is done, and prints where each service has ended up.
` + outcomes,
		Args: takes(0, 0),
	})
}

func newReload(g *globals) *cobra.Command {
	return newDo(g, control.Reload, &cobra.Command{
		Use:   "reload",
		Short: "Take up the configuration as it is on disk now",
		Long: `Have the agent read its configuration again. Services that are new are
started, those that are gone are stopped, those that would be started in
another way are restarted, and all others keep their process. Rules, actions,
groups, and whatever else the configuration says, count from then on; what a
running process was started with counts from its next start.

A configuration with a mistake in it changes nothing: the mistakes are
printed, and 'bounce status' says that what is on disk is not what runs. So
does one that needs a restart of the agent: another project directory, or one
without a service that 'bounce up' was given by name. Waits until what follows
is done, and prints where each service has ended up. HUP to the agent does the
same without the wait.
` + outcomes,
		Args: takes(0, 0),
	})
}

// outcomes is what the verbs that wait say of their exit codes.
const outcomes = `
Exit code 0 when each is where it was sent, 3 when one is not, with the reason;
1 when the agent refuses, as for a name that is no service's; 4 without an agent.`

func newDo(g *globals, what control.Verb, cmd *cobra.Command) *cobra.Command {
	var asJSON, noWait, daemonize bool
	var named []string
	cmd.GroupID = "agent"
	verb(cmd, func(ctx context.Context, args []string) error {
		c, err := g.client()
		if err != nil {
			return err
		}
		names := append(named, args...)
		out, err := c.Do(ctx, control.Request{Verb: what, Services: names, NoWait: noWait})
		if daemonize && errors.Is(err, control.ErrNoAgent) {
			if c, err = g.daemonize(ctx, names, nil); err == nil {
				out, err = begun(ctx, c, noWait)
			}
		}
		if err != nil {
			return err
		}
		switch {
		case asJSON:
			err = writeJSON(g.out, out)
		case !noWait && what != control.Pause:
			writeServices(g.out, out)
		}
		switch {
		case err != nil:
			return err
		case noWait, what == control.Pause:
			// What was asked for is done, wherever the services are.
			return nil
		case what == control.Resume, what == control.Reload:
			return atTarget(g, out)
		}
		// What holds changes back does not hold back these verbs, but for a
		// new process that did not get to take over.
		var failed []control.Hold
		if what == control.Restart {
			for _, h := range out.Holds {
				if h.Kind == "rollback" {
					failed = append(failed, h)
				}
			}
			out.Holds = slices.DeleteFunc(out.Holds, func(h control.Hold) bool { return h.Kind == "rollback" })
		}
		writeHolds(g.err, out)
		out.Holds = failed
		return atTarget(g, out)
	})
	if what != control.Pause && what != control.Resume && what != control.Reload {
		g.takesServices(cmd, &named)
		g.takesGroups(cmd, &named)
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: services and holds")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return when the agent has taken the request")
	if what == control.Restart {
		cmd.Flags().BoolVar(&daemonize, "daemonize", false, "start an agent in the background when none answers")
	}
	return cmd
}

// takesServices lets a verb be given services as arguments or by --service.
func (g *globals) takesServices(cmd *cobra.Command, named *[]string) {
	cmd.Flags().StringArrayVar(named, "service", nil, "a `name`, as if given without the flag; repeatable")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return g.serviceNames(cmd, slices.Concat(*named, args), word)
	}
	if err := cmd.RegisterFlagCompletionFunc("service", cmd.ValidArgsFunction); err != nil {
		panic("bug: " + err.Error())
	}
}

// takesGroups completes the arguments of a verb that takes services with groups.
func (g *globals) takesGroups(cmd *cobra.Command, named *[]string) {
	services := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		names, directive := services(cmd, args, word)
		if cfg, err := g.load(); err == nil {
			for _, group := range slices.Sorted(maps.Keys(cfg.Groups)) {
				if !slices.Contains(slices.Concat(*named, args), group) {
					names = append(names, group)
				}
			}
		}
		return names, directive
	}
}

// writeServices says where services are, one a line.
func writeServices(w io.Writer, out control.Outcome) {
	for _, s := range out.Services {
		fmt.Fprintln(w, s.Name, where(s))
	}
}

// atTarget prints holds on stderr, and fails with exit code 3 when there are
// any or a service is not where it should be.
func atTarget(g *globals, out control.Outcome) error {
	writeHolds(g.err, out)
	if out.AtTarget() {
		return nil
	}
	return &exitError{code: exitNotAtTarget}
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
	return plain(text)
}

// writeHolds says what waits for what. A service that is not where it should be
// is said to be where it is.
func writeHolds(w io.Writer, out control.Outcome) {
	states := map[string]string{}
	for _, s := range out.Services {
		if !s.AtTarget() && s.State != "held" {
			states[s.Name] = "is " + s.State
		}
	}
	for _, h := range out.Holds {
		who := "held"
		switch {
		case h.Service != "":
			who = h.Service + " " + cmp.Or(states[h.Service], "held")
		case h.Kind == "action":
			who = h.Action + " failed"
		case h.Action != "":
			who = h.Action + " held"
		}
		fmt.Fprintln(w, plain(fmt.Sprintf("bounce: %s: %s%s; ends when %s", who, h.What, at(h), h.EndsWhen)))
	}
}
