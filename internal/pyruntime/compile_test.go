package pyruntime

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var testdata = filepath.Join("..", "..", "testdata", "pyruntime")

// pythons returns every Python 3 of this machine that answers, PyPy among them:
// those on PATH and those that pyenv has installed. Without any the test fails.
func pythons(t *testing.T) map[string]string {
	t.Helper()
	found := installedPythons()
	if len(found) == 0 {
		t.Fatal("no python3 on PATH")
	}
	return found
}

// installedPythons asks each once: the shims of a version manager take long to
// say that theirs is not there.
var installedPythons = sync.OnceValue(func() map[string]string {
	candidates := []string{"python3", "pypy3"}
	for minor := 6; minor <= 15; minor++ {
		candidates = append(candidates, "python3."+strconv.Itoa(minor))
	}
	root := os.Getenv("PYENV_ROOT")
	if home, err := os.UserHomeDir(); err == nil && root == "" {
		root = filepath.Join(home, ".pyenv")
	}
	// An error is of the pattern; what pyenv does not have is not there.
	installed, _ := filepath.Glob(filepath.Join(root, "versions", "*", "bin", "python3"))
	found := map[string]string{}
	for _, python := range append(candidates, installed...) {
		out, err := exec.Command(python, "-I", "-c", "import platform as p; print(p.python_version(), p.python_implementation())").Output()
		version, implementation, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		switch {
		case err != nil:
		case implementation == "CPython":
			found[version] = python
		default:
			found[version+"-"+implementation] = python
		}
	}
	return found
})

// anyPython returns one Python 3.
func anyPython(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	return python
}

// wanted is a line of want.tsv.
type wanted struct {
	lines []string
	what  []*regexp.Regexp // nil: it may compile
}

func readWanted(t *testing.T, path string) map[string]wanted {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]wanted{}
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("%s:%d: want three fields", path, n+1)
		}
		w := wanted{lines: strings.Split(fields[1], "|")}
		if fields[2] == "-" {
			w.what = []*regexp.Regexp{nil}
		} else {
			w.what = []*regexp.Regexp{regexp.MustCompile("^(" + strings.TrimPrefix(fields[2], "-|") + ")$")}
			if strings.HasPrefix(fields[2], "-|") {
				w.what = append(w.what, nil)
			}
		}
		table[fields[0]] = w
	}
	return table
}

// TestCompileCases runs the files of testdata/pyruntime/compile past every
// interpreter at hand. A case is a file and its line in want.tsv.
func TestCompileCases(t *testing.T) {
	dir := filepath.Join(testdata, "compile")
	table := readWanted(t, filepath.Join(dir, "want.tsv"))
	files, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
		if _, ok := table[files[i]]; !ok {
			t.Errorf("%s has no line in want.tsv", files[i])
		}
	}
	if len(files) != len(table) {
		t.Errorf("%d files, %d lines in want.tsv", len(files), len(table))
	}
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			problems, err := Compile(t.Context(), python, dir, files)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				want := table[file]
				got, refused := problems[file]
				ok := slices.ContainsFunc(want.what, func(what *regexp.Regexp) bool {
					if what == nil {
						return !refused
					}
					return refused && what.MatchString(got.What) && slices.Contains(want.lines, strconv.Itoa(got.Line))
				})
				if !ok {
					t.Errorf("%s: line %d column %d %q, want line %v %v", file, got.Line, got.Column, got.What, want.lines, want.what)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "__pycache__")); err == nil {
		t.Error("the check left bytecode behind")
	}
}

func TestCompileOddPaths(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	absolute := filepath.Join(dir, write("absolute.py", "x ="))
	if err := os.Mkdir(filepath.Join(dir, "directory.py"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop.py", filepath.Join(dir, "loop.py")); err != nil {
		t.Fatal(err)
	}
	files := []string{
		write("new\nline.py", "x ="), write("b\xffytes.py", "x ="), write("é.py", "x ="), write("-c.py", "x ="),
		absolute, "missing.py", "no/such/dir.py", "directory.py", "loop.py", "", "nul\x00.py", "new\nline.py",
	}
	want := []string{"new\nline.py", "b\xffytes.py", "é.py", "-c.py", absolute}
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			problems, err := Compile(t.Context(), python, dir, files)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range want {
				if got := problems[file]; got.Line != 1 || got.What != "SyntaxError: invalid syntax" {
					t.Errorf("%q: %+v, want a SyntaxError in line 1", file, got)
				}
			}
			if len(problems) != len(want) {
				t.Errorf("%d problems, want %d: %v", len(problems), len(want), problems)
			}
		})
	}
}

