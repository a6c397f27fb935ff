package treesitter

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"bounce/internal/soak"
)

// loadCase is a line of input of load.py.
type loadCase struct {
	Dir    string   `json:"dir"`
	Roots  []string `json:"roots"`
	Module string   `json:"module"`
	File   string   `json:"file"`
	Run    bool     `json:"run"`
}

// loaded asks Python which files the cases load.
func loaded(t *testing.T, cases []loadCase) [][]string {
	t.Helper()
	var input []string
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		input = append(input, string(line))
	}
	var all [][]string
	for i, line := range oracle(t, "load.py", []string{}, input) {
		var files []string
		if err := json.Unmarshal(line, &files); err != nil || string(line) == "null" {
			t.Fatalf("case %v: %v: %s", cases[i], err, line)
		}
		all = append(all, files)
	}
	if len(all) != len(cases) {
		t.Fatalf("%d answers for %d cases", len(all), len(cases))
	}
	return all
}

func writeTree(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for p, src := range tree {
		name := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(src), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// realDir returns a temporary directory by the name that Python gives it.
func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRuntime loads the trees of testdata/treesitter/runtime in Python: what
// Python executes must be in the reach. The section "entries" has a line for
// each process: "import NAME", "run NAME" or "script FILE", and roots if they
// are not ".". Behind "extra:" stands what the reach has beyond that; -update
// rewrites it.
func TestRuntime(t *testing.T) {
	names, err := filepath.Glob("../testdata/treesitter/runtime/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tree := make(map[string]string)
			var section *txtar.File
			for i, f := range a.Files {
				if f.Name == "entries" {
					section = &a.Files[i]
				} else {
					tree[f.Name] = string(f.Data)
				}
			}
			dir := realDir(t)
			writeTree(t, dir, tree)
			var cases []loadCase
			lines := strings.Split(strings.TrimSpace(string(section.Data)), "\n")
			for i, line := range lines {
				lines[i], _, _ = strings.Cut(line, " extra:")
				words := strings.Fields(lines[i])
				c := loadCase{Dir: dir, Roots: []string{"."}}
				if len(words) > 2 {
					c.Roots = words[2:]
				}
				switch words[0] {
				case "script":
					c.File = words[1]
					c.Roots = append([]string{path.Dir(words[1])}, words[2:]...)
				default:
					c.Module, c.Run = words[1], words[0] == "run"
				}
				cases = append(cases, c)
			}
			g := fresh(Options{}, tree)
			for i, files := range loaded(t, cases) {
				c := cases[i]
				r := g.Reach(Entry{Module: c.Module, File: c.File, Roots: c.Roots})
				for _, f := range files {
					if !r.Has(f) {
						t.Errorf("%s: Python loads %s, the reach lacks it", lines[i], f)
					}
				}
				if extra := without(slices.Sorted(r.All()), files); len(extra) > 0 {
					lines[i] += " extra: " + strings.Join(extra, " ")
				}
			}
			got := strings.Join(lines, "\n") + "\n"
			if got == string(section.Data) {
				return
			}
			if !*update {
				t.Errorf("got\n%swant\n%s", got, section.Data)
				return
			}
			section.Data = []byte(got)
			if err := os.WriteFile(name, txtar.Format(a), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestRandomRuntime loads random trees, in which every import may fail.
func TestRandomRuntime(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("RUNTIME_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	count := soak.Times(100, 2000)
	r := rand.New(rand.NewPCG(seed, 2))
	top := realDir(t)
	var cases []loadCase
	var graphs []*Graph
	var trees []map[string]string
	for i := range count {
		tree := make(map[string]string)
		for range 10 + r.IntN(40) {
			p := randomPath(r)
			if strings.HasPrefix(p, "../") || !strings.HasSuffix(p, ".py") {
				continue // an empty extension module does not load
			}
			var b strings.Builder
			b.WriteString("from importlib import import_module\nfrom pkgutil import iter_modules\n")
			for line := range strings.Lines(randomSource(r)) {
				switch {
				case strings.HasPrefix(line, " "), strings.HasPrefix(line, "def"), strings.HasPrefix(line, "if"):
				case strings.HasPrefix(line, "import_module(f"):
					fmt.Fprintf(&b, "for x in 'abc':\n    try:\n        %s    except Exception: pass\n", line)
				case strings.HasPrefix(line, "iter"):
					b.WriteString("if '__path__' in globals():\n    for m in iter_modules(__path__):\n        try: import_module(__name__ + '.' + m.name)\n        except Exception: pass\n")
				default:
					fmt.Fprintf(&b, "try:\n    %sexcept Exception: pass\n", line)
				}
			}
			tree[p] = b.String()
		}
		if len(tree) == 0 {
			continue
		}
		dir := filepath.Join(top, fmt.Sprint(i))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		writeTree(t, dir, tree)
		c := loadCase{Dir: dir, Roots: [][]string{{"."}, {"src", "."}, {".", "lib", "src"}}[r.IntN(3)]}
		files := slices.Sorted(maps.Keys(tree))
		p := files[r.IntN(len(files))]
		switch r.IntN(3) {
		case 0:
			c.File = p
			c.Roots = append([]string{path.Dir(p)}, c.Roots...)
		default:
			c.Module = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(p, ".py"), "/__init__"), "/", ".")
			c.Run = r.IntN(2) == 0
		}
		cases = append(cases, c)
		trees = append(trees, tree)
		graphs = append(graphs, fresh(Options{}, tree))
	}
	total, extra := 0, 0
	for i, files := range loaded(t, cases) {
		c := cases[i]
		reach := graphs[i].Reach(Entry{Module: c.Module, File: c.File, Roots: c.Roots})
		total += len(files)
		extra += len(without(slices.Collect(reach.All()), files))
		for _, f := range files {
			if !reach.Has(f) {
				t.Errorf("case %d %+v: Python loads %s, the reach lacks it: %v", i, c, f, slices.Sorted(reach.All()))
			}
		}
		if t.Failed() {
			for _, p := range slices.Sorted(maps.Keys(trees[i])) {
				t.Logf("-- %s --\n%s", p, trees[i][p])
			}
			break
		}
	}
	t.Logf("RUNTIME_SEED=%d: %d trees, %d files loaded, %d more in the reaches", seed, len(cases), total, extra)
	if total < len(cases) {
		t.Error("Python loads next to nothing: the test says nothing")
	}
}
