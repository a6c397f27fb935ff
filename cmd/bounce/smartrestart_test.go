package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"bounce/internal/soak"
)

// These tests hold bounce decide against smart-restart 0.1.0 itself, which
// `make venv` installs: the same rule files, lists of paths and trees through
// both.
//
//   - With --compat, anything at all: stdout, stderr and exit code are equal.
//   - Without, whatever both take for well written, and trees in which its
//     import graph is right: the same.
//   - Without, any tree: our actions are at least its. Where they are more, or
//     less, is named, one file a class, in testdata/smart-restart.

// trial is one run of both programs.
type trial struct {
	Dir   string // the working directory, with restart-rules.yaml
	Args  []string
	Stdin string
	// What smart-restart said. Traceback is its exception where it ended with
	// one: then there are no words to compare.
	Code      int
	Stdout    string
	Stderr    string
	Traceback string

	files map[string]string // below Dir
}

// write puts the files of a trial into dir.
func (c *trial) write(dir string) error {
	c.Dir = dir
	for name, text := range c.files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// theirs runs smart-restart for each trial, in one interpreter.
func theirs(t *testing.T, trials []*trial) {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("..", "..", "build", "venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("smart-restart is not installed: run `make venv` (%v)", err)
	}
	input, err := json.Marshal(trials)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("..", "..", "testdata", "smart-restart", "run.py"))
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run smart-restart: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(output, &trials); err != nil {
		t.Fatal(err)
	}
}

// ours runs bounce decide for a trial.
func (c *trial) ours(t *testing.T, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(c.Dir)
	var out, errs bytes.Buffer
	code = run(t.Context(), slices.Concat([]string{"decide"}, flags, c.Args), streams{strings.NewReader(c.Stdin), &out, &errs})
	return code, out.String(), errs.String()
}

// equal compares what both said. Behind a traceback, or a complaint of the
// command line, the words are each program's own.
func (c *trial) equal(t *testing.T, flags ...string) {
	t.Helper()
	code, stdout, stderr := c.ours(t, flags...)
	same := stderr == c.Stderr
	switch {
	case c.Traceback != "":
		same = strings.HasPrefix(stderr, c.Stderr+"ERROR: ")
	case c.Code == exitUsage:
		same = stderr != ""
	}
	if code != c.Code || stdout != c.Stdout || !same {
		t.Errorf("%s\n%q %q\ngot  %d %q %q\nwant %d %q %q %s", c.show(), c.Args, c.Stdin,
			code, stdout, stderr, c.Code, c.Stdout, c.Stderr, c.Traceback)
	}
}

