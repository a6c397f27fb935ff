package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bounce/configs"
	"bounce/internal/agent"
)

func newCheck(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:     "check",
		GroupID: "ask",
		Short:   "Check the configuration, entries and rules against the tree",
		Long: `Check the configuration: keys and values, entries that are not found, patterns
that match no file, rules that are never reached, budgets that can never trip.
Programs, working directories, users, limits and CPUs are looked for on this
machine; what an action may yet make, as a virtual environment, is a warning.
Of the files that services can load, it names the imports that are only known at
run time, those of modules that ought to be in the project and are not, those of
packages that are installed for editing from where nothing is watched. Notes
tell where what the processes of services were observed to load differs from
what imports say.

Exit code 0 when it works, with warnings or without; 1 when it does not.`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		findings, err := g.check(ctx)
		if err != nil {
			return err
		}
		bad, fine := false, true
		for _, f := range findings {
			bad, fine = bad || f.Level == "error", fine && f.Level == "note"
			if !asJSON {
				tell(g.out, "%s: %s", f.Level, f.Text)
			}
		}
		if asJSON {
			if err := writeJSON(g.out, map[string]any{"ok": !bad, "findings": findings}); err != nil {
				return err
			}
		} else if fine {
			fmt.Fprintln(g.err, "bounce: nothing to complain of")
		}
		if bad {
			return &exitError{code: exitFailed}
		}
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: ok and findings")
	return cmd
}

// check returns all that is to be said of the project; an error is for what
// keeps it from being looked at.
func (g *globals) check(ctx context.Context) ([]agent.Finding, error) {
	cfg, err := g.load()
	var mistakes configs.Errors
	if errors.As(err, &mistakes) {
		var findings []agent.Finding
		for _, m := range mistakes {
			findings = append(findings, agent.Mistake("error", m))
		}
		return findings, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := agent.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return p.Check(), nil
}
