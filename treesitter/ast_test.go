package treesitter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bounce/internal/soak"
)

// newestPython returns the newest Python 3 on PATH that starts.
var newestPython = sync.OnceValue(func() string {
	for minor := 20; minor >= 9; minor-- {
		name := fmt.Sprintf("python3.%d", minor)
		if exec.Command(name, "-c", "").Run() == nil {
			return name
		}
	}
	return "python3"
})

// oracle runs a program of testdata/treesitter/python on some lines of input
// and returns its output lines.
func oracle(t testing.TB, program string, args []string, input []string) [][]byte {
	t.Helper()
	return runOracle(t, newestPython(), program, args, input)
}

// runOracle is oracle with a certain Python.
func runOracle(t testing.TB, python, program string, args []string, input []string) [][]byte {
	t.Helper()
	cmd := exec.Command(python, append([]string{"../testdata/treesitter/python/" + program}, args...)...)
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run %s: %v", program, err)
	}
	var lines [][]byte
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		lines = append(lines, bytes.Clone(sc.Bytes()))
	}
	return lines
}

// statementsOf returns what Extract says about the import statements of src,
// in the form of statements.py.
func statementsOf(f *Facts) []string {
	var all []string
	for _, r := range f.Refs {
		if r.Kind > Star {
			continue
		}
		names := [][2]string{}
		for _, n := range r.Names {
			names = append(names, [2]string{n.Name, n.As})
		}
		b, err := json.Marshal([]any{r.Line, r.Kind.String(), r.Level, r.Module, names,
			r.Scope&InFunction != 0, r.Scope&InTyping != 0})
		if err != nil {
			panic(err)
		}
		all = append(all, string(b))
	}
	return all
}

// compareWithAST holds Extract against ast for some files and returns how many
// statements were compared.
func compareWithAST(t *testing.T, files []string, accepted map[string]string) int {
	t.Helper()
	answers := oracle(t, "statements.py", nil, files)
	if len(answers) != len(files) {
		t.Fatalf("%d answers for %d files", len(answers), len(files))
	}
	n := 0
	for i, name := range files {
		if string(answers[i]) == "null" {
			continue // ast cannot parse it
		}
		var want []json.RawMessage
		if err := json.Unmarshal(answers[i], &want); err != nil {
			t.Fatal(err)
		}
		wanted := []string{}
		for _, w := range want {
			var compact bytes.Buffer
			if err := json.Compact(&compact, w); err != nil {
				t.Fatal(err)
			}
			wanted = append(wanted, compact.String())
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := Extract(src)
		got := statementsOf(f)
		n += len(wanted)
		if cause := accepted[filepath.Base(name)]; cause != "" {
			t.Logf("%s: %s", name, cause)
			continue
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(without(got, wanted), "\n"), strings.Join(without(wanted, got), "\n"))
		} else if f.Err != nil || f.Partial {
			t.Errorf("%s: %v, partial %v, though ast can parse it", name, f.Err, f.Partial)
		}
	}
	return n
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// standardLibrary returns the files of Python's standard library.
func standardLibrary(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command(newestPython(), "-c", "import os; print(os.path.dirname(os.__file__))").Output()
	if err != nil {
		t.Fatalf("cannot find the standard library: %v", err)
	}
	return sources(t, strings.TrimSpace(string(out)))
}

// sources returns the Python files below a directory, but for those of
// installed packages.
func sources(t testing.TB, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "site-packages" || d.Name() == "dist-packages") {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".py") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// someOf returns every n-th file, from a random one on: all of them under soak.
func someOf(files []string, n int) []string {
	n = soak.Times(n, 1)
	var some []string
	for i := rand.IntN(n); i < len(files); i += n {
		some = append(some, files[i])
	}
	return some
}

// TestStandardLibrary compares the import statements of the standard library,
// with their lines and scopes, with what ast says of them.
func TestStandardLibrary(t *testing.T) {
	files := someOf(standardLibrary(t), 4)
	n := compareWithAST(t, files, map[string]string{
		"badsyntax_future8.py": "from __future__ import *: the grammar refuses it, as the compiler does after parsing",
	})
	t.Logf("%s: %d files, %d statements", newestPython(), len(files), n)
	if n < 1000 {
		t.Error("too few statements to mean anything")
	}
}

// packagesRead are the packages of build/venv that TestPackages reads.
var packagesRead = []string{
	"aiohttp", "celery", "django", "docutils", "networkx", "pip", "prompt_toolkit", "pydantic", "pygments", "rich", "setuptools",
	"sqlalchemy", "sympy", "twisted",
}

// TestPackages is TestStandardLibrary for packages from PyPI.
func TestPackages(t *testing.T) {
	_, packages := venv(t)
	var all []string
	for _, name := range packagesRead {
		all = append(all, sources(t, filepath.Join(packages, name))...)
	}
	files := someOf(all, 8)
	n := compareWithAST(t, files, nil)
	t.Logf("%d files of %d, %d statements", len(files), len(all), n)
	if n < 1000 {
		t.Error("too few statements to mean anything")
	}
}
