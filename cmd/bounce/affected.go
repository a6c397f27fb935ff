package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bounce/internal/control"
)

func newAffected(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:     "affected PATH...",
		GroupID: "ask",
		Short:   "List the files and services that a change reaches",
		Args:    cobra.MinimumNArgs(1),
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
			paths = append(paths, path)
		}
		affected, err := a.Affected(ctx, paths)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(g.out, affected)
		}
		return writeAffected(g, affected)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with the chain of imports to each")
	return cmd
}

func writeAffected(g *globals, a control.Affected) error {
	for _, f := range a.Affected {
		fmt.Fprintln(g.out, f.Path)
	}
	for _, s := range a.Services {
		if _, err := fmt.Fprintf(g.out, "service %s\n", s.Name); err != nil {
			return err
		}
	}
	return nil
}
