package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newWhy(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:     "why PATH [SERVICE]",
		GroupID: "ask",
		Short:   "Show the imports that lead from a service to a file",
		Long: `Show, for each service that a change of PATH would restart, the shortest chain
of imports from the service's entry to the file, one step a line, and why the
others are left alone. Asks the running agent, or else reads the tree.

Exit code 0 also when no service is reached: stdout is empty then. 1 when there
is no such file or no such service.`,
		Example: `  bounce why shop/money.py
  bounce why shop/money.py api`,
		Args:              takes(1, 2),
		ValidArgsFunction: g.pathThenService,
	}, func(ctx context.Context, args []string) error {
		a, dir, err := g.ask(ctx)
		if err != nil {
			return err
		}
		path, err := inProject(dir, args[0])
		if err != nil {
			return err
		}
		why, err := a.Why(ctx, path, args[1:])
		if err != nil {
			return err
		}
		if err := asked(args[0], len(why.Services) == 0); err != nil {
			return err
		}
		if asJSON {
			return writeJSON(g.out, why)
		}
		for _, s := range why.Services {
			fmt.Fprintf(g.out, "%s\n", s.Name)
			writeChain(g, path, s)
		}
		if len(why.Services)+len(why.Unreached) == 0 {
			fmt.Fprintf(g.err, "bounce: the project has no services; 'bounce affected %s' lists the files that a change reaches\n", args[0])
		}
		for _, name := range why.Unreached {
			fmt.Fprintf(g.err, "%s is not reached by %s\n", name, path)
		}
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// writeChain prints the steps from a service's entry to path.
func writeChain(g *globals, path string, r control.Reached) {
	switch {
	case r.Via != "":
		fmt.Fprintf(g.out, "  %s (%s)\n", path, r.Via)
	case len(r.Chain) == 0:
		fmt.Fprintf(g.out, "  %s is where it starts\n", path)
	}
	for _, l := range r.Chain {
		fmt.Fprintf(g.out, "  %s:%d imports %s\n", l.From, l.Line, l.To)
	}
}
