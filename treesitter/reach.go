package treesitter

import (
	"cmp"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
)

// Entry is where a process starts: a module that is imported or run by -m, or
// a script.
type Entry struct {
	// Module is a dotted name; of a package its __main__ counts too.
	Module string
	// File is the path of a script, or of a directory with a __main__.py. A
	// script does not load the packages it lies in.
	File string
	// Roots is sys.path of the process as far as it concerns the tree, as in
	// [Options]; nil stands for the graph's, behind the directory of File.
	Roots []string
}

// Reach is a set of files that imports connect with where a search began, and
// for each of them the shortest chain. It is immutable.
type Reach struct {
	table *table
	has   bits
	steps []step // in the order found, so shortest chains first
	// back is set by Dependents: there the step before a file is not stored,
	// but found among its links when somebody asks.
	back *view

	indexed sync.Once
	index   []int32 // by id, 1 + place in steps; made for the first Chain
}

// step is how a file was first found.
type step struct {
	file   id
	before int32 // index of the step it was found from; -1: the search began here
	far    int32 // length of the chain
	line   int32
	kind   Kind
	script bool // run as a script, not as a module
}

// bits is a set of ids.
type bits []uint64

func newBits(n int) bits { return make(bits, n/64+1) }

func (b bits) get(i id) bool { return i >= 0 && int(i)/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i id)      { b[i/64] |= 1 << (i % 64) }

// Len returns the number of files.
func (r *Reach) Len() int { return len(r.steps) }

// Has reports whether the file at path is in the set.
func (r *Reach) Has(path string) bool { return r.has.get(r.table.lookup(path)) }

// All yields the paths of the files, those with the shortest chains first.
func (r *Reach) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		paths := r.table.all()
		for _, s := range r.steps {
			if !yield(paths[s.file]) {
				return
			}
		}
	}
}

// Chain returns the shortest chain of imports that connects the file at path
// with where the search began, importers first; it is empty where the search
// began, and nil if the file is not in the set.
func (r *Reach) Chain(path string) []Edge {
	n := r.place(r.table.lookup(path))
	if n < 0 {
		return nil
	}
	chain := make([]Edge, 0, r.steps[n].far)
	if r.back != nil {
		return r.forward(chain, n)
	}
	for s := r.steps[n]; s.before >= 0; {
		before := r.steps[s.before]
		chain = append(chain, Edge{r.table.path(before.file), r.table.path(s.file), int(s.line), s.kind})
		s = before
	}
	slices.Reverse(chain)
	return chain
}

// place returns the place of a file in steps, -1 if it is not in the set.
func (r *Reach) place(i id) int {
	if !r.has.get(i) {
		return -1
	}
	r.indexed.Do(func() {
		last := id(0)
		for _, s := range r.steps {
			last = max(last, s.file)
		}
		r.index = make([]int32, last+1)
		for n, s := range r.steps {
			r.index[s.file] = int32(n + 1)
		}
	})
	return int(r.index[i]) - 1
}

// forward appends the chain from the step n to where a search backwards began:
// of the links that lead one step nearer, the first each time.
func (r *Reach) forward(chain []Edge, n int) []Edge {
	at := r.steps[n].file
	for left := r.steps[n].far; left > 0; left-- {
		for _, l := range r.back.links(at) {
			if n := r.place(l.to); n >= 0 && r.steps[n].far == left-1 {
				chain = append(chain, Edge{r.table.path(at), r.table.path(l.to), int(l.line), l.kind})
				at = l.to
				break
			}
		}
	}
	return chain
}

// Locate returns the files that a process started at e runs first, of a module
// those of its packages too. It returns nil if there is no such file in the
// graph.
func (g *Graph) Locate(e Entry) []string {
	var all []string
	v := g.view(g.rootsOf(e))
	steps, found := v.begin(e)
	if !found {
		return nil
	}
	for _, s := range steps {
		all = append(all, g.table.path(s.file))
	}
	return all
}

// rootsOf returns the root list of the process that starts at e.
func (g *Graph) rootsOf(e Entry) []string {
	if e.Roots != nil {
		return e.Roots
	}
	if e.File == "" {
		return g.opts.Roots
	}
	dir := path.Dir(e.File)
	if i := g.table.lookup(e.File); i < 0 || g.files.at(i) == nil {
		dir = path.Clean(e.File) // a directory with a __main__
	}
	if dir == g.opts.Roots[0] {
		return g.opts.Roots
	}
	return append([]string{dir}, g.opts.Roots...)
}

