package treesitter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

func anyEdge(Edge) bool { return true }

// Each file of testdata/treesitter/cycles is a tree, and in "want" its cycles:
// how many files and which, then the steps of the way round.
func TestCycles(t *testing.T) {
	files, err := filepath.Glob("../testdata/treesitter/cycles/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var changes []Change
			want := ""
			for _, f := range a.Files {
				if f.Name == "want" {
					want = string(f.Data)
				} else {
					changes = append(changes, Change{f.Name, Extract(f.Data)})
				}
			}
			var b strings.Builder
			for _, c := range New(Options{FollowTyping: true}).Update(changes).Cycles(nil, anyEdge) {
				fmt.Fprintf(&b, "%d %s:", len(c.Files), strings.Join(c.Files, " "))
				for _, e := range c.Chain {
					fmt.Fprintf(&b, " %s:%d", e.From, e.Line)
				}
				b.WriteByte('\n')
			}
			if got := b.String(); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// ring returns the changes of n modules that import one another in a circle.
func ring(n int) []Change {
	var all []Change
	for i := range n {
		all = append(all, Change{fmt.Sprintf("c%d.py", i), Extract(fmt.Appendf(nil, "import c%d\n", (i+1)%n))})
	}
	return all
}

func TestCycleOfThousands(t *testing.T) {
	const n = 5000
	g := New(Options{}).Update(ring(n))
	all := g.Cycles(nil, anyEdge)
	if len(all) != 1 || len(all[0].Files) != n {
		t.Fatalf("%d cycles, want one of %d files", len(all), n)
	}
	checkRound(t, g, all[0], n)
	for i, count := range g.CountDependents([]string{"c0.py", "c17.py"}) {
		if count != n-1 {
			t.Errorf("%d files lead to number %d, want %d", count, i, n-1)
		}
	}
	chains, more := g.Chains("c4999.py", 20, Entry{Module: "c0"})
	if len(chains) != 1 || len(chains[0]) != n-1 || more {
		t.Errorf("%d chains, more is %v; want the one", len(chains), more)
	}
}

// checkRound judges that the chain of a cycle is a way round of that length.
func checkRound(t *testing.T, g *Graph, c Cycle, length int) {
	t.Helper()
	if len(c.Chain) != length {
		t.Errorf("the way round %v has %d steps, want %d", c.Chain, len(c.Chain), length)
	}
	for n, e := range c.Chain {
		if next := c.Chain[(n+1)%len(c.Chain)]; e.To != next.From {
			t.Errorf("%v does not lead on to %v", e, next)
		}
		if !slices.Contains(g.Edges(e.From), e) {
			t.Errorf("%v is no edge", e)
		}
		if !slices.Contains(c.Files, e.From) {
			t.Errorf("%s is not in the cycle %v", e.From, c.Files)
		}
	}
}

// randomModules returns modules without packages that import one another at
// random, some of them by strings.
func randomModules(r *rand.Rand) map[string]string {
	n := 1 + r.IntN(14)
	degree := r.Float64() * 2.5
	tree := make(map[string]string)
	for i := range n {
		var b strings.Builder
		for j := range n {
			switch {
			case r.Float64()*float64(n) >= degree:
			case r.IntN(6) == 0:
				fmt.Fprintf(&b, "x = ['m%d.X']\n", j)
			default:
				fmt.Fprintf(&b, "import m%d\n", j)
			}
		}
		tree[fmt.Sprintf("m%d.py", i)] = b.String()
	}
	return tree
}

// TestCyclesNaive compares with an algorithm that only looks at which file
// leads to which, by way of whatever file.
func TestCyclesNaive(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := fresh(Options{}, randomModules(r))
		follow := anyEdge
		if r.IntN(2) == 0 {
			follow = func(e Edge) bool { return e.Kind != String }
		}
		want := naiveCycles(g, follow)
		got := make(map[string]int)
		last := g.Len() + 1
		for _, c := range g.Cycles(nil, follow) {
			key := strings.Join(c.Files, " ")
			got[key] = len(c.Chain)
			checkRound(t, g, c, want[key])
			if len(c.Files) > last {
				t.Errorf("seed %d: %s is larger than the one before", seed, key)
			}
			last = len(c.Files)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: got %v, want %v", seed, got, want)
		}
	}
}

// naiveCycles returns the length of a shortest way round by the files of a
// cycle.
func naiveCycles(g *Graph, follow func(Edge) bool) map[string]int {
	files := g.Files()
	const far = 1 << 20
	dist := make(map[[2]string]int)
	for _, a := range files {
		for _, b := range files {
			dist[[2]string{a, b}] = far
		}
		for _, e := range g.Edges(a) {
			if follow(e) {
				dist[[2]string{a, e.To}] = 1
			}
		}
	}
	for _, k := range files {
		for _, a := range files {
			for _, b := range files {
				dist[[2]string{a, b}] = min(dist[[2]string{a, b}], dist[[2]string{a, k}]+dist[[2]string{k, b}])
			}
		}
	}
	all := make(map[string]int)
	for _, a := range files {
		var with []string
		shortest := far
		for _, b := range files {
			if d := dist[[2]string{a, b}] + dist[[2]string{b, a}]; d < far {
				with = append(with, b)
				shortest = min(shortest, dist[[2]string{b, b}])
			}
		}
		if len(with) > 1 {
			all[strings.Join(with, " ")] = shortest
		}
	}
	return all
}

func TestCountDependentsIsTheirNumber(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		tree := make(map[string]string)
		for range 1 + r.IntN(120) {
			tree[randomPath(r)] = randomSource(r)
		}
		g := fresh(Options{Roots: []string{".", "src"}}, tree)
		paths := g.Files()
		for i, got := range g.CountDependents(paths) {
			if want := g.Dependents(paths[i]).Len() - 1; got != want {
				t.Fatalf("seed %d: %d files lead to %s, want %d", seed, got, paths[i], want)
			}
		}
	}
}

