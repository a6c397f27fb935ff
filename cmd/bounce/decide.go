package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"bounce/internal/agent"
)

func newDecide(g *globals) *cobra.Command {
	var q agent.Question
	var showUnmatched, showExpanded bool
	var format string
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
--compat, rules, paths and imports are taken exactly as smart-restart takes them.

Exit code 0 when decided, 1 when the rules are missing or wrong, 2 for a mistake
on the command line.`,
		Example: `  git diff --name-only HEAD~1 HEAD | bounce decide
  bounce decide --git HEAD~1..HEAD --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("paths are read from standard input, one a line; given: %q", args[0]))
			}
			return nil
		},
	}
	verb(cmd, func(ctx context.Context, _ []string) error {
		if err := oneOf("--format", format, formats); err != nil {
			return err
		}
		cwd, err := os.Getwd()
		if err != nil {
			return fmt.Errorf("cannot find the working directory: %w", err)
		}
		q.Dir = cwd
		if q.Rules == "" {
			q.Rules = g.config
		}
		for flag, set := range map[string]bool{"--git": q.Git != "", "-z": q.Null} {
			if set && q.Compat {
				return usage(fmt.Errorf("--compat is smart-restart, which has no %s", flag))
			}
		}
		if q.Git == "" {
			input, err := io.ReadAll(g.in)
			if err != nil {
				return fmt.Errorf("cannot read the changed paths: %w", err)
			}
			q.Input = string(input)
		}
		d, err := agent.Decide(ctx, q)
		fmt.Fprint(g.err, d.Notes(showExpanded, showUnmatched && err == nil))
		if err != nil && q.Compat {
			fmt.Fprintf(g.err, "ERROR: %v\n", err)
			return &exitError{code: exitFailed}
		}
		var rules *agent.RulesError
		if errors.As(err, &rules) {
			return fmt.Errorf("cannot load the rules: %w", rules.Err)
		}
		if err != nil {
			return err
		}
		return writers[format](g, d)
	})
	f := cmd.Flags()
	f.StringVarP(&q.Rules, "rules", "r", "", "`file` of rules (default: ./restart-rules.yaml, else the project's bounce.yaml)")
	f.StringArrayVar(&q.Roots, "root", nil, "import root whose files count when they import a changed one; auto finds them; repeatable")
	f.StringVar(&q.Git, "git", "", "ask git what changed between `A..B`, or between A and the work tree")
	f.BoolVar(&showUnmatched, "show-unmatched", false, "print files that match no rule to stderr")
	f.BoolVar(&showExpanded, "show-expanded", false, "print files that --root added to stderr")
	f.BoolVarP(&q.Null, "null", "z", false, "paths on stdin end with NUL, as those of git diff -z")
	f.BoolVar(&q.Compat, "compat", false, "decide exactly as smart-restart 0.1.0, with its lenience, its YAML 1.1 and its import graph")
	f.StringVar(&format, "format", "text", "text, json or github")
	complete(cmd, "format", formats)
	return cmd
}

// formats are the ways to print a decision, writers what prints them.
var formats = []string{"text", "json", "github"}

var writers = map[string]func(*globals, agent.Decision) error{
	"text": func(g *globals, d agent.Decision) error {
		for _, a := range d.Actions {
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
