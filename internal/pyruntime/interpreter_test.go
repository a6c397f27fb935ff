package pyruntime

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/shlex"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestInterpreter runs the cases of testdata/pyruntime/interpreter. A line
//
//	run: COMMAND | ENVIRONMENT | PATH | FLAGS ENVIRONMENT
//
// says which Python the command runs on, relative to the directory that the
// archive is unpacked to, $DIR; or after "!" how the error ends. The last part
// may be left out: the flags and the environment that the Python gets.
func TestInterpreter(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "interpreter", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			here := strings.NewReplacer("$DIR", dir)
			for _, f := range archive.Files {
				path := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(here.Replace(string(f.Data))), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ran := 0
			for line := range strings.SplitSeq(string(archive.Comment), "\n") {
				line, ok := strings.CutPrefix(line, "run:")
				if !ok {
					continue
				}
				ran++
				parts := strings.Split(here.Replace(line), "|")
				if len(parts) != 3 && len(parts) != 4 {
					t.Fatalf("%q: want three or four parts", line)
				}
				argv, err := shlex.Split(parts[0])
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				python, err := Interpreter(argv, strings.Fields(parts[1]), dir)
				want := strings.TrimSpace(parts[2])
				if message, ok := strings.CutPrefix(want, "! "); ok {
					if !errors.Is(err, ErrNoInterpreter) || !strings.HasSuffix(err.Error(), message) {
						t.Errorf("%s\n got %q, %v\nwant an error that ends in %q", line, python.Path, err, message)
					}
					continue
				}
				if !filepath.IsAbs(want) {
					want = filepath.Join(dir, want)
				}
				if err != nil || python.Path != want {
					t.Errorf("%s\n got %q, %v\nwant %q", line, python.Path, err, want)
				}
				if len(parts) < 4 {
					continue
				}
				if got := slices.Concat(python.Flags, python.Env); !slices.Equal(got, strings.Fields(parts[3])) {
					t.Errorf("%s\n got %q", line, got)
				}
			}
			if ran == 0 {
				t.Error("no line begins with run:")
			}
		})
	}
}

func TestInterpreterOfThisProcess(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "python3"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	got, err := Interpreter([]string{"python3"}, nil, "/")
	if want := filepath.Join(dir, "python3"); err != nil || got.Path != want {
		t.Errorf("%q, %v; want %q, from this process's PATH", got.Path, err, want)
	}
}

func TestIdentityChangesWithTheInterpreter(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) { t.Helper(); must(os.WriteFile(path(name), []byte(text), 0o755)) }
	must(os.MkdirAll(path("venv/bin"), 0o755))
	write("python3.11", "11")
	write("python3.12", "12")

	python := path("venv/bin/python")
	steps := []struct {
		name string
		do   func()
	}{
		{"missing", func() {}},
		{"created", func() { must(os.Symlink(path("python3.11"), python)) }},
		{"configured", func() { write("venv/pyvenv.cfg", "version = 3.11.7\n") }},
		{"reconfigured", func() { write("venv/pyvenv.cfg", "version = 3.11.8\n") }},
		{"upgraded in place", func() { must(os.Chtimes(path("python3.11"), time.Time{}, time.Unix(1e9, 1))) }},
		{"switched", func() { must(os.Remove(python)); must(os.Symlink(path("python3.12"), python)) }},
		{"dangling", func() { must(os.Remove(path("python3.12"))) }},
	}
	before := ""
	for _, step := range steps {
		step.do()
		after := Identity(python)
		if after == before {
			t.Errorf("%s: the identity is still %s", step.name, after)
		}
		if again := Identity(python); again != after {
			t.Errorf("%s: %s and then %s without a change", step.name, after, again)
		}
		before = after
	}
}

func FuzzParseInterpreterLine(f *testing.F) {
	f.Add([]byte("#!/usr/bin/env -S python3 -I\n"))
	f.Add([]byte("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\n"))
	f.Add([]byte("#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n"))
	f.Add([]byte("#!\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		for _, word := range parseInterpreterLine(head, "/bin/script") {
			if word == "" {
				t.Errorf("%q: an empty word", head)
			}
		}
	})
}
