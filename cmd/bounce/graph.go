package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"bounce/configs"
	"bounce/internal/agent"
)

var (
	graphFormats = []string{"json", "dot", "mermaid"}
	directions   = []string{"dependencies", "dependents"}
)

// printers write a graph, a file at a time.
var printers = map[string]func(io.Writer, iter.Seq2[string, []string]) error{
	"json": graphJSON, "dot": graphDOT, "mermaid": graphMermaid,
}

func newGraph(g *globals) *cobra.Command {
	var format, direction string
	var roots []string
	var opts agent.GraphOptions
	cmd := verb(&cobra.Command{
		Use:     "graph",
		GroupID: "ask",
		Short:   "Print the import graph",
		Long: `Print which Python files of the project import which, read from disk. The json
form is an object from each file to the sorted list of files that it imports
directly, the shape that "ruff analyze graph" prints.`,
		Example: `  bounce graph --direction dependents
  bounce graph --root src --format dot | dot -Tsvg >imports.svg`,
		Args: takes(0, 0),
	}, func(ctx context.Context, _ []string) error {
		if err := errors.Join(oneOf("--format", format, graphFormats), oneOf("--direction", direction, directions)); err != nil {
			return err
		}
		opts.Dependents = direction == "dependents"
		cfg, err := g.loadTree(roots)
		if err != nil {
			return err
		}
		p, err := agent.Open(ctx, cfg)
		if err != nil {
			return err
		}
		w := bufio.NewWriter(g.out)
		if err := printers[format](w, p.Graph(opts)); err != nil {
			return err
		}
		return w.Flush()
	})
	f := cmd.Flags()
	f.StringVar(&format, "format", "json", "json, dot or mermaid")
	f.StringVar(&direction, "direction", "dependencies", "dependencies: what a file imports; dependents: what imports it")
	f.StringArrayVar(&roots, "root", nil, "a `directory` to read instead of the project, with paths relative to it; given again, import roots of the project")
	f.BoolVar(&opts.NoStrings, "no-strings", false, "leave out edges that come of strings that name modules")
	complete(cmd, "format", graphFormats)
	complete(cmd, "direction", directions)
	return cmd
}

// loadTree returns the configuration of a graph: the project's, that of the one
// directory, or the project's with other import roots.
func (g *globals) loadTree(roots []string) (*configs.Config, error) {
	if len(roots) == 1 {
		return emptyProject(roots[0])
	}
	cfg, err := g.loadOrEmpty()
	if err != nil || len(roots) == 0 {
		return cfg, err
	}
	cfg.Roots = nil
	for _, root := range roots {
		if err := directory(root); err != nil {
			return nil, err
		}
		path, err := inProject(cfg.Dir, root)
		if err != nil {
			return nil, err
		}
		cfg.Roots = append(cfg.Roots, path)
	}
	return cfg, nil
}

func graphJSON(w io.Writer, files iter.Seq2[string, []string]) error {
	sep := "{\n"
	for path, to := range files {
		key, err := json.Marshal(path)
		if err != nil {
			return err
		}
		value, err := json.MarshalIndent(to, "  ", "  ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s  %s: %s", sep, key, value); err != nil {
			return err
		}
		sep = ",\n"
	}
	if sep == "{\n" {
		_, err := io.WriteString(w, "{}\n")
		return err
	}
	_, err := io.WriteString(w, "\n}\n")
	return err
}

func graphDOT(w io.Writer, files iter.Seq2[string, []string]) error {
	if _, err := io.WriteString(w, "digraph imports {\n"); err != nil {
		return err
	}
	for path, to := range files {
		fmt.Fprintf(w, "  %s;\n", quoted(path))
		for _, t := range to {
			fmt.Fprintf(w, "  %s -> %s;\n", quoted(path), quoted(t))
		}
	}
	_, err := io.WriteString(w, "}\n")
	return err
}

// quoted writes a DOT string, in which only quotes and backslashes are special.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func graphMermaid(w io.Writer, files iter.Seq2[string, []string]) error {
	if _, err := io.WriteString(w, "graph LR\n"); err != nil {
		return err
	}
	ids := map[string]string{}
	id := func(path string) string {
		if n, ok := ids[path]; ok {
			return n
		}
		n := "f" + strconv.Itoa(len(ids))
		ids[path] = n
		fmt.Fprintf(w, "  %s[\"%s\"]\n", n, strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(path))
		return n
	}
	for path, to := range files {
		from := id(path)
		for _, t := range to {
			target := id(t)
			if _, err := fmt.Fprintf(w, "  %s --> %s\n", from, target); err != nil {
				return err
			}
		}
	}
	return nil
}
