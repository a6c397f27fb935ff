package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"bounce/configs"
	"bounce/internal/agent"
)

var (
	graphFormats  = []string{"json", "dot", "mermaid"}
	answerFormats = []string{"text", "json"} // of --cycles and --top
	directions    = []string{"dependencies", "dependents"}
)

// printers write a graph, a file at a time.
var printers = map[string]func(io.Writer, iter.Seq2[string, []string]) error{
	"json": graphJSON, "dot": graphDOT, "mermaid": graphMermaid,
}

// graphFlags are what the verb graph was asked for.
type graphFlags struct {
	format, direction, focus string
	depth, top               int
	cycles, noStrings        bool
	roots, services          []string
	given                    func(flag string) bool
}

func newGraph(g *globals) *cobra.Command {
	var f graphFlags
	cmd := verb(&cobra.Command{
		Use:     "graph",
		GroupID: "ask",
		Short:   "Print the import graph, its cycles, or the files that weigh most",
		Long: `Print which Python files of the project import which, read from disk. The json
form is an object from each file to the sorted list of files that it imports
directly, the shape that "ruff analyze graph" prints.

--service leaves the files that the services can load; --focus those around
FILE, within --depth imports of it, on both sides or on that of --direction.

--cycles prints the import cycles instead, largest first: how many files import
one another, and a shortest way round. Python runs a package before the modules
in it; that alone makes no cycle, nor does a module that imports its siblings
through its package. One that takes another name from it does. Imports in
functions count, those under "if TYPE_CHECKING" do not.

--top prints the files whose change restarts most services, and of those the
ones that most files import: what is worth splitting.`,
		Example: `  bounce graph --direction dependents
  bounce graph --root src --format dot | dot -Tsvg >imports.svg
  bounce graph --focus shop/money.py --depth 1 --format mermaid
  bounce graph --service api --cycles
  bounce graph --top 20`,
	}, func(ctx context.Context, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		cfg, err := g.loadTree(f.roots)
		if err != nil {
			return err
		}
		// The graph of 65,000 files takes 90 MB, and is read once: with as much
		// again for garbage it would come to 200.
		debug.SetGCPercent(50)
		open := agent.OpenTree
		if len(f.services) > 0 || f.given("top") {
			open = agent.Open
		}
		p, err := open(ctx, cfg)
		if err != nil {
			return err
		}
		switch {
		case f.cycles:
			return f.printCycles(g, p)
		case f.given("top"):
			return f.printTop(g, p)
		}
		return f.printGraph(g, p, cfg.Dir)
	})
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		// A flag whose value may be left out takes it only behind "=".
		if n, err := strconv.Atoi(strings.Join(args, " ")); err == nil && cmd.Flags().Changed("top") {
			f.top, args = n, nil
		}
		return takes(0, 0)(cmd, args)
	}
	flags := cmd.Flags()
	f.given = flags.Changed
	flags.StringVar(&f.format, "format", "", "json, dot or mermaid; with --cycles and --top text or json (default json, with those text)")
	flags.StringVar(&f.direction, "direction", "dependencies", "dependencies: what a file imports; dependents: what imports it")
	flags.StringArrayVar(&f.roots, "root", nil, "a `directory` to read instead of the project, with paths relative to it; given again, import roots of the project")
	flags.BoolVar(&f.noStrings, "no-strings", false, "leave out edges that come of strings that name modules")
	flags.StringArrayVar(&f.services, "service", nil, "only what the service `NAME` can load, as its process sees it; may be given again")
	flags.StringVar(&f.focus, "focus", "", "only what is around `FILE`")
	flags.IntVar(&f.depth, "depth", 0, "at most `N` imports away from the file of --focus; 0: any number")
	flags.BoolVar(&f.cycles, "cycles", false, "print import cycles")
	flags.IntVar(&f.top, "top", 0, "print the `N` files whose change restarts most services; 10 if not said")
	flags.Lookup("top").NoOptDefVal = "10"
	complete(cmd, "format", append([]string{"text"}, graphFormats...))
	complete(cmd, "direction", directions)
	if err := cmd.RegisterFlagCompletionFunc("service", g.serviceNames); err != nil {
		panic("bug: " + err.Error())
	}
	return cmd
}

