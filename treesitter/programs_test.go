package treesitter

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bounce/decider"
)

// venv returns the Python and the site-packages of build/venv.
func venv(t testing.TB) (python, packages string) {
	t.Helper()
	python, err := filepath.Abs("../build/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").Output()
	if err != nil {
		t.Fatalf("cannot run the Python of build/venv: %v; run make venv", err)
	}
	return python, strings.TrimSpace(string(out))
}

// readTree returns the facts of what Python can load below dir; paths are
// relative to top.
func readTree(t testing.TB, top, dir string) []Change {
	t.Helper()
	var all []Change
	err := filepath.WalkDir(filepath.Join(top, dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch _, kind := moduleName(d.Name()); kind {
		case extensionModule:
			all = append(all, Change{rel, new(Facts)})
		case sourceModule:
			src, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			all = append(all, Change{rel, Extract(src)})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("cannot read %s: %v; run make venv", dir, err)
	}
	return all
}

// target is a line of targets.txt.
type target struct {
	kind, tree, entry string
	fromC             []string // files that only code in C imports

	// eager is graph without imports in functions.
	graph, eager *Graph
	entries      []Entry
	input        executeCase
}

// executeCase and executed are a line of input and of output of execute.py.
type executeCase struct {
	Dir   string   `json:"dir"`
	Roots []string `json:"roots"`
	Code  string   `json:"code"`
}

type executed struct {
	Loaded []string `json:"loaded"`
	Error  string   `json:"error"`
}

func targets(t testing.TB, packages string) []target {
	t.Helper()
	text, err := os.ReadFile("../testdata/treesitter/targets.txt")
	if err != nil {
		t.Fatal(err)
	}
	graphs, eager := make(map[string]*Graph), make(map[string]*Graph)
	var all []target
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		if len(columns) < 4 {
			t.Fatalf("targets.txt: too few columns: %s", line)
		}
		g := target{kind: columns[0], tree: columns[1], entry: columns[2]}
		if len(columns) > 4 {
			g.fromC = strings.Fields(columns[4])
		}
		g.input = executeCase{Dir: packages, Roots: []string{"."}, Code: columns[3]}
		if name, ok := strings.CutPrefix(columns[3], "@"); ok {
			code, err := os.ReadFile(filepath.Join("../testdata/treesitter/drive", name))
			if err != nil {
				t.Fatal(err)
			}
			g.input.Code = string(code)
		}
		key := g.kind + g.tree
		switch g.kind {
		case "library":
			if graphs[key] == nil {
				graphs[key] = New(Options{}).Update(readTree(t, packages, g.tree))
			}
			g.entries = []Entry{{Module: g.entry}}
		case "project":
			if g.input.Dir, err = filepath.EvalSymlinks(filepath.Join("../testdata/python", g.tree)); err != nil {
				t.Fatal(err)
			}
			if g.input.Dir, err = filepath.Abs(g.input.Dir); err != nil {
				t.Fatal(err)
			}
			if graphs[key] == nil {
				graphs[key] = project(t, g.input.Dir)
			}
			g.entries = infer(t, g.input.Dir, graphs[key].opts.Roots, g.entry)
			g.input.Roots = g.entries[0].Roots
		default:
			t.Fatalf("targets.txt: neither library nor project: %s", line)
		}
		if eager[key] == nil {
			eager[key] = withoutFunctions(graphs[key])
		}
		g.graph, g.eager = graphs[key], eager[key]
		all = append(all, g)
	}
	return all
}

// project returns the graph of a project, with the roots found in it.
func project(t testing.TB, dir string) *Graph {
	t.Helper()
	changes := readTree(t, dir, ".")
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	roots := FindRoots(paths, func(p string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, p)) })
	return New(Options{Roots: roots}).Update(changes)
}

// onDisk is a directory as decider.Infer looks at it.
type onDisk struct{ dir string }

func (d onDisk) Exists(p string) bool {
	info, err := os.Stat(filepath.Join(d.dir, p))
	return err == nil && info.Mode().IsRegular()
}

func (d onDisk) Read(p string) ([]byte, error) { return os.ReadFile(filepath.Join(d.dir, p)) }

