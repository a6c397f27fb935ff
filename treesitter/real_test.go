package treesitter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bounce/internal/soak"
)

// realTree is a tree of real packages that is changed at random.
type realTree struct {
	r     *rand.Rand
	files map[string]*Facts
	dirs  []string
	src   map[string]string
	made  int
}

// change changes up to three files: edits, creates, deletes or renames them, or
// renames a directory.
func (t *realTree) change() []Change {
	var changes []Change
	set := func(p, src string) {
		f := Extract([]byte(src))
		if f.Err != nil {
			return // what it leads to depends on its last good version
		}
		t.files[p], t.src[p] = f, src
		changes = append(changes, Change{p, f})
	}
	remove := func(p string) {
		delete(t.files, p)
		delete(t.src, p)
		changes = append(changes, Change{Path: p})
	}
	for range 1 + t.r.IntN(3) {
		known := slices.Sorted(maps.Keys(t.files))
		pick := func() string { return known[t.r.IntN(len(known))] }
		p := pick()
		switch t.r.IntN(10) {
		case 0: // delete
			remove(p)
		case 1, 2: // create, often under a name that others mention
			name := path.Base(pick())
			if t.r.IntN(3) == 0 {
				t.made++
				name = fmt.Sprintf("made%d.py", t.made)
			}
			set(path.Join(t.dirs[t.r.IntN(len(t.dirs))], name), t.src[pick()])
		case 3: // rename
			to := path.Join(t.dirs[t.r.IntN(len(t.dirs))], path.Base(p))
			if src := t.src[p]; to != p {
				remove(p)
				set(to, src)
			}
		case 4: // a directory becomes another
			from := path.Dir(p)
			t.made++
			to := path.Join(path.Dir(from), fmt.Sprintf("made%d", t.made))
			if strings.IndexByte(from, '/') < 0 || t.r.IntN(4) > 0 {
				continue
			}
			for _, p := range known {
				if rest, ok := strings.CutPrefix(p, from+"/"); ok {
					src := t.src[p]
					remove(p)
					set(to+"/"+rest, src)
				}
			}
		default: // edit
			name := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(pick(), ".py"), "/__init__"), "/", ".")
			line := []string{"import " + name, "from . import " + path.Base(strings.ReplaceAll(name, ".", "/")), "from " + name + " import *",
				"X = ['" + name + "']", "import_module(f'" + name + ".{x}')", "# nothing"}[t.r.IntN(6)]
			lines := strings.SplitAfter(t.src[p], "\n")
			if n := t.r.IntN(len(lines)); t.r.IntN(3) == 0 && strings.Contains(lines[n], "import ") && !strings.Contains(lines[n], "(") {
				lines[n] = "pass\n"
			}
			set(p, line+"\n"+strings.Join(lines, ""))
		}
	}
	return changes
}

// TestRealTrees changes installed packages at random and compares the graph
// with one built from scratch, after each change where the tree is small and
// after every hundredth where it is large, while readers ask the graph before:
// the links of every file, and how far the reaches go; after every hundredth
// change also what can be asked in words.
func TestRealTrees(t *testing.T) {
	seed := graphSeed(t)
	_, packages := venv(t)
	for _, c := range []struct {
		pkg            string
		changes, every int
	}{
		{"celery", soak.Times(60, 3000), 1},
		{"django", soak.Times(300, 3000), 100},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			tree := &realTree{r: rand.New(rand.NewPCG(seed, 5)), files: make(map[string]*Facts), src: make(map[string]string)}
			for _, change := range readTree(t, packages, c.pkg) {
				src, err := os.ReadFile(filepath.Join(packages, change.Path))
				if err != nil {
					t.Fatal(err)
				}
				tree.files[change.Path], tree.src[change.Path] = change.Facts, string(src)
				if dir := path.Dir(change.Path); !slices.Contains(tree.dirs, dir) {
					tree.dirs = append(tree.dirs, dir)
				}
			}
			scratch := func() *Graph {
				var all []Change
				for _, p := range slices.Sorted(maps.Keys(tree.files)) {
					all = append(all, Change{p, tree.files[p]})
				}
				return New(Options{}).Update(all)
			}
			var readers sync.WaitGroup
			defer readers.Wait()
			g := scratch()
			entries := []Entry{{Module: c.pkg}}
			for _, p := range slices.Sorted(maps.Keys(tree.files))[:3] {
				entries = append(entries, Entry{File: p})
			}
			for n := 1; n <= c.changes; n++ {
				before, changes := g, tree.change()
				g = g.Update(changes)
				g.Reach(entries...) // so that there is something to keep up to date
				g.Dependents()
				if n%c.every > 0 && n < c.changes {
					continue
				}
				known := slices.Sorted(maps.Keys(tree.files))
				paths := []string{known[tree.r.IntN(len(known))], firstPath(changes)}
				ask := append(slices.Clone(entries), Entry{File: paths[0]})
				afresh := scratch()
				if n%100 > 0 && n < c.changes {
					readers.Go(func() { before.Reach(ask...) })
					if difference := differences(g, afresh, ask, paths); difference != "" {
						t.Fatalf("after change %d %s", n, difference)
					}
					continue
				}
				readers.Go(func() { dump(before, ask, paths) })
				got, want := dump(g, ask, paths), dump(afresh, ask, paths)
				if got != want {
					left, right := strings.Split(got, "\n"), strings.Split(want, "\n")
					t.Fatalf("after change %d the graph says\n%s\nafresh\n%s", n,
						strings.Join(without(left, right), "\n"), strings.Join(without(right, left), "\n"))
				}
			}
			t.Logf("%d files in the end", g.Len())
		})
	}
}

// differences says where two graphs of the same files differ; "" if they do
// not. It compares what answers are made of.
func differences(a, b *Graph, entries []Entry, paths []string) string {
	files := b.Files()
	if !slices.Equal(a.Files(), files) {
		return fmt.Sprintf("the files are\n%v\nafresh\n%v", a.Files(), files)
	}
	is := a.view(a.opts.Roots)
	to := make(map[id]id, len(files)) // from the ids of b to those of a
	for _, p := range files {
		to[b.table.lookup(p)] = a.table.lookup(p)
	}
	should := b.view(b.opts.Roots)
	for _, p := range files {
		var want []link
		for _, l := range should.links(b.table.lookup(p)) {
			l.to = to[l.to]
			want = append(want, l)
		}
		if !slices.Equal(is.links(a.table.lookup(p)), want) {
			return fmt.Sprintf("%s leads to\n%v\nafresh\n%v", p, a.Edges(p), b.Edges(p))
		}
	}
	for _, e := range entries {
		if d := otherwise(e, files, a.Reach(e), b.Reach(e)); d != "" {
			return d
		}
	}
	return otherwise(paths, files, a.Dependents(paths...), b.Dependents(paths...))
}

// otherwise says which of the files are further away in one reach than in
// another; "" if none is.
func otherwise(from any, files []string, a, b *Reach) string {
	for _, p := range files {
		if is, should := a.at(a.table.lookup(p)), b.at(b.table.lookup(p)); is != should {
			return fmt.Sprintf("from %v to %s there are %d links, afresh %d", from, p, is-1, should-1)
		}
	}
	if a.Len() != b.Len() {
		return fmt.Sprintf("%v reaches %d files, afresh %d", from, a.Len(), b.Len())
	}
	return ""
}

// firstPath returns the path of the first change, "" if there is none.
func firstPath(changes []Change) string {
	if len(changes) == 0 {
		return ""
	}
	return changes[0].Path
}
