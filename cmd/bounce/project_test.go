package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInProject(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"p/sub", "outside"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": "p", "p/inner": "../outside"} {
		if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, cwd, project, path, want string }{
		{"in the project", "p", "p", "a.py", "a.py"},
		{"in a subdirectory", "p/sub", "p", "a.py", "sub/a.py"},
		{"above", "p/sub", "p", "../a.py", "a.py"},
		{"unclean", "p", "p", "./sub/..//a.py", "a.py"},
		{"from outside", "outside", "p", "../p/a.py", "a.py"},
		{"outside the project", "p", "p", "../outside/a.py", "../outside/a.py"},
		{"absolute", "outside", "p", top + "/p/sub/a.py", "sub/a.py"},
		{"the project through a link", "p", "link", "a.py", "a.py"},
		{"the file through a link", "p", "p", "../link/sub/a.py", "sub/a.py"},
		{"a name that begins with dots", "p", "p", "..a.py", "..a.py"},
		{"a link within the project keeps its name", "p", "p", "inner/a.py", "inner/a.py"},
		{"the project itself", "p", "p", ".", "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(filepath.Join(top, c.cwd))
			got, err := inProject(filepath.Join(top, c.project), c.path)
			if err != nil || got != c.want {
				t.Errorf("inProject(%q) = %q, %v; want %q", c.path, got, err, c.want)
			}
		})
	}
}

func TestAsked(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there.py", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		empty bool
		want  string // "" for no error
	}{
		{"there.py", true, ""},
		{"there.py", false, ""},
		{"gone.py", false, ""},
		{"gone.py", true, `cannot explain "gone.py": there is no such file`},
		{".", true, `cannot explain ".": it is a directory`},
		{"there.py/x", true, `cannot explain "there.py/x": not a directory`},
	} {
		err := asked(c.path, c.empty)
		if got := err != nil && strings.HasPrefix(err.Error(), c.want); got != (c.want != "") || err != nil && c.want == "" {
			t.Errorf("asked(%q, %v) = %v, want %q", c.path, c.empty, err, c.want)
		}
	}
}
