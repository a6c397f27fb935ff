package treesitter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"bounce/internal/soak"
)

// randomName returns a dotted name made of a few letters, so that names meet.
func randomName(r *rand.Rand) string {
	letters := []string{"a", "b", "c", "tests", "apps", "migrations", "log"}
	parts := make([]string, 1+r.IntN(3))
	for i := range parts {
		parts[i] = letters[r.IntN(len(letters))]
	}
	return strings.Join(parts, ".")
}

func randomPath(r *rand.Rand) string {
	p := strings.ReplaceAll(randomName(r), ".", "/")
	if r.IntN(3) == 0 {
		p = []string{"src/", "lib/", "../out/"}[r.IntN(3)] + p
	}
	switch r.IntN(12) {
	case 0, 1, 2, 3:
		return p + "/__init__.py"
	case 4:
		return p + "/__main__.py"
	case 5:
		return p + ".cpython-313-x86_64-linux-gnu.so"
	case 6:
		return p + ".so"
	case 7:
		return p + ".pyi"
	}
	return p + ".py"
}

func randomSource(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(7) {
		n := randomName(r)
		last := n[strings.LastIndexByte(n, '.')+1:]
		switch r.IntN(20) {
		case 0, 1:
			fmt.Fprintf(&b, "import %s\n", n)
		case 2, 3:
			fmt.Fprintf(&b, "from %s import %s, a, x\n", n, last)
		case 4, 5:
			fmt.Fprintf(&b, "from %s%s import %s\n", strings.Repeat(".", 1+r.IntN(3)), []string{"", n}[r.IntN(2)], last)
		case 6:
			fmt.Fprintf(&b, "from %s import *\n", n)
		case 7:
			fmt.Fprintf(&b, "__all__ = ['%s', 'b']\n", last)
		case 8:
			fmt.Fprintf(&b, "import_module('%s')\n", n)
		case 9:
			fmt.Fprintf(&b, "import_module(f'%s.{x}')\n", n)
		case 10:
			fmt.Fprintf(&b, "x = ['%s']\n", n)
		case 11:
			fmt.Fprintf(&b, "x = '%s.X'\n", n)
		case 12:
			fmt.Fprintf(&b, "def f():\n    import %s\n", n)
		case 13:
			fmt.Fprintf(&b, "if TYPE_CHECKING:\n    import %s\n", n)
		case 14:
			b.WriteString("iter_modules(__path__)\n")
		case 15:
			fmt.Fprintf(&b, "import_module(f'%s{x}')\n", last[:1])
		case 16:
			fmt.Fprintf(&b, "import_module(f'{__package__}.%s{x}')\n", last[:1])
		case 17:
			fmt.Fprintf(&b, "import_module(f'%s.{x}.%s')\n", n, last)
		case 18:
			fmt.Fprintf(&b, "from django.core.management import call_command\nAPPS = ['%s']\n", n)
		case 19:
			fmt.Fprintf(&b, "run_path('%s.py')\n", []string{last, "../" + last, strings.ReplaceAll(n, ".", "/"), last + "/__init__"}[r.IntN(4)])
		}
	}
	return b.String()
}

// dump writes all that a graph says.
func dump(g *Graph, entries []Entry, paths []string) string {
	var b strings.Builder
	fmt.Fprintln(&b, g.Len(), g.Files())
	for _, p := range g.Files() {
		fmt.Fprintln(&b, p, g.Edges(p), len(g.Unresolved(p)))
	}
	for _, e := range entries {
		fmt.Fprintln(&b, "reach", e, g.Locate(e))
		writeReach(&b, g.Reach(e))
	}
	b.WriteString("all\n")
	writeReach(&b, g.Reach(entries...))
	for _, p := range paths {
		fmt.Fprintln(&b, "dependents", p)
		writeReach(&b, g.Dependents(p))
	}
	for p, lines := range g.Opaque() {
		fmt.Fprintln(&b, p, lines)
	}
	return b.String()
}