// infer returns the entries that a command tells, over the roots of the project.
func infer(t testing.TB, dir string, roots []string, command string) []Entry {
	t.Helper()
	i := decider.Infer(strings.Fields(command), onDisk{dir})
	if i.Unknown != "" || len(i.Missing) > 0 {
		t.Fatalf("%s: %s %v", command, i.Unknown, i.Missing)
	}
	var entries []Entry
	for _, e := range i.Entries {
		entry := Entry{Module: e.Module, File: e.File}
		for _, r := range append(slices.Clone(e.Roots), roots...) {
			if r = path.Clean(r); !slices.Contains(entry.Roots, r) {
				entry.Roots = append(entry.Roots, r)
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// maxExtra bounds how much more than is loaded the reaches may have, in per
// cent over all targets of a kind: a graph that claims everything must fail.
var maxExtra = map[string]float64{"library": 45, "project": 30}

// TestPrograms runs the targets of targets.txt and holds what Python loads
// against the reach: with the defaults, none of it may be missed.
func TestPrograms(t *testing.T) {
	python, packages := venv(t)
	all := targets(t, packages)
	var input []string
	for _, g := range all {
		line, err := json.Marshal(g.input)
		if err != nil {
			t.Fatal(err)
		}
		input = append(input, string(line))
	}
	answers := runOracle(t, python, "execute.py", nil, input)
	if len(answers) != len(all) {
		t.Fatalf("%d answers for %d targets", len(answers), len(all))
	}
	type sum struct{ loaded, extra, eager, eagerMissed int }
	sums := map[string]*sum{"library": {}, "project": {}}
	var table strings.Builder
	fmt.Fprintf(&table, "%-8s %-46s %6s %6s %7s %6s %6s %6s | without functions: %6s %6s\n",
		"kind", "entry", "tree", "loaded", "claimed", "missed", "extra", "%", "extra", "missed")
	for i, g := range all {
		var got executed
		if err := json.Unmarshal(answers[i], &got); err != nil || got.Error != "" {
			t.Errorf("%s %s: %v %s", g.tree, g.entry, err, got.Error)
			continue
		}
		own := slices.DeleteFunc(got.Loaded, func(p string) bool { return !g.graph.Has(p) })
		reach := g.graph.Reach(g.entries...)
		missed := 0
		for _, p := range own {
			if !reach.Has(p) && !slices.Contains(g.fromC, p) {
				missed++
				t.Errorf("%s %s: Python loads %s, the reach lacks it", g.tree, g.entry, p)
			}
		}
		extra := without(slices.Collect(reach.All()), own)
		eager := slices.Collect(g.eager.Reach(g.entries...).All())
		if 10*reach.Len() > 9*g.graph.Len() && 2*len(own) < g.graph.Len() {
			t.Errorf("%s %s: reaches %d files of %d and loads %d: a graph that claims everything says nothing", g.tree, g.entry,
				reach.Len(), g.graph.Len(), len(own))
		}
		s := sums[g.kind]
		s.loaded += len(own)
		s.extra += len(extra)
		eagerExtra, eagerMissed := len(without(eager, own)), len(without(own, eager))
		s.eager += eagerExtra
		s.eagerMissed += eagerMissed
		fmt.Fprintf(&table, "%-8s %-46s %6d %6d %7d %6d %6d %5.0f%% | %25d %6d\n", g.kind, g.tree+" "+g.entry, g.graph.Len(),
			len(own), reach.Len(), missed, len(extra), 100*float64(len(extra))/float64(len(own)), eagerExtra, eagerMissed)
		if os.Getenv("PROGRAMS_EXTRA") == g.tree { // how each came in: where its chain leaves what is loaded
			for _, p := range extra {
				for _, e := range reach.Chain(p) {
					if !slices.Contains(own, e.To) {
						t.Logf("%s: extra %s by %v", g.entry, p, e)
						break
					}
				}
			}
		}
	}
	for _, kind := range []string{"library", "project"} {
		s := sums[kind]
		if s.loaded == 0 {
			t.Fatalf("no %s was loaded", kind)
		}
		percent := 100 * float64(s.extra) / float64(s.loaded)
		fmt.Fprintf(&table, "%s: loaded %d, extra %d (%.0f %%); without imports in functions extra %d (%.0f %%), missed %d\n", kind,
			s.loaded, s.extra, percent, s.eager, 100*float64(s.eager)/float64(s.loaded), s.eagerMissed)
		if percent > maxExtra[kind] {
			t.Errorf("%s: the reaches have %.0f %% more files than are loaded, over %.0f", kind, percent, maxExtra[kind])
		}
	}
	t.Logf("\n%s", table.String())
}

// withoutFunctions returns a graph of the same files that ignores imports in
// functions.
func withoutFunctions(g *Graph) *Graph {
	opts := g.opts
	opts.SkipLazy = true
	var changes []Change
	for _, p := range g.Files() {
		changes = append(changes, Change{p, g.Facts(p)})
	}
	return New(opts).Update(changes)
}
