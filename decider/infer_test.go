package decider

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/decider")

const testdata = "../testdata/decider"

// archive is the tree of a case.
type archive map[string][]byte

func (a archive) Exists(name string) bool { _, ok := a[path.Clean(name)]; return ok }

func (a archive) Read(name string) ([]byte, error) {
	src, ok := a[path.Clean(name)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return src, nil
}

// Each archive is a tree; its comment has commands after "$", split as a shell
// would, with what is to be inferred from each below it. Words KEY=value before
// the command are the service's environment.
func TestInfer(t *testing.T) {
	for _, file := range glob1(t, "infer/*.txtar") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := make(archive)
			for _, f := range a.Files {
				tree[f.Name] = f.Data
			}
			var got strings.Builder
			for block := range strings.SplitSeq(strings.TrimSpace(string(a.Comment)), "\n\n") {
				for line := range strings.Lines(block) {
					if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "#") {
						fmt.Fprintln(&got, line)
					} else if command, ok := strings.CutPrefix(line, "$ "); ok {
						fmt.Fprintf(&got, "%s\n%s", line, inferred(t, command, tree))
					}
				}
				got.WriteByte('\n')
			}
			golden(t, file, string(a.Comment), got.String(), func() []byte {
				a.Comment = []byte(got.String())
				return txtar.Format(a)
			})
		})
	}
}

func inferred(t *testing.T, line string, tree Tree) string {
	commands, err := splitShell(line, nil)
	if err != nil || len(commands) != 1 {
		t.Fatalf("cannot read command %q: %v", line, err)
	}
	words := commands[0]
	var env []string
	for len(words) > 0 && assignment.MatchString(words[0]) {
		env, words = append(env, words[0]), words[1:]
	}
	i := Infer(words, tree, env...)
	var b strings.Builder
	for _, e := range i.Entries {
		if e.Module != "" {
			fmt.Fprintf(&b, "module %s", e.Module)
		} else {
			fmt.Fprintf(&b, "file %s", e.File)
		}
		if len(e.Roots) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(e.Roots, " "))
		}
		b.WriteByte('\n')
	}
	if i.Interpreter != "" {
		fmt.Fprintf(&b, "interpreter %s\n", i.Interpreter)
	}
	if i.Reloads != "" {
		fmt.Fprintf(&b, "reloads by %s\n", i.Reloads)
	}
	for _, missing := range i.Missing {
		fmt.Fprintf(&b, "missing %s\n", missing)
	}
	if i.Unknown != "" {
		fmt.Fprintf(&b, "unknown %s\n", strings.TrimSuffix(i.Unknown, "; say what it starts from: "+entryLine))
	}
	if (i.Unknown == "") != (len(i.Entries) > 0) {
		t.Errorf("%s: entries or a reason why not, but not both: %+v", line, i)
	}
	return b.String()
}

func glob1(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(testdata, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", pattern, err)
	}
	return files
}

// golden compares the expected part of a case with what came of it.
func golden(t *testing.T, file, want, got string, format func() []byte) {
	t.Helper()
	if want == got {
		return
	}
	if *update {
		if err := os.WriteFile(file, format(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs:\n%s", file, difference(want, got))
}

// difference shows the lines around the first that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for n < len(w) && n < len(g) && w[n] == g[n] {
		n++
	}
	part := func(lines []string) string {
		return strings.Join(lines[min(max(0, n-3), len(lines)):min(n+5, len(lines))], "\n\t")
	}
	return fmt.Sprintf("want\n\t%s\ngot\n\t%s", part(w), part(g))
}

func TestInferIn(t *testing.T) {
	i := Infer([]string{".venv/bin/python", "tools/run.py"}, archive{}, "PYTHONPATH=/opt/lib:lib").In("services/api")
	if e := i.Entries[0]; e.File != "services/api/tools/run.py" ||
		strings.Join(e.Roots, " ") != "services/api/tools /opt/lib services/api/lib" ||
		i.Interpreter != "services/api/.venv/bin/python" {
		t.Errorf("got %+v", i)
	}
	if i := Infer([]string{"python3", "-m", "x"}, archive{}).In("api"); i.Interpreter != "python3" {
		t.Errorf("a name that PATH resolves became %q", i.Interpreter)
	}
}

// Lists that are in lists, each of them twice, are read once.
func TestListsOfLists(t *testing.T) {
	src := "A0 = ['x']\n"
	for i := range 60 {
		src += fmt.Sprintf("A%d = [*A%d, *A%d]\n", i+1, i, i)
	}
	if all, whole := listed(src, "A60"); !whole || strings.Join(all, " ") != "x" {
		t.Errorf("got %q, %t", all, whole)
	}
}

func FuzzInfer(f *testing.F) {
	for _, seed := range []string{
		"uvicorn a.b:app --port 1", "sh -c \"cd x && exec env A=1 python -um m $X\"", "python -X dev -W",
		"gunicorn -c python:x", "uv run -m", "hatch run a:b", "env -S x", "a=1", "bash -lc 'a \"b",
		"dramatiq -P", "pytest ../../x.py", "celery -A", "tini -p", "flask --app /x/__init__.py",
	} {
		f.Add(seed, "[project.scripts]\na = \"b:c\"\n", "INSTALLED_APPS = ['a', (")
	}
	f.Add("\x8d", "", "class \x8d(AppConfig):\n name = 'x'\nINSTALLED_APPS = A + ['a.b.C']\nA = [*A]")
	f.Fuzz(func(t *testing.T, line, project, settings string) {
		commands, err := splitShell(line, map[string]string{"A": "b"})
		if err != nil {
			return
		}
		tree := archive{"pyproject.toml": []byte(project), "setup.cfg": []byte(project),
			"s.py": []byte(settings), "manage.py": []byte(settings), "a/b.py": []byte(settings)}
		for _, words := range commands {
			i := Infer(words, tree, "DJANGO_SETTINGS_MODULE=s")
			if (i.Unknown == "") != (len(i.Entries) > 0) {
				t.Errorf("%q gives %+v", words, i)
			}
		}
	})
}