// show writes the files of a trial as an archive.
func (c *trial) show() string {
	var a txtar.Archive
	for name, text := range c.files {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	slices.SortFunc(a.Files, func(x, y txtar.File) int { return strings.Compare(x.Name, y.Name) })
	return string(txtar.Format(&a))
}

// tally counts what trials came to, so that a test that has grown too tame to
// say anything fails.
type tally map[string]int

func (y tally) count(what string, ok bool) {
	if ok {
		y[what]++
	} else {
		y[what] += 0
	}
}

// answered counts what smart-restart made of its input.
func (y tally) answered(c *trial) {
	y.count("fired", c.Stdout != "")
	y.count("expanded", strings.Contains(c.Stderr, "expansion"))
	y.count("fell back", strings.Contains(c.Stderr, "fallback policy"))
}

func (y tally) check(t *testing.T, n int) {
	t.Helper()
	for what, count := range y {
		if count < n/200+1 {
			t.Errorf("of %d runs %d %s: too few to say much", n, count, what)
		}
	}
}

// trials makes n trials and has smart-restart run them.
func trials(t *testing.T, n int, one func(c *chance) *trial) []*trial {
	t.Helper()
	dir := t.TempDir()
	all := make([]*trial, n)
	for i := range all {
		c := &chance{rand.New(rand.NewPCG(4, uint64(i)))}
		all[i] = one(c)
		// Directories above count for smart-restart: these have plain names. The
		// one above, which is a root at times, has this trial alone.
		if err := all[i].write(filepath.Join(dir, fmt.Sprint("t", i), "w")); err != nil {
			t.Fatal(err)
		}
		for j, arg := range all[i].Args {
			all[i].Args[j] = strings.ReplaceAll(arg, "$DIR", all[i].Dir)
		}
	}
	theirs(t, all)
	return all
}

func TestCompatIsSmartRestart(t *testing.T) {
	n := soak.Times(500, 6_000)
	y := tally{}
	for _, c := range trials(t, n, func(c *chance) *trial {
		files := c.tree(anything)
		files["restart-rules.yaml"] = c.oddRules()
		return &trial{files: files, Args: c.args(true), Stdin: c.paths(files)}
	}) {
		if c.equal(t, "--compat"); t.Failed() {
			t.FailNow()
		}
		y.answered(c)
		y.count("were refused", strings.Contains(c.Stderr, "ERROR: "))
		y.count("ended with a traceback", c.Traceback != "")
	}
	y.check(t, n)
}

func TestDropIn(t *testing.T) {
	n := soak.Times(400, 5_000)
	y := tally{}
	for _, c := range trials(t, n, func(c *chance) *trial {
		files := c.tree(flat)
		files["restart-rules.yaml"] = c.rules()
		return &trial{files: files, Args: c.args(false), Stdin: c.paths(files)}
	}) {
		if c.equal(t); t.Failed() {
			t.FailNow()
		}
		y.answered(c)
	}
	y.check(t, n)
}

func TestNoLessThanSmartRestart(t *testing.T) {
	n := soak.Times(400, 5_000)
	y := tally{}
	for _, c := range trials(t, n, func(c *chance) *trial {
		files := c.tree(importable)
		files["restart-rules.yaml"] = c.rules()
		return &trial{files: files, Args: append(c.args(false), "--show-expanded"), Stdin: c.paths(files)}
	}) {
		code, stdout, stderr := c.ours(t)
		missing := func(ours, theirs string) []string {
			have := strings.Split(ours, "\n")
			return slices.DeleteFunc(strings.Split(theirs, "\n"), func(line string) bool {
				return slices.Contains(have, line) || strings.HasPrefix(line, "INFO: ")
			})
		}
		if lost := append(missing(stdout, c.Stdout), missing(stderr, c.Stderr)...); code != c.Code || len(lost) > 0 {
			t.Fatalf("%s\n%q %q\ngot  %d %q %q\nwant %d %q %q\nlost %q", c.show(), c.Args, c.Stdin, code, stdout, stderr, c.Code, c.Stdout, c.Stderr, lost)
		}
		y.count("fired more", stdout != c.Stdout)
		y.count("expanded to more", stderr != c.Stderr)
		y.count("fired the same", stdout == c.Stdout && stdout != "")
	}
	y.check(t, n)
}

// TestRealPackages asks both about files of installed packages: the same with
// --compat, no less without.
func TestRealPackages(t *testing.T) {
	packages := []string{"celery", "requests"}
	if soak.Times(0, 1) > 0 {
		packages = append(packages, "django", "twisted", "sqlalchemy", "pydantic", "setuptools")
	}
	installed, err := filepath.Glob(filepath.Join("..", "..", "build", "venv", "lib", "python3*", "site-packages"))
	if err != nil || len(installed) != 1 {
		t.Fatalf("the packages are not installed: run `make venv` (%v)", err)
	}
	dir := t.TempDir() // of which no part is named venv
	for _, name := range packages {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(installed[0], name))); err != nil {
			t.Fatal(err)
		}
	}
	rules := "typing: follow\nactions: {a: }\nrules: [{pattern: '**/*.py', actions: [a]}]\n"
	if err := os.WriteFile(filepath.Join(dir, "restart-rules.yaml"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	var files []string
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".py") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	var all []*trial
	for range soak.Times(3, 8) {
		all = append(all, &trial{Dir: dir, Args: []string{"--root", ".", "--show-expanded"}, Stdin: files[r.IntN(len(files))] + "\n"})
	}
	theirs(t, all)
	for _, c := range all {
		c.equal(t, "--compat")
		_, _, stderr := c.ours(t)
		for line := range strings.Lines(c.Stderr) {
			if !strings.HasPrefix(line, "INFO: ") && !strings.Contains(stderr, line) {
				t.Errorf("%s: lost %s", c.Stdin, line)
			}
		}
	}
}

// TestDifferences runs the classes of differences, a file each. Beside the tree
// it has "run", the flags and then the changed paths, a line each, and what is
// printed by each program as "theirs" and "ours". "under" has the directories
// that the tree lies in, one after the other, where that matters.
func TestDifferences(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "smart-restart", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no classes: %v", err)
	}
	var all []*trial
	var names []string
	var wants [][2]string // theirs, ours
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		part := map[string]string{"under": "tree"}
		tree := map[string]string{}
		for _, f := range a.Files {
			switch f.Name {
			case "run", "theirs", "ours", "under":
				part[f.Name] = string(f.Data)
			default:
				tree[f.Name] = unescaped(string(f.Data))
			}
		}
		flags, paths, _ := strings.Cut(part["run"], "\n")
		for under := range strings.FieldsSeq(part["under"]) {
			c := &trial{Args: strings.Fields(flags), Stdin: paths, files: tree}
			if err := c.write(filepath.Join(t.TempDir(), under)); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+under)
			wants = append(wants, [2]string{part["theirs"], part["ours"]})
		}
	}
	theirs(t, all)
	for i, c := range all {
		t.Run(names[i], func(t *testing.T) {
			c.equal(t, "--compat")
			if c.Stdout != wants[i][0] {
				t.Errorf("smart-restart prints %q, not %q", c.Stdout, wants[i][0])
			}
			code, stdout, stderr := c.ours(t)
			if code != exitOK || stdout != wants[i][1] {
				t.Errorf("exit code %d, %q, not %q\n%s", code, stdout, wants[i][1], stderr)
			}
			if c.Stdout == stdout {
				t.Error("this is no difference")
			}
		})
	}
}

// unescaped returns text with \xHH as that byte: archives are UTF-8.
func unescaped(text string) string {
	var b strings.Builder
	for text != "" {
		before, after, ok := strings.Cut(text, `\x`)
		b.WriteString(before)
		if text = after; ok {
			var c byte
			if _, err := fmt.Sscanf(after[:min(2, len(after))], "%02x", &c); err != nil {
				b.WriteString(`\x`)
				continue
			}
			b.WriteByte(c)
			text = after[2:]
		}
	}
	return b.String()
}
