package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newWhy(g *globals) *cobra.Command {
	var asJSON, all bool
	var limit int
	var cmd *cobra.Command
	cmd = verb(&cobra.Command{
		Use:     "why PATH [SERVICE]",
		GroupID: "ask",
		Short:   "Show the imports and rules that lead from services and actions to a file",
		Long: `Show, for each service that a change of PATH would restart, the shortest chain
of imports from the service's entry to the file, one step a line; then each
action that a rule asks for, with the imports that lead from the file that the
rule matches; and which services are left alone. Asks the running agent, or else
reads the tree.

In place of PATH there may be the name of an installed package.

--all shows every chain, up to --limit for each service, shortest first: what
there is to cut before the file is no longer reached. No chain passes a file
twice, nor a file that the service starts with anyway.

Exit code 0 also when no service is reached: stdout is empty then. 1 when there
is no such file or no such service.`,
		Example: `  bounce why shop/money.py
  bounce why shop/money.py api
  bounce why shop/money.py api --all --limit 5
  bounce why requests`,
		Args:              takes(1, 2),
		ValidArgsFunction: g.pathThenService,
	}, func(ctx context.Context, args []string) error {
		switch {
		case !all && cmd.Flags().Changed("limit"):
			return usage(errors.New("--limit needs --all: there is one shortest chain"))
		case limit < 1 || limit > control.MaxChains:
			return usage(fmt.Errorf("bad --limit %d: it is from 1 to %d", limit, control.MaxChains))
		case !all:
			limit = 0
		}
		a, dir, err := g.ask(ctx)
		if err != nil {
			return err
		}
		path, err := inProject(dir, args[0])
		if err != nil {
			return err
		}
		if _, err := os.Lstat(args[0]); err != nil && !strings.ContainsAny(args[0], "/.") {
			path = args[0] // the name of a package, wherever it is asked from
		}
		why, err := a.Why(ctx, path, args[1:], limit)
		if err != nil {
			return err
		}
		if err := asked(args[0], len(why.Services)+len(why.Actions) == 0); err != nil {
			return err
		}
		for _, s := range why.Services {
			if all && s.Via == "" && len(s.Chains) == 0 {
				return errors.New("cannot show every chain: the running agent is of a version that knows the shortest one alone; restart it")
			}
		}
		if asJSON {
			return writeJSON(g.out, why)
		}
		for _, s := range why.Services {
			tell(g.out, "%s", s.Name)
			writeReached(g, path, s)
		}
		for _, a := range why.Actions {
			writeAsked(g.out, path, a)
		}
		if len(why.Services)+len(why.Unreached)+len(why.Actions) == 0 {
			tell(g.err, "bounce: the project has no services; 'bounce affected %s' lists the files that a change reaches", args[0])
		}
		for _, name := range why.Unreached {
			if !slices.ContainsFunc(why.Actions, func(a control.Asked) bool { return concerns(a, name) }) {
				tell(g.err, "%s is not reached by %s", name, path)
			}
		}
		return nil
	})
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVar(&all, "all", false, "show every chain, not the shortest alone")
	f.IntVar(&limit, "limit", 20, "at most `N` chains for each service, with --all")
	return cmd
}

// writeReached prints the chain from a service's entry to path, or if there are
// several all of them with an empty line between, and on stderr whether there
// are more.
func writeReached(g *globals, path string, r control.Reached) {
	if len(r.Chains) == 0 {
		writeChain(g, path, r)
	}
	for n, chain := range r.Chains {
		if n > 0 {
			fmt.Fprintln(g.out)
		}
		writeChain(g, path, control.Reached{Chain: chain})
	}
	if r.More {
		tell(g.err, "bounce: there are more chains from %s to %s than these %d, or too many ways to know; --limit sets how many are shown", r.Name, path, len(r.Chains))
	}
}

// writeChain prints the steps from a service's entry to path.
func writeChain(g *globals, path string, r control.Reached) {
	switch {
	case r.Via != "":
		tell(g.out, "  %s (%s)", path, r.Via)
	case len(r.Chain) == 0:
		tell(g.out, "  %s is where it starts", path)
	}
	for n, l := range r.Chain {
		switch {
		case l.Line > 0:
			tell(g.out, "  %s:%d imports %s", l.From, l.Line, l.To)
		case n == 0 && seen(l.From):
			tell(g.out, "  %s %s", l.To, l.From)
		case n > 0:
			tell(g.out, "  %s needs %s", l.From, l.To)
		case l.From == "python":
			tell(g.out, "  every Python that starts runs something of %s", l.To)
		default:
			tell(g.out, "  its key %s names %s", l.From, l.To)
		}
	}
}

// seen reports whether what leads to a file is that a process loaded it, in
// words.
func seen(from string) bool {
	return strings.HasPrefix(from, "observed in ") || strings.HasPrefix(from, "opened in ")
}

// writeAsked prints the way from path to an action, and what the action does.
func writeAsked(w io.Writer, path string, a control.Asked) {
	tell(w, "action %s", a.Name)
	matched := path
	if len(a.Chain) > 0 {
		matched = a.Chain[0].From
	}
	at := ""
	if a.RuleLine > 0 {
		at = fmt.Sprintf(" (line %d)", a.RuleLine)
	}
	tell(w, "  rule %s%s matches %s", a.Rule, at, matched)
	for _, l := range a.Chain {
		tell(w, "  %s:%d imports %s", l.From, l.Line, l.To)
	}
	if a.Runs {
		fmt.Fprintln(w, "  runs its command")
	}
	if len(a.Restart) > 0 {
		tell(w, "  restarts %s", strings.Join(a.Restart, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Signal)) {
		tell(w, "  sends %s to %s", a.Signal[name], name)
	}
}

// concerns reports whether an action restarts or signals a service.
func concerns(a control.Asked, service string) bool {
	_, signalled := a.Signal[service]
	return signalled || slices.Contains(a.Restart, service)
}
