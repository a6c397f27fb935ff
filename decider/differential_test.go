package decider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"bounce/internal/soak"
)

// smart-restart 0.1.0 itself, where `make venv` installs it.
const venv = "../build/venv/bin"

func installed(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(venv, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("smart-restart is not installed: run `make venv` (%v)", err)
	}
	return file
}

// drop is one run of smart-restart, or of what stands in for it.
type drop struct {
	Dir           string   // with restart-rules.yaml
	Args          []string // --root DIR, --show-unmatched, --show-expanded
	Stdin         string
	Code          int
	Stdout        string
	Stderr        string
	rules         Rules
	graph         *textGraph
	description   string
	showUnmatched bool
	showExpanded  bool
}

// ours does with Fire what the decide verb does.
func (d drop) ours() (code int, stdout, stderr string) {
	var expand Expand
	if d.graph != nil {
		expand = func(paths []string, yield func(string, []Link) bool) {
			// smart-restart expands nothing but .py files.
			py := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !strings.HasSuffix(p, ".py") })
			d.graph.Dependents(py, yield)
		}
	}
	firing, err := d.rules.Fire(SplitLines(d.Stdin), expand)
	stderr = firing.Notes(d.showExpanded, d.showUnmatched)
	if err != nil {
		return 1, "", stderr + "ERROR: " + err.Error() + "\n"
	}
	for _, action := range firing.Actions {
		stdout += action.Name + "\n"
	}
	return 0, stdout, stderr
}

func (d drop) compare(t *testing.T) {
	t.Helper()
	if code, stdout, stderr := d.ours(); code != d.Code || stdout != d.Stdout || stderr != d.Stderr {
		t.Errorf("%s\n%q %q\ngot  %d %q %q\nwant %d %q %q", d.description, d.Args, d.Stdin,
			code, stdout, stderr, d.Code, d.Stdout, d.Stderr)
	}
}

// rulesFile is what a rule file says, in the JSON that is YAML too.
type rulesFile struct {
	Actions  map[string]map[string]int `json:"actions"`
	Rules    []ruleLine                `json:"rules"`
	Fallback any                       `json:"fallback"`
}

type ruleLine struct {
	Pattern string   `json:"pattern"`
	Actions []string `json:"actions"`
}

func (f rulesFile) parsed() Rules {
	r := Rules{Actions: make(map[string]Action)}
	for name, spec := range f.Actions {
		a := Action{Name: name, Order: 100}
		if order, ok := spec["order"]; ok {
			a.Order = order
		}
		r.Actions[name] = a
	}
	for _, rule := range f.Rules {
		r.Rules = append(r.Rules, Rule{Pattern: rule.Pattern, Actions: rule.Actions})
	}
	switch fallback := f.Fallback.(type) {
	case string:
		r.Fallback.All = fallback == "all"
	case []string:
		r.Fallback.Actions = fallback
	case []any:
		r.Fallback.Actions = []string{}
		for _, name := range fallback {
			r.Fallback.Actions = append(r.Fallback.Actions, name.(string))
		}
	}
	return r
}

// The inputs of smart-restart's README and examples, its rule files written as
// JSON, completed where the README does not declare an action that it shows.
// Each archive has restart-rules.yaml, the tree, "graph" with the imports of
// the tree, and runs: "stdin N" with the flags of the run in its first line.
func TestExamplesOfSmartRestart(t *testing.T) {
	program := installed(t, "smart-restart")
	for _, file := range glob1(t, "smart-restart/*.txtar") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			d := drop{Dir: dir, description: string(a.Comment)}
			var graph *textGraph
			runs := 0
			for _, f := range a.Files {
				switch {
				case f.Name == "graph":
					if graph, err = parseGraph(strings.TrimSpace(string(f.Data))); err != nil {
						t.Fatal(err)
					}
				case strings.HasPrefix(f.Name, "stdin "):
					runs++
					flags, stdin, _ := strings.Cut(string(f.Data), "\n")
					d.Args, d.Stdin = strings.Fields(flags), stdin
					d.showExpanded = slices.Contains(d.Args, "--show-expanded")
					d.showUnmatched = slices.Contains(d.Args, "--show-unmatched")
					d.graph = nil
					if slices.Contains(d.Args, "--root") {
						d.graph = graph
					}
					cmd := exec.Command(program, d.Args...)
					cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
					var stdout, stderr bytes.Buffer
					cmd.Stdout, cmd.Stderr = &stdout, &stderr
					err := cmd.Run()
					var exit *exec.ExitError
					if err != nil && !errors.As(err, &exit) {
						t.Fatal(err)
					}
					d.Code, d.Stdout, d.Stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
					d.compare(t)
				default:
					if f.Name == "restart-rules.yaml" {
						var rules rulesFile
						if err := json.Unmarshal(f.Data, &rules); err != nil {
							t.Fatal(err)
						}
						d.rules = rules.parsed()
					}
					name := filepath.Join(dir, f.Name)
					if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, f.Data, 0o644)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if runs == 0 {
				t.Fatal("there is no run")
			}
		})
	}
}