// check refuses values that are none and flags that do not go together.
func (f *graphFlags) check() error {
	formats, fallback := graphFormats, "json"
	if f.cycles || f.given("top") {
		formats, fallback = answerFormats, "text"
	}
	if f.format == "" && !f.given("format") {
		f.format = fallback
	}
	errs := []error{oneOf("--format", f.format, formats), oneOf("--direction", f.direction, directions)}
	wrong := func(bad bool, text string, args ...any) {
		if bad {
			errs = append(errs, usage(fmt.Errorf(text, args...)))
		}
	}
	for _, with := range []struct {
		flag    string
		without []string
	}{
		{"cycles", []string{"top", "direction", "focus", "depth"}},
		{"top", []string{"direction", "focus", "depth", "no-strings"}},
	} {
		for _, flag := range with.without {
			wrong(f.given(with.flag) && f.given(flag), "--%s does not go with --%s", flag, with.flag)
		}
	}
	wrong(f.given("top") && f.top < 1, "bad --top %d: it must be at least 1", f.top)
	wrong(f.depth < 0, "bad --depth %d: it must not be negative", f.depth)
	wrong(f.given("depth") && f.focus == "", "--depth needs --focus: it is how far from that file")
	wrong(f.given("focus") && f.focus == "", "--focus needs the name of a file")
	wrong(len(f.services) > 0 && len(f.roots) == 1, "--service does not go with one --root: a directory has no services")
	slices.Sort(f.services)
	f.services = slices.Compact(f.services)
	return errors.Join(errs...)
}

func (f *graphFlags) printGraph(g *globals, p *agent.Project, dir string) error {
	opts := agent.GraphOptions{
		Dependents: f.direction == "dependents",
		NoStrings:  f.noStrings,
		Services:   f.services,
		Depth:      f.depth,
	}
	if f.given("direction") {
		opts.Around = agent.Imported
		if opts.Dependents {
			opts.Around = agent.Importing
		}
	}
	if f.focus != "" {
		path, err := inProject(dir, f.focus)
		if err != nil {
			return err
		}
		opts.Focus = path
	}
	files, err := p.Graph(opts)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(g.out)
	if err := printers[f.format](w, files); err != nil {
		return err
	}
	return w.Flush()
}

func (f *graphFlags) printCycles(g *globals, p *agent.Project) error {
	cycles, err := p.Cycles(f.services, f.noStrings)
	if err != nil {
		return err
	}
	if f.format == "json" {
		return writeJSON(g.out, cycles)
	}
	if len(cycles) == 0 {
		fmt.Fprintln(g.err, "bounce: no import cycles")
	}
	w := bufio.NewWriter(g.out)
	for _, c := range cycles {
		if len(c.Chain) < len(c.Files) {
			fmt.Fprintf(w, "%d files import one another; the shortest way round has %d:\n", len(c.Files), len(c.Chain))
		} else {
			fmt.Fprintf(w, "%d files import one another:\n", len(c.Files))
		}
		for _, l := range c.Chain {
			tell(w, "  %s:%d imports %s", l.From, l.Line, l.To)
		}
	}
	return w.Flush()
}

func (f *graphFlags) printTop(g *globals, p *agent.Project) error {
	files, err := p.Heaviest(f.top, f.services)
	if err != nil {
		return err
	}
	if f.format == "json" {
		return writeJSON(g.out, files)
	}
	if len(files) == 0 {
		fmt.Fprintln(g.err, "bounce: no Python file restarts a service")
		return nil
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICES\tIMPORTED BY\tFILE\tRESTARTS")
	for _, c := range files {
		restarts := strings.Join(c.Services, " ")
		if restarts == "" {
			restarts = "-"
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\n", len(c.Services), c.Dependents, plain(c.Path), restarts)
	}
	return w.Flush()
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
		if _, err := fmt.Fprintf(w, "%s  %s: %s", sep, escaped(key), escaped(value)); err != nil {
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

// dotString and mermaidString escape what is special in a quoted string.
var (
	dotString     = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	mermaidString = strings.NewReplacer(`"`, "#quot;")
)

func quoted(s string) string { return `"` + dotString.Replace(plain(s)) + `"` }

func graphMermaid(w io.Writer, files iter.Seq2[string, []string]) error {
	if _, err := io.WriteString(w, "graph LR\n"); err != nil {
		return err
	}
	numbers := map[string]int{}
	number := func(path string) int {
		n, ok := numbers[path]
		if !ok {
			n = len(numbers)
			numbers[path] = n
			fmt.Fprintf(w, "  f%d[\"%s\"]\n", n, mermaidString.Replace(plain(path)))
		}
		return n
	}
	for path, to := range files {
		from := number(path)
		for _, t := range to {
			target := number(t)
			if _, err := fmt.Fprintf(w, "  f%d --> f%d\n", from, target); err != nil {
				return err
			}
		}
	}
	return nil
}