// TestCompileRunsNothingOfTheProject plants modules that the checker itself
// imports, in the directory and on PYTHONPATH.
func TestCompileRunsNothingOfTheProject(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"json.py", "stat.py", "sitecustomize.py", "usercustomize.py", "site.py", "encodings.py", "klingon.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("open('executed', 'w')\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "coding.py"), []byte("# coding: klingon\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", dir)
	t.Setenv("PYTHONSTARTUP", filepath.Join(dir, "site.py"))
	problems, err := Compile(t.Context(), anyPython(t), dir, []string{"json.py", "coding.py"})
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 1 || problems["coding.py"].What != "SyntaxError: unknown encoding: klingon" {
		t.Errorf("problems %v, want the unknown encoding alone", problems)
	}
	if _, err := os.Stat(filepath.Join(dir, "executed")); err == nil {
		t.Error("a file of the project was executed")
	}
}

// TestCompileKnowsTheEncodingsOfItsEnvironment installs an encoding as
// packages do, by a .pth file of a virtual environment.
func TestCompileKnowsTheEncodingsOfItsEnvironment(t *testing.T) {
	venv := t.TempDir()
	if out, err := exec.Command(anyPython(t), "-m", "venv", "--without-pip", venv).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(venv, "lib", "python3.*", "site-packages"))
	if err != nil || len(packages) != 1 {
		t.Fatal(packages, err)
	}
	for name, text := range map[string]string{
		"klingon.pth": "import klingon\n",
		"klingon.py": "import codecs\nprint('noise')\n" +
			"codecs.register(lambda name: codecs.lookup('utf-8') if name == 'klingon' else None)\n",
		"coded.py": "# coding: klingon\nx = 1\n",
	} {
		if err := os.WriteFile(filepath.Join(packages[0], name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	problems, err := Compile(t.Context(), filepath.Join(venv, "bin", "python"), packages[0], []string{"coded.py"})
	if err != nil || len(problems) != 0 {
		t.Errorf("problems %v, %v; want none", problems, err)
	}
}

func TestCompileNothing(t *testing.T) {
	problems, err := Compile(t.Context(), "/no/such/python", t.TempDir(), nil)
	if err != nil || problems == nil || len(problems) != 0 {
		t.Errorf("no files: %v, %v; want an empty map and no process", problems, err)
	}
}

// TestCompileErrors has interpreters that give no answer. Each is a shell
// script, as a version manager's shim is.
func TestCompileErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, script, want string }{
		{"none", "", "cannot start the interpreter $PYTHON: fork/exec $PYTHON: no such file or directory"},
		{"refuses the options", "echo 'Unknown option: -I' >&2; exit 2", "$PYTHON died compiling a.py: exit status 2: Unknown option: -I"},
		{"is killed on the second file", "echo '{}'; kill -SEGV $$", "$PYTHON died compiling b.py: signal: segmentation fault"},
		{"dies within a line", `echo '{}'; printf '{"line"'; exit 1`, "$PYTHON died compiling b.py: exit status 1"},
		{"ends early", "echo '{}'", "$PYTHON died compiling b.py: it said nothing"},
		{"says something else", "echo Hello", "cannot read what $PYTHON says: invalid character 'H' looking for beginning of value"},
		{"says too much", "echo '{}'; echo '{}'; echo '{}'", "cannot read what $PYTHON says: more than 2 answers"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			python := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			if test.script != "" {
				if err := os.WriteFile(python, []byte("#!/bin/sh\n"+test.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Compile(t.Context(), python, dir, []string{"a.py", "b.py"})
			if want := strings.ReplaceAll(test.want, "$PYTHON", python); err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func FuzzParseAnswers(f *testing.F) {
	f.Add([]byte("{}\n{\"line\": 3, \"column\": 1, \"what\": \"SyntaxError: x\"}\n"))
	f.Add([]byte("{}\n{"))
	f.Add([]byte("[]\nnull\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		files := []string{"a", "b", "c"}
		problems, answered, err := parseAnswers(bytes.NewReader(text), files)
		if err != nil {
			return
		}
		if answered > len(files) || len(problems) > answered {
			t.Errorf("%d problems of %d answers for %d files", len(problems), answered, len(files))
		}
	})
}
