package watcher

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWalkIsTheFirstBatch makes up trees with all that decides what is
// watched: a walk finds the files that a watcher begins with.
func TestWalkIsTheFirstBatch(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	wanted := func(name string) bool { return strings.HasSuffix(name, ".py") }
	found := 0
	for range 40 {
		top := t.TempDir()
		for range 25 {
			name := pick("a", "b", "build", ".venv", "lib", ".git", "deep/er") + "/" + pick("", "a/", "build/", "gen/", "__pycache__/") +
				pick("m.py", "n.py", "x.txt", ".gitignore", "~.py", "m.py~", ".#m.py")
			text := ""
			if strings.HasSuffix(name, ".gitignore") {
				text = pick("*.py\n", "build/\n!build\n", "/gen\n", "m.py\n!a/m.py\n", "")
			}
			put(t, top, name, text)
		}
		for _, name := range []string{"a/link.py", "b/dir.py", "lib/dangling.py"} {
			to := pick("../b/m.py", "../build", "nowhere")
			if err := os.MkdirAll(filepath.Join(top, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"a/dir", "lib/dir"} {
			if err := os.Symlink(pick("../b", "../build", "../.venv", "../nowhere"), filepath.Join(top, name)); err != nil {
				t.Fatal(err)
			}
		}
		if r.IntN(2) == 0 {
			put(t, top, pick("a", "lib", "b")+"/pyvenv.cfg", "")
		}
		if r.IntN(4) == 0 {
			put(t, top, pick("build", "a/build")+"/x-1.dist-info/RECORD", "")
		}
		o := Options{Dir: top, Backend: Poll, Audit: -1}
		switch r.IntN(4) {
		case 0:
			o.Roots = []string{"a", "b", "a/gen"}
		case 1:
			o.Dir, o.Roots = filepath.Join(top, "a"), []string{".", "../lib"}
		}
		if r.IntN(2) == 0 {
			o.Ignore = []string{pick("n.py", "gen/", "/a/**")}
		}
		if r.IntN(2) == 0 {
			o.Include = []string{pick("build/gen/m.py", "../b/*.py", "build/**/*.py", "a/gen/**", "a/dir/*.py", "lib/dir/gen/m.py", "dir/m.py")}
		}
		if r.IntN(2) == 0 {
			o.Follow = []string{pick("a/dir", "lib/dir/a", "../lib/dir", "dir")}
		}
		for range r.IntN(4) {
			o.Named = append(o.Named, pick("a/", "build/", "lib/", "../lib/", ".venv/", "")+pick("gen/", "build/", "a/", "dir/", "dir/gen/", "")+pick("m.py", "n.py", "link.py"))
		}
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, c := range (<-w.Batches()).Changes {
			if wanted(filepath.Base(c.Path)) {
				want = append(want, c.Path)
			}
		}
		w.Close()
		var got []string
		if err := Walk(o, wanted, func(p string) { got = append(got, p) }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\nwalk  %q\nbatch %q", o, got, want)
		}
		found += len(got)
	}
	if found < 50 {
		t.Errorf("%d files in all: too few to say much", found)
	}
}
