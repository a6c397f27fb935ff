package pyruntime

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is found is asked of every interpreter at hand, with packages beside the
// project and on PYTHONPATH.
func TestFinds(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"site/single.py", "site/whole/__init__.py", "site/space/part.py", "other/space/more/__init__.py",
		"project/here.py",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		// Whatever is imported ends the interpreter without an answer.
		if err := os.WriteFile(name, []byte("import os; os._exit(3)\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{
		"single": true, "whole": true, "whole.anything": true, "space": true, "space.part": true, "space.more": true, "space.more.x": true,
		"sys": true, "json": true, "json.decoder": true,
		"here": false, "nothing": false, "nothing.below": false, "space.nothing": false, "space.part.x": true,
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			p := Python{Path: python, Dir: filepath.Join(dir, "project"), Env: append(os.Environ(),
				"PYTHONPATH="+strings.Join([]string{filepath.Join(dir, "site"), filepath.Join(dir, "other")}, string(os.PathListSeparator)))}
			got, err := p.Finds(t.Context(), names)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("got  %v, %v\nwant %v", got, err, want)
			}
			if got, err := p.Finds(t.Context(), nil); err != nil || len(got) > 0 {
				t.Errorf("nothing was asked: %v, %v", got, err)
			}
		})
	}
}

func TestFindsNeedsAnInterpreter(t *testing.T) {
	for python, want := range map[string]string{
		"/bin/true":        "/bin/true does not say which modules it finds: it said nothing",
		"/nowhere/python3": "cannot start the interpreter /nowhere/python3: fork/exec /nowhere/python3: no such file or directory",
	} {
		_, err := Python{Path: python, Dir: t.TempDir()}.Finds(context.Background(), []string{"sys"})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
