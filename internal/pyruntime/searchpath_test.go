package pyruntime

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestSearchPath runs the cases of testdata/pyruntime/searchpath past every
// interpreter at hand, each in a virtual environment. Files below "site/" are
// put into its site-packages; $DIR is where the others are. Lines:
//
//	since: 3.N             the oldest Python that can run the files
//	link: PATH TARGET      a symbolic link to lay
//	run: FLAGS | ENVIRONMENT | PLACE...
//
// A place is a directory, or MODULE=PATH, relative to $DIR and with "+" in
// front if an editable install put it there, and "^" if it is ahead. "!TEXT" is in what is not known;
// without any nothing is unknown.
func TestSearchPath(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "searchpath", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			minor, err := strconv.Atoi(strings.Split(version, ".")[1])
			if err != nil {
				t.Fatal(err)
			}
			venv := newEnvironment(t, python)
			for _, file := range files {
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
					c := readSearchCase(t, file)
					if minor < c.since {
						return // it could not run what is installed
					}
					c.layOut(t, venv)
					for _, run := range c.runs {
						c.check(t, run)
					}
				})
			}
		})
	}
}

// environment is a virtual environment for a test.
type environment struct{ dir, python, site string }

func newEnvironment(t *testing.T, python string) environment {
	t.Helper()
	dir := filepath.Join(realTemp(t), "venv")
	if out, err := exec.Command(python, "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	site, err := filepath.Glob(filepath.Join(dir, "lib", "py*3.*", "site-packages"))
	if err != nil || len(site) != 1 {
		t.Fatal(site, err)
	}
	return environment{dir, filepath.Join(dir, "bin", "python"), site[0]}
}

// realTemp returns a temporary directory by its real path.
func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

type searchCase struct {
	archive *txtar.Archive
	since   int
	links   [][]string
	runs    [][]string // flags, environment, places
	dir     string
	venv    environment
}

func readSearchCase(t *testing.T, file string) *searchCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &searchCase{archive: archive}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "since":
			if _, err := fmt.Sscanf(value, " 3.%d", &c.since); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		case "link":
			c.links = append(c.links, strings.Fields(value))
		case "run":
			parts := strings.Split(value, "|")
			if len(parts) != 3 {
				t.Fatalf("%q: want three parts", line)
			}
			c.runs = append(c.runs, parts)
		}
	}
	if len(c.runs) == 0 {
		t.Fatal("no line begins with run:")
	}
	return c
}

