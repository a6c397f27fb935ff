package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"bounce/internal/agent"
)

// decide is the command line of the verb.
type decide struct {
	agent.Question
	byGit                                bool // --git was given
	showUnmatched, showExpanded, verbose bool
	format                               string
}

func newDecide(g *globals) *cobra.Command {
	var d decide
	cmd := &cobra.Command{
		Use:     "decide",
		GroupID: "ask",
		Short:   "Print the actions that changed files call for; runs nothing",
		Long: `Read changed paths from standard input, one a line, and print the actions that
the rules ask for, one a line, in their order: a drop-in for smart-restart.

With --root, files that import a changed one count as changed too. --root may be
given several times; --root auto finds the import roots. --git A..B asks git for
the changed paths itself and knows the imports of both trees.

Paths may have ./ in front, be absolute, or be quoted as git quotes them. With
--compat, rules, paths and imports are taken just as smart-restart takes them.

Exit code 0 when decided, 1 when the rules are missing or wrong, 2 for a mistake
on the command line.`,
		Example: `  git diff --name-only HEAD~1 HEAD | bounce decide
  bounce decide --git HEAD~1..HEAD --verbose`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("paths are read from standard input, one a line; given: %q", args[0]))
			}
			return nil
		},
	}
	verb(cmd, func(ctx context.Context, _ []string) error {
		d.byGit = cmd.Flags().Changed("git")
		return d.run(ctx, g)
	})
	f := cmd.Flags()
	f.StringVarP(&d.Rules, "rules", "r", "", "`file` of rules (default: ./restart-rules.yaml, else the project's bounce.yaml)")
	f.StringArrayVar(&d.Roots, "root", nil, "import root whose files count when they import a changed one; auto finds them; repeatable")
	f.StringVar(&d.Git, "git", "", "ask git what changed in `A..B`, in A...B since they parted, or from A to the work tree")
	f.BoolVar(&d.showUnmatched, "show-unmatched", false, "print files that match no rule to stderr")
	f.BoolVar(&d.showExpanded, "show-expanded", false, "print files that --root added to stderr")
	f.BoolVarP(&d.verbose, "verbose", "v", false, "explain on stderr: the changed file, the imports that lead on from it, the rule")
	f.BoolVarP(&d.Null, "null", "z", false, "paths on stdin end with NUL, as those of git diff -z")
	f.BoolVar(&d.Compat, "compat", false, "decide exactly as smart-restart 0.1.0, with its lenience, its YAML 1.1 and its import graph")
	f.StringVar(&d.format, "format", "text", "text, json or github")
	complete(cmd, "format", formats)
	return cmd
}

func (d *decide) run(ctx context.Context, g *globals) error {
	if err := d.check(); err != nil {
		return err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("cannot find the working directory: %w", err)
	}
	d.Dir = cwd
	if d.Rules == "" {
		d.Rules = g.config
	}
	if !d.byGit {
		input, err := io.ReadAll(g.in)
		if err != nil {
			return fmt.Errorf("cannot read the changed paths: %w", err)
		}
		d.Input = string(input)
	}
	d.Why = d.verbose || d.format == "json"
	// A process that lives for a moment had better not collect what it will not
	// need again, as long as there is room.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 << 20))
	answer, err := agent.Decide(ctx, d.Question)
	told := answer.Firing
	if !d.Compat { // smart-restart prints names as they are
		told.Added, told.Unmatched = plainAll(told.Added), plainAll(told.Unmatched)
	}
	fmt.Fprint(g.err, told.Notes(d.showExpanded, d.showUnmatched && err == nil))
	for _, remark := range answer.Remarks {
		tell(g.err, "bounce: %s", remark)
	}
	var rules *agent.RulesError
	switch {
	case err != nil && d.Compat:
		fmt.Fprintf(g.err, "ERROR: %v\n", err)
		return &exitError{code: exitFailed}
	case errors.As(err, &rules):
		return fmt.Errorf("cannot load the rules: %w", rules.Err)
	case err != nil:
		return err
	}
	if d.verbose {
		tellReasons(g.err, answer)
	}
	return writers[d.format](g, answer)
}

// check looks for flags that do not go together.
func (d *decide) check() error {
	switch {
	case d.Compat && d.byGit:
		return usage(errors.New("--compat is smart-restart, which has no --git"))
	case d.Compat && d.Null:
		return usage(errors.New("--compat is smart-restart, which has no -z"))
	case d.byGit && d.Null:
		return usage(errors.New("-z is for paths on standard input, and --git asks git"))
	case d.byGit && d.Git == "":
		return usage(errors.New("--git names no revision; write A..B, or A for the work tree"))
	}
	return oneOf("--format", d.format, formats)
}

// formats are the ways to print a decision, writers what prints them.
var formats = []string{"text", "json", "github"}

var writers = map[string]func(*globals, agent.Decision) error{
	"text": func(g *globals, d agent.Decision) error {
		for _, a := range d.Actions {
			// As it is in the rules: scripts compare it.
			if _, err := fmt.Fprintln(g.out, a.Name); err != nil {
				return err
			}
		}
		return nil
	},
	"json": func(g *globals, d agent.Decision) error { return writeJSON(g.out, d) },
	// A line for $GITHUB_OUTPUT, from which a workflow reads values of steps.
	"github": func(g *globals, d agent.Decision) error {
		names := make([]string, 0, len(d.Actions))
		for _, a := range d.Actions {
			names = append(names, fmt.Sprintf("%q", a.Name))
		}
		_, err := fmt.Fprintf(g.out, "actions=[%s]\nany=%t\n", strings.Join(names, ","), len(names) > 0)
		return err
	},
}
