package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newAffected(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:     "affected PATH...",
		GroupID: "ask",
		Short:   "List the files, services and actions that a change reaches",
		Long: `List the files that import PATH, directly or through others, the services that a
change of it would restart, and the actions that rules ask for. Several paths
count as one change. Asks the running agent, or else reads the tree.

Exit code 0 also when nothing is reached, 1 when there is no such file.`,
		Example: `  bounce affected shop/money.py
  bounce affected $(git diff --name-only) --json`,
		Args: takes(1, -1),
	}, func(ctx context.Context, args []string) error {
		a, dir, err := g.ask(ctx)
		if err != nil {
			return err
		}
		var paths []string
		for _, arg := range args {
			path, err := inProject(dir, arg)
			if err != nil {
				return err
			}
			if _, err := os.Lstat(arg); err != nil {
				one, err := a.Affected(ctx, []string{path})
				if err != nil {
					return err
				}
				if err := asked(arg, len(one.Affected)+len(one.Services)+len(one.Actions) == 0); err != nil {
					return err
				}
			} else if err := asked(arg, true); err != nil {
				return err
			}
			paths = append(paths, path)
		}
		affected, err := a.Affected(ctx, paths)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(g.out, affected)
		}
		writeAffected(g, affected)
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with the chain of imports to each")
	return cmd
}

func writeAffected(g *globals, a control.Affected) {
	for _, f := range a.Affected {
		tell(g.out, "%s", f.Path)
	}
	for _, s := range a.Services {
		tell(g.out, "service %s", s.Name)
	}
	for _, a := range a.Actions {
		tell(g.out, "action %s", a.Name)
	}
}