// TestIncremental changes random trees at random and compares the graph after
// each step with one built from scratch, while readers ask the graphs that came
// before.
func TestIncremental(t *testing.T) {
	seed := graphSeed(t)
	trees, steps := soak.Times(30, 500), 50
	r := rand.New(rand.NewPCG(seed, 1))
	var readers sync.WaitGroup
	defer readers.Wait()
	for n := range trees {
		opts := Options{
			Roots: [][]string{nil, {"."}, {"src", "."}, {".", "lib", "../out"}, {"lib", "missing", "src"},
				{NamedRoot("a", "lib/b"), "src", NamedRoot("b.c", "../out/a"), NamedRoot("c", ".")}}[r.IntN(6)],
			NoStrings:        r.IntN(4) == 0,
			NoPackageStrings: r.IntN(4) == 0,
			FollowTyping:     r.IntN(4) == 0,
			SkipLazy:         r.IntN(4) == 0,
		}
		tree := make(map[string]string)
		g := New(opts)
		var entries []Entry // most are asked for again, so that there is something to keep up to date
		for step := range steps {
			var changes []Change
			for range 1 + r.IntN(4) {
				known := slices.Sorted(maps.Keys(tree))
				p := randomPath(r)
				if len(known) > 0 && r.IntN(2) == 0 {
					p = known[r.IntN(len(known))]
				}
				switch {
				case r.IntN(3) == 0 && tree[p] != "":
					delete(tree, p)
					changes = append(changes, Change{Path: p})
				case r.IntN(6) == 0 && len(known) > 0:
					from := known[r.IntN(len(known))]
					tree[p] = tree[from]
					changes = append(changes, Change{p, extract(p, tree[p])})
					if p != from {
						delete(tree, from)
						changes = append(changes, Change{Path: from})
					}
				default:
					tree[p] = randomSource(r)
					changes = append(changes, Change{p, extract(p, tree[p])})
				}
			}
			before := g
			g = g.Update(changes)
			if r.IntN(8) == 0 {
				entries = nil
			}
			for len(entries) < 4 {
				e := Entry{Module: randomName(r)}
				if r.IntN(2) == 0 {
					e = Entry{File: randomPath(r)}
				}
				switch r.IntN(6) {
				case 0:
					e.Roots = []string{"src", "lib"}
				case 1:
					e.Roots = []string{"src", NamedRoot("a.b", "lib/c"), NamedRoot("tests", "a/b")}
				}
				entries = append(entries, e)
			}
			paths := slices.Sorted(maps.Keys(tree))
			paths = append(paths[:min(len(paths), 3)], randomPath(r))
			ask := entries
			readers.Go(func() { dump(before, ask, paths) })
			got, want := dump(g, entries, paths), dump(fresh(opts, tree), entries, paths)
			if got != want {
				left, right := strings.Split(got, "\n"), strings.Split(want, "\n")
				t.Fatalf("tree %d, step %d: after %v the graph says\n%s\nafresh\n%s", n, step, changes,
					strings.Join(without(left, right), "\n"), strings.Join(without(right, left), "\n"))
			}
		}
	}
}

// TestReachFollows adds and removes imports between the modules of a tree, and
// now and then a module, and compares each reach and a chain of it with those
// of a graph from scratch: distances grow, shrink and stay, and what is cut off
// comes back.
func TestReachFollows(t *testing.T) {
	seed := graphSeed(t)
	r := rand.New(rand.NewPCG(seed, 2))
	const modules = 60
	path := func(n int) string { return fmt.Sprintf("p%d/m%d.py", n%6, n) }
	tree := make(map[string]string)
	for n := range modules {
		tree[path(n)] = ""
		tree[fmt.Sprintf("p%d/__init__.py", n%6)] = ""
	}
	entries := []Entry{{Module: "p0.m0"}, {File: "p1/m1.py"}, {Module: "p2"}, {File: "p3/m3.py", Roots: []string{"p3", "."}}}
	g := fresh(Options{}, tree)
	kept, same, came, went := 0, 0, 0, 0
	for step := range soak.Times(500, 10_000) {
		var changes []Change
		for range 1 + r.IntN(2) {
			p := path(r.IntN(modules))
			if r.IntN(20) == 0 {
				p = fmt.Sprintf("p%d/__init__.py", r.IntN(6))
			}
			src, there := tree[p]
			lines := strings.SplitAfter(src, "\n")
			n := r.IntN(modules)
			switch {
			case there && r.IntN(20) == 0:
				delete(tree, p)
				changes = append(changes, Change{Path: p})
				continue
			case r.IntN(2) == 0 && len(lines) > 1:
				n := r.IntN(len(lines) - 1)
				lines = slices.Delete(lines, n, n+1)
			default:
				lines = slices.Insert(lines, r.IntN(len(lines)), fmt.Sprintf("import p%d.m%d\n", n%6, n))
			}
			tree[p] = strings.Join(lines, "")
			changes = append(changes, Change{p, extract(p, tree[p])})
		}
		before := g
		g = g.Update(changes)
		scratch := fresh(Options{}, tree)
		for _, e := range entries {
			old, now := before.Reach(e), g.Reach(e)
			if d := otherwise(e, scratch.Files(), now, scratch.Reach(e)); d != "" {
				t.Fatalf("GRAPH_SEED=%d, step %d: after %v %s", seed, step, changes, d)
			}
			p := path(r.IntN(modules))
			if chain, want := now.Chain(p), scratch.Reach(e).Chain(p); !slices.Equal(chain, want) {
				t.Fatalf("GRAPH_SEED=%d, step %d: after %v the chain from %v is %v, afresh %v", seed, step, changes, e, chain, want)
			}
			a, b := now.Since(old)
			files := append(slices.DeleteFunc(slices.Collect(old.All()), func(p string) bool { return slices.Contains(b, p) }), a...)
			slices.Sort(files)
			if !slices.Equal(files, slices.Sorted(now.All())) || len(files) != now.Len() {
				t.Fatalf("GRAPH_SEED=%d, step %d: %v came to %v and %v went, which makes not %v", seed, step, a,
					slices.Collect(old.All()), b, slices.Collect(now.All()))
			}
			switch {
			case now.spread == old.spread:
				kept++
			case a == nil && b == nil:
				same++
			}
			came, went = came+len(a), went+len(b)
		}
	}
	t.Logf("%d kept, %d with the same files, %d files came, %d went", kept, same, came, went)
	if kept < 100 || same < 100 || came < 100 || went < 100 {
		t.Error("the edits try too little")
	}
}

// graphSeed returns the seed of random trees, which GRAPH_SEED sets.
func graphSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("GRAPH_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("GRAPH_SEED=%d", seed)
	return seed
}
