package treesitter

import (
	"iter"
	"path"
	"slices"
	"strings"
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

// Reach is a set of files that imports connect with where a search began. It
// is immutable, and answers for the version of the graph that was asked.
//
// It holds how far away each file is, which outlives most edits. A chain is
// looked up among the links of that version when somebody asks for it.
type Reach struct {
	table *table
	*spread
	parts []part // one for each root list; the spread is that of all together
}

// part is what a search found under one root list.
type part struct {
	*spread
	view *view
	back bool // the search went from files to their importers
}

// Len returns the number of files.
func (r *Reach) Len() int { return r.count }

// Has reports whether the file at path is in the set.
func (r *Reach) Has(path string) bool { return r.at(r.table.lookup(path)) > 0 }

// All yields the paths of the files, those with the shortest chains first.
func (r *Reach) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		paths := r.table.all()
		for _, i := range r.inOrder() {
			if !yield(paths[i]) {
				return
			}
		}
	}
}

// Since returns the files that r has and old has not, and those that only old
// has, in no particular order. Old is of an earlier version of the same graph.
func (r *Reach) Since(old *Reach) (came, went []string) {
	if r.spread == old.spread {
		return nil, nil
	}
	for i, path := range r.table.all() {
		switch is, was := r.at(id(i)) > 0, old.at(id(i)) > 0; {
		case is && !was:
			came = append(came, path)
		case was && !is:
			went = append(went, path)
		}
	}
	return came, went
}

// Chain returns the shortest chain of imports that connects the file at path
// with where the search began, importers first. Of several it is the one that
// comes first by path, seen from the file. It is empty where the search began,
// and nil if the file is not in the set.
func (r *Reach) Chain(path string) []Edge {
	i := r.table.lookup(path)
	if r.at(i) == 0 {
		return nil
	}
	n := slices.IndexFunc(r.parts, func(p part) bool { return p.at(i) == r.at(i) })
	p := r.parts[n]
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	chain := make([]Edge, 0, r.at(i)-1)
	for p.at(i) > 1 {
		if p.back {
			to := p.nearer(i, p.view.leadsTo(i))
			chain = append(chain, p.view.edge(i, to))
			i = to
		} else {
			from := p.nearer(i, p.view.leaders(p.spread, i))
			chain = append(chain, p.view.edge(from, i))
			i = from
		}
	}
	if !p.back {
		slices.Reverse(chain)
	}
	return chain
}

// nearer returns the first by path of the neighbours of the file i that are
// nearer to where the search began.
func (p *part) nearer(i id, neighbours iter.Seq[id]) id {
	paths := p.view.g.table.all()
	best := id(-1)
	for n := range neighbours {
		if p.at(n) == p.at(i)-1 && (best < 0 || paths[n] < paths[best]) {
			best = n
		}
	}
	return best
}

// Locate returns the files that a process started at e runs first, of a module
// those of its packages too. It returns nil if there is no such file in the
// graph.
func (g *Graph) Locate(e Entry) []string {
	var all []string
	v := g.view(g.rootsOf(e))
	begin, found := v.begin(e)
	if !found {
		return nil
	}
	for _, s := range begin {
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
	if !g.Has(e.File) {
		dir = path.Clean(e.File) // a directory with a __main__
	}
	if dir == g.opts.Roots[0] {
		return g.opts.Roots
	}
	return append([]string{dir}, g.opts.Roots...)
}

// begin returns the files that a process started at e begins with, and whether
// the entry itself is among them: where it is not, its packages may be.
func (v *view) begin(e Entry) (all []start, found bool) {
	add := func(files []id, script bool) {
		for _, i := range files {
			all = append(all, start{i, script})
		}
	}
	if e.File != "" {
		if i, ok := v.g.lookup(path.Clean(e.File)); ok {
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
	r := &Reach{table: g.table}
	for _, group := range g.byRoots(entries) {
		v := g.view(group[0].Roots)
		r.parts = append(r.parts, part{spread: v.reach(group), view: v})
	}
	r.spread = nearest(r.parts)
	return r
}

// reach returns how far the entries reach. It follows the spread of the version
// before, if somebody asked for that.
func (v *view) reach(entries []Entry) *spread {
	var key strings.Builder
	var begin []start
	for _, e := range entries {
		key.WriteString(e.Module + "\x00" + e.File + "\x00")
		all, _ := v.begin(e)
		begin = append(begin, all...)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.spreads[key.String()]
	if s == nil {
		if s = v.before[key.String()]; s != nil && slices.Equal(s.begin, begin) {
			s = v.mend(s)
		} else {
			s = v.search(begin)
		}
		v.spreads[key.String()] = s
	}
	return s
}

// Dependents returns the files at paths and every file that reaches one of
// them, under the graph's roots. Chains lead from the importer to one of
// paths. A file that was just created has its dependents in the graph that
// knows it, a deleted one in the graph before.
func (g *Graph) Dependents(paths ...string) *Reach {
	var begin []start
	for _, p := range paths {
		if i, ok := g.lookup(p); ok {
			begin = append(begin, start{file: i})
		}
	}
	v := g.view(g.opts.Roots)
	s := v.searchBack(begin)
	return &Reach{table: g.table, spread: s, parts: []part{{s, v, true}}}
}