// TestChainsNaive compares with every simple chain, in whatever order.
func TestChainsNaive(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 4))
		g := fresh(Options{}, randomModules(r))
		files := g.Files()
		entries := []Entry{{Module: "m0"}}
		if r.IntN(2) == 0 {
			entries = append(entries, Entry{File: files[r.IntN(len(files))]})
		}
		target := files[r.IntN(len(files))]
		var want []string
		begin := g.Locate(entries[0])
		for _, e := range entries[1:] {
			begin = append(begin, g.Locate(e)...)
		}
		var walk func(at string, way []string)
		walk = func(at string, way []string) {
			if way = append(way, at); at == target {
				want = append(want, strings.Join(way, " "))
				return
			}
			for _, e := range g.Edges(at) {
				if !slices.Contains(way, e.To) && !slices.Contains(begin, e.To) {
					walk(e.To, way)
				}
			}
		}
		for n, file := range begin {
			if !slices.Contains(begin[:n], file) {
				walk(file, nil)
			}
		}
		if len(want) > 1000 {
			continue
		}
		chains, more := g.Chains(target, len(want)+1, entries...)
		if more {
			t.Fatalf("seed %d: more than all", seed)
		}
		var got []string
		for _, chain := range chains {
			way := []string{target}
			if len(chain) > 0 {
				way[0] = chain[0].From
			}
			for _, e := range chain {
				way = append(way, e.To)
			}
			got = append(got, strings.Join(way, " "))
		}
		if len(chains) > 0 && !slices.Equal(chains[0], g.Reach(entries...).Chain(target)) {
			t.Errorf("seed %d: the first is %v, not that of the reach", seed, chains[0])
		}
		if !slices.IsSortedFunc(chains, func(a, b []Edge) int { return len(a) - len(b) }) {
			t.Errorf("seed %d: not the shortest first: %v", seed, got)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: to %s\n%q\nwant\n%q", seed, target, got, want)
		}
		if len(want) > 1 {
			if few, more := g.Chains(target, len(want)-1, entries...); !more || len(few) != len(want)-1 {
				t.Errorf("seed %d: %d chains, more is %v; want all but one", seed, len(few), more)
			}
		}
	}
}

// TestChainsEnd asks for chains where there are more than atoms.
func TestChainsEnd(t *testing.T) {
	const n = 300
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "import m%d\n", i)
	}
	tree := map[string]string{"end.py": ""}
	for i := range n {
		tree[fmt.Sprintf("m%d.py", i)] = all.String()
	}
	tree["m7.py"] += "import end\n"
	chains, more := fresh(Options{}, tree).Chains("end.py", 50, Entry{Module: "m0"})
	if !more || len(chains) != 50 || len(chains[0]) != 2 || len(chains[1]) != 3 {
		t.Errorf("%d chains, more is %v: %v", len(chains), more, chains)
	}
	// Here every way but one comes back to a file that it has passed, and it
	// would take for ever to see that.
	tree["m0.py"] = "import m7\n"
	chains, more = fresh(Options{}, tree).Chains("end.py", 50, Entry{Module: "m0"})
	if !more || len(chains) != 1 {
		t.Errorf("%d chains, more is %v: %v", len(chains), more, chains)
	}
}

func BenchmarkCycles(b *testing.B) {
	g := New(Options{}).Update(ring(5000))
	b.ReportAllocs()
	for b.Loop() {
		g.Cycles(nil, anyEdge)
	}
}

func BenchmarkCountDependents(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 5))
	const n = 10_000
	tree := make(map[string]string)
	for i := range n {
		var s strings.Builder
		for range 10 {
			fmt.Fprintf(&s, "import m%d\n", i+1+r.IntN(400))
		}
		tree[fmt.Sprintf("m%d.py", i)] = s.String()
	}
	g := fresh(Options{}, tree)
	paths := g.Files()
	b.ReportAllocs()
	for b.Loop() {
		g.CountDependents(paths)
	}
}