// begin returns the steps that a process started at e begins with, and whether
// the entry itself is among them: where it is not, its packages may be.
func (v *view) begin(e Entry) (all []step, found bool) {
	add := func(files []id, script bool) {
		for _, i := range files {
			all = append(all, step{file: i, before: -1, script: script})
		}
	}
	if e.File != "" {
		if i := v.g.table.lookup(path.Clean(e.File)); i >= 0 && v.g.files.at(i) != nil {
			add([]id{i}, true)
		} else if d := v.g.directory(path.Clean(e.File)); d != nil {
			add(d.lookup("__main__").files(), true)
		}
	}
	if e.Module == "" {
		return all, len(all) > 0
	}
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	// Its own packages follow from the links of a file; where it has none, or
	// does not exist, the packages above it are run before that is known.
	m, last := v.names.top, []id(nil)
	for name := range strings.SplitSeq(e.Module, ".") {
		if m = v.names.child(m, name); m == nil {
			break
		}
		if len(m.files) > 0 {
			last = m.files
		}
	}
	if m != nil {
		if run := v.names.child(m, "__main__"); run != nil {
			add(run.files, false)
		}
		found = len(all) > 0 || len(m.files) > 0
	}
	add(last, false)
	return all, found
}

// Reach returns every file that a process can load that starts at the entries.
// Entries that are not in the graph add nothing; see [Graph.Locate].
func (g *Graph) Reach(entries ...Entry) *Reach {
	groups := g.byRoots(entries)
	all := make([]*Reach, len(groups))
	for i, group := range groups {
		all[i] = g.view(group[0].Roots).reach(group)
	}
	if len(all) == 1 {
		return all[0]
	}
	return union(g, all)
}

// reach searches forward, breadth first, so that the chains are the shortest,
// and in the order of the imports, so that they are always the same.
func (v *view) reach(entries []Entry) *Reach {
	var key strings.Builder
	for _, e := range entries {
		key.WriteString(e.Module + "\x00" + e.File + "\x00")
	}
	v.mu.Lock()
	r := v.reaches[key.String()]
	v.mu.Unlock()
	if r != nil {
		return r
	}
	r = &Reach{table: v.g.table}
	var begin []step
	for _, e := range entries {
		steps, _ := v.begin(e)
		begin = append(begin, steps...)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r.has = newBits(len(v.g.table.all()))
	for _, s := range begin {
		if !r.has.get(s.file) {
			r.has.set(s.file)
			r.steps = append(r.steps, s)
		}
	}
	for n := 0; n < len(r.steps); n++ {
		at := r.steps[n]
		for _, l := range v.linksLocked(at.file) {
			if l.own && at.script {
				// Should the script be imported as well, then whoever does
				// that leads to its packages.
				continue
			}
			if !r.has.get(l.to) {
				r.has.set(l.to)
				r.steps = append(r.steps, step{file: l.to, before: int32(n), far: at.far + 1, line: l.line, kind: l.kind})
			}
		}
	}
	v.reaches[key.String()] = r
	return r
}

// union joins searches under several root lists; a file keeps the chain of the
// first that found it.
func union(g *Graph, all []*Reach) *Reach {
	u := &Reach{table: g.table, has: newBits(len(g.table.all()))}
	known := make(map[id]int32) // places in u.steps
	for _, r := range all {
		place := make([]int32, len(r.steps))
		for n, s := range r.steps {
			if u.has.get(s.file) {
				place[n] = known[s.file]
				continue
			}
			u.has.set(s.file)
			if s.before >= 0 {
				s.before = place[s.before]
				s.far = u.steps[s.before].far + 1
			}
			place[n] = int32(len(u.steps))
			known[s.file] = place[n]
			u.steps = append(u.steps, s)
		}
	}
	return u
}

// Dependents returns the files at paths and every file that reaches one of
// them, under the graph's roots. Chains lead from the importer to one of
// paths. A file that was just created has its dependents in the graph that
// knows it, a deleted one in the graph before.
func (g *Graph) Dependents(paths ...string) *Reach {
	v := g.view(g.opts.Roots)
	importers := v.reverse()
	r := &Reach{table: g.table, back: v, has: newBits(len(g.table.all()))}
	for _, p := range paths {
		if i := g.table.lookup(p); i >= 0 && g.files.at(i) != nil && !r.has.get(i) {
			r.has.set(i)
			r.steps = append(r.steps, step{file: i, before: -1})
		}
	}
	for n := 0; n < len(r.steps); n++ {
		at := r.steps[n]
		for _, i := range importers.at(at.file) {
			if !r.has.get(i) {
				r.has.set(i)
				r.steps = append(r.steps, step{file: i, far: at.far + 1})
			}
		}
	}
	known := g.table.all()
	slices.SortFunc(r.steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(known[a.file], known[b.file]))
	})
	return r
}