// layOut writes the files and links of a case, alone in the site-packages.
func (c *searchCase) layOut(t *testing.T, venv environment) {
	t.Helper()
	c.dir, c.venv = realTemp(t), venv
	if err := os.RemoveAll(venv.site); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(venv.site, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.archive.Files {
		write(t, c.name(f.Name), c.here(string(f.Data)))
	}
	for _, link := range c.links {
		name := c.name(link[0])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(c.here(link[1]), name); err != nil {
			t.Fatal(err)
		}
	}
}

// name returns where a file of the case goes.
func (c *searchCase) name(name string) string {
	if inside, ok := strings.CutPrefix(name, "site/"); ok {
		return filepath.Join(c.venv.site, inside)
	}
	return filepath.Join(c.dir, name)
}

func (c *searchCase) here(text string) string {
	return strings.NewReplacer("$DIR/site", c.venv.site, "$DIR", c.dir).Replace(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *searchCase) check(t *testing.T, run []string) {
	t.Helper()
	argv := append([]string{c.venv.python}, strings.Fields(run[0])...)
	env := append(strings.Fields(c.here(run[1])), "PATH="+os.Getenv("PATH"), "HOME="+c.dir)
	python, err := Interpreter(append(argv, "script.py"), env, c.dir)
	if err != nil {
		t.Fatal(err)
	}
	path, err := python.SearchPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, p := range path.Ahead {
		got = append(got, "^"+c.format(p))
	}
	for _, p := range path.Places {
		got = append(got, c.format(p))
	}
	unknown := strings.Join(path.Unknown, "\n")
	for _, word := range strings.Fields(run[2]) {
		if text, ok := strings.CutPrefix(word, "!"); !ok {
			want = append(want, word)
		} else if !strings.Contains(unknown, text) {
			t.Errorf("%s: what is unknown lacks %q:\n%s", run, text, unknown)
		}
	}
	if unknown != "" && !strings.Contains(run[2], "!") {
		t.Errorf("%s: unknown:\n%s", run, unknown)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", run, strings.Join(got, " "), strings.Join(want, " "))
	}
	for _, name := range []string{"ran-at-exit", "__pycache__"} {
		if _, err := os.Stat(filepath.Join(c.dir, name)); err == nil {
			t.Errorf("%s: there is a %s", run, name)
		}
	}
}

func (c *searchCase) format(p Place) string {
	text, err := filepath.Rel(c.dir, p.Path)
	if err != nil {
		text = p.Path
	}
	if p.Module != "" {
		text = p.Module + "=" + text
	}
	if p.Installed {
		text = "+" + text
	}
	return text
}

// TestSearchPathIsCurrent changes what an answer was taken from, and what it
// was not.
func TestSearchPathIsCurrent(t *testing.T) {
	venv := newEnvironment(t, anyPython(t))
	lib := realTemp(t)
	python := Python{Path: venv.python, Env: os.Environ(), Dir: lib}
	pth := filepath.Join(venv.site, "lib.pth")
	old := time.Now().Add(-time.Hour)
	write(t, pth, "# nothing\n")
	// settle makes the files look as if they had long been there.
	settle := func() {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(venv.site, "*.pth"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, venv.site) {
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func() *SearchPath {
		t.Helper()
		path, err := python.SearchPath(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	if ask().Current() {
		t.Error("an answer is current that was taken while packages were being installed")
	}
	steps := []struct {
		name    string
		do      func()
		current bool
	}{
		{"nothing", func() {}, true},
		{"a module appears elsewhere", func() { write(t, filepath.Join(lib, "x.py"), "") }, true},
		{"a .pth file changes", func() { write(t, pth, lib+"\n") }, false},
		{"a .pth file appears", func() { write(t, filepath.Join(venv.site, "more.pth"), lib+"\n") }, false},
		{"a package is installed", func() { write(t, filepath.Join(venv.site, "p-1.dist-info", "RECORD"), "") }, false},
		{"a .pth file goes", func() { os.Remove(pth) }, false},
		{"the environment goes", func() { os.RemoveAll(venv.site) }, false},
	}
	for _, step := range steps {
		settle()
		path := ask()
		if !path.Current() {
			t.Errorf("%s: not current before", step.name)
		}
		if step.do(); path.Current() != step.current {
			t.Errorf("%s: current is %v", step.name, !step.current)
		}
	}
}

// TestSearchPathErrors has interpreters that give no answer.
func TestSearchPathErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, script, want string }{
		{"none", "", "cannot start the interpreter $PYTHON: fork/exec $PYTHON: no such file or directory"},
		{"refuses", "echo 'unknown option -B' >&2; exit 2", "$PYTHON does not say where it looks for modules: exit status 2: unknown option -B"},
		{"is silent", "exit 0", "$PYTHON does not say where it looks for modules: it said nothing"},
		{"breaks off", `printf '\0bounce looks for modules\0added\0'`, "$PYTHON does not say where it looks for modules: it said nothing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			python := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			if test.script != "" {
				write(t, python, "#!/bin/sh\n"+test.script+"\n")
				if err := os.Chmod(python, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Python{Path: python, Dir: dir}.SearchPath(t.Context())
			if want := strings.ReplaceAll(test.want, "$PYTHON", python); err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func FuzzSearchPathAnswer(f *testing.F) {
	f.Add([]byte("noise" + answerMark + "added\x00\x00/a\x00module\x00a.b\x00/c\x00state\x00\x00/s\x00" + answerMark))
	f.Add([]byte(answerMark + answerMark))
	f.Add([]byte(answerMark + "given\x00" + answerMark + "\x00"))
	f.Fuzz(func(t *testing.T, printed []byte) {
		fields, ok := answerIn(printed)
		if !ok {
			return
		}
		path, files := parseSearchPath(fields)
		for _, p := range slices.Concat(path.Ahead, path.Places) {
			if !filepath.IsAbs(p.Path) || p.Module != "" && !dotted.MatchString(p.Module) {
				t.Errorf("place %+v", p)
			}
		}
		if len(path.Ahead)+len(path.Places)+len(path.Unknown)+len(files) > len(fields)/3 {
			t.Errorf("%d fields are %d places, %d files and %d unknown", len(fields), len(path.Places), len(files), len(path.Unknown))
		}
	})
}