// Random rule files, lists of paths and small trees through both: the program
// runs in one interpreter, its main once for each. The trees are flat and lie
// in a directory without a dot: smart-restart resolves relative imports in
// __init__.py wrongly, and finds no files below .x, build, dist, env or venv.
func TestLikeSmartRestart(t *testing.T) {
	python := installed(t, "python")
	rng := rand.New(rand.NewPCG(4, 2))
	dir := t.TempDir()
	n := soak.Times(1500, 15_000)
	drops := make([]drop, n)
	for i := range drops {
		d := randomDrop(rng)
		d.Dir = filepath.Join(dir, fmt.Sprint(i))
		if err := d.write(); err != nil {
			t.Fatal(err)
		}
		drops[i] = d
	}
	input, err := json.Marshal(drops)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join(testdata, "smart-restart", "run.py"))
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run smart-restart: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(output, &drops); err != nil {
		t.Fatal(err)
	}
	var fired, refused, expanded, fellBack int
	for _, d := range drops {
		if d.compare(t); t.Failed() {
			t.FailNow()
		}
		count := func(n *int, ok bool) {
			if ok {
				*n++
			}
		}
		count(&fired, d.Stdout != "")
		count(&refused, d.Code != 0)
		count(&expanded, strings.Contains(d.Stderr, "expansion"))
		count(&fellBack, strings.Contains(d.Stderr, "fallback policy"))
	}
	if min(fired, refused, expanded, fellBack) < n/50 {
		t.Errorf("of %d runs %d fired, %d were refused, %d expanded, %d fell back: too few to say much", n, fired, refused, expanded, fellBack)
	}
}

func randomDrop(rng *rand.Rand) drop {
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	several := func(most int, one func() string) []string {
		list := []string{}
		for range rng.IntN(most + 1) {
			list = append(list, one())
		}
		return list
	}
	names := []string{"api", "worker", "pip_install", "Z", "é", "a'b", `q"`, "tab\tx", "\u2028", "😀"}
	segments := []string{"src", "a", "b", "m1", "m2", "é", "x y", "[a]", "{b,c}", "!d", ".env", "e+", "(f)", "$", "\\w", "^"}
	wild := []string{"**/", "**", "*", "?", "/", "a", ".py", ".md", "src", "é", "[a]", "{b,c}", "m", "***", "."}

	f := rulesFile{Actions: make(map[string]map[string]int), Rules: []ruleLine{}}
	for _, name := range several(6, func() string { return pick(names) }) {
		f.Actions[name] = map[string]int{}
		if rng.IntN(3) > 0 {
			f.Actions[name]["order"] = rng.IntN(4)*50 - 50
		}
	}
	action := func() string {
		if declared := len(f.Actions); declared == 0 || rng.IntN(12) == 0 {
			return pick(names) // perhaps not declared
		}
		var all []string
		for name := range f.Actions {
			all = append(all, name)
		}
		slices.Sort(all)
		return pick(all)
	}
	for range rng.IntN(7) {
		pattern := strings.Join(several(5, func() string { return pick(wild) }), "")
		f.Rules = append(f.Rules, ruleLine{pattern, several(3, action)})
	}
	f.Fallback = pick([]string{"none", "all"})
	if rng.IntN(3) == 0 {
		f.Fallback = several(2, action)
	}

	d := drop{rules: f.parsed()}
	rules, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	d.description = string(rules)
	modules := []string{"src/m1.py", "src/m2.py", "src/m3.py", "src/m4.py", "src/é.py"}
	if rng.IntN(2) == 0 {
		var edges []string
		for range rng.IntN(7) {
			if from, to := pick(modules), pick(modules); from != to {
				edges = append(edges, from+"->"+to)
			}
		}
		slices.Sort(edges)
		if d.graph, err = parseGraph(strings.Join(slices.Compact(edges), ";")); err != nil {
			panic(err)
		}
		d.Args = append(d.Args, "--root", "src")
	}
	if d.showUnmatched = rng.IntN(4) > 0; d.showUnmatched {
		d.Args = append(d.Args, "--show-unmatched")
	}
	if d.showExpanded = rng.IntN(4) > 0; d.showExpanded {
		d.Args = append(d.Args, "--show-expanded")
	}
	line := func() string {
		switch rng.IntN(8) {
		case 0, 1, 2:
			return pick(modules)
		case 3:
			return pick([]string{"README.md", "src/notes.md", "", " ", "./src/m1.py", "/src/m1.py", "\u00a0", "\ufeffa"})
		}
		words := append(several(3, func() string { return pick(segments) }), pick([]string{"x.py", "y.md", "z", "[a].py", "a b.md"}))
		return strings.Join(words, "/")
	}
	for range rng.IntN(9) {
		d.Stdin += pick([]string{"", "", " ", "\t", "\x1f"}) + line() + pick([]string{"\n", "\n", "\n", "\r\n", "\r", "\v", "\x1c", "\u0085", "\u2029", "  \n", "\x1f\n"})
	}
	return d
}

// write puts the rules and the tree of imports into the directory.
func (d drop) write() error {
	files := map[string]string{"restart-rules.yaml": d.description}
	if d.graph != nil {
		files["src/m1.py"] = ""
		for from, links := range d.graph.imports {
			files[from] = ""
			for _, l := range links {
				files[l.To] += ""
				files[from] += "import " + strings.TrimSuffix(path.Base(l.To), ".py") + "\n"
			}
		}
	}
	for name, text := range files {
		name = filepath.Join(d.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}
