package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var shopDir = filepath.Join("..", "..", "testdata", "python", "shop")

// TestEveryStepFitsTheProject makes the edits one after another: each finds
// the text it replaces and changes the file it names, and the branch rewrites
// exactly the files it says.
func TestEveryStepFitsTheProject(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := newProject(ctx, shopDir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if content := read(t, p, "bounce.yaml"); strings.Contains(content, shopPort) {
		t.Errorf("bounce.yaml still has port %s", shopPort)
	}
	zone := read(t, p, "src/shop/tariffs/zone_300.py")
	for _, s := range steps {
		before := ""
		if s.changed != "" {
			before = read(t, p, s.changed)
		}
		if _, err := s.do(ctx, p); err != nil {
			t.Errorf("%s: %v", s.title, err)
		} else if s.changed != "" && read(t, p, s.changed) == before {
			t.Errorf("%s: %s is as before", s.title, s.changed)
		}
	}
	if after := read(t, p, "src/shop/tariffs/zone_300.py"); after == zone || len(after) != len(zone) {
		t.Errorf("the branch has %q for %q, want other text of the same size", after, zone)
	}
	if content := read(t, p, "src/shop/money.py"); !strings.Contains(content, newRevision) {
		t.Error("git checkout has undone an edit")
	}
}

func TestAnEditThatFindsNothingIsAnError(t *testing.T) {
	p := &project{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.dir, "a.py"), []byte("x = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.edit("a.py", "y", "z"); err == nil {
		t.Error("edit replaced what is not there")
	}
}

func TestCopyLeavesTracesOfRunningBehind(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for _, name := range []string{"a/b.py", "a/__pycache__/b.pyc", "var/orders/1.json", "a/var/kept.py"} {
		path := filepath.Join(from, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a/b.py": true, "a/var/kept.py": true, "a/__pycache__": false, "var": false} {
		_, err := os.Stat(filepath.Join(to, filepath.FromSlash(name)))
		if got := err == nil; got != want {
			t.Errorf("%s copied: %v, want %v", name, got, want)
		}
	}
}

func read(t *testing.T, p *project, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
