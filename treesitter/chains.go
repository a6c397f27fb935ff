package treesitter

import (
	"cmp"
	"slices"
)

// maxSteps bounds what one search for chains costs: some 20 ms. Where every
// file imports every other there are more chains than anybody can list.
const maxSteps = 2 << 20

// Chains returns the chains of imports by which a process that starts at the
// entries reaches the file at path, shortest first, and of one length in the
// order of the imports; the first is that of [Reach.Chain]. No chain passes a
// file twice, nor a file that the process begins with anyway. There are at most
// limit; more says that there are others, or that the search was given up
// before it was known.
func (g *Graph) Chains(path string, limit int, entries ...Entry) (chains [][]Edge, more bool) {
	target := g.table.lookup(path)
	if target < 0 || g.files.at(target) == nil {
		return nil, false
	}
	for _, group := range g.byRoots(entries) {
		s := newChainSearch(g.view(group[0].Roots), group, target)
		more = s.run(limit+1) || more
		for _, chain := range s.found {
			if !slices.ContainsFunc(chains, func(c []Edge) bool { return sameFiles(c, chain) }) {
				chains = append(chains, chain)
			}
		}
	}
	slices.SortStableFunc(chains, func(a, b []Edge) int { return cmp.Compare(len(a), len(b)) })
	if len(chains) > limit {
		chains, more = chains[:limit], true
	}
	return chains, more
}

func sameFiles(a, b []Edge) bool {
	return slices.EqualFunc(a, b, func(x, y Edge) bool { return x.From == y.From && x.To == y.To })
}

// byRoots groups entries by their root lists, in order.
func (g *Graph) byRoots(entries []Entry) [][]Entry {
	var groups [][]Entry
	for _, e := range entries {
		e.Roots = g.rootsOf(e)
		n := slices.IndexFunc(groups, func(group []Entry) bool { return slices.Equal(group[0].Roots, e.Roots) })
		if n < 0 {
			groups = append(groups, []Entry{e})
		} else {
			groups[n] = append(groups[n], e)
		}
	}
	return groups
}

// chainSearch looks for chains to one file under one root list. It goes deeper
// and deeper (IDA*): each pass lists the chains of one length, and knows from
// the distances where no chain that short can be.
type chainSearch struct {
	paths []string
	begin []step
	links map[id][]link // of the files of the reach
	far   map[id]int    // shortest way from a file to the target

	limit int
	left  int // steps that may still be taken
	found [][]Edge
	way   []Edge
	on    map[id]bool // the files of way
}

func newChainSearch(v *view, entries []Entry, target id) *chainSearch {
	s := &chainSearch{
		paths: v.g.table.all(), left: maxSteps,
		links: make(map[id][]link), far: make(map[id]int), on: make(map[id]bool),
	}
	r := v.reach(entries)
	if !r.has.get(target) {
		return s
	}
	importers := make(map[id][]id)
	for _, st := range r.steps {
		if st.before < 0 {
			s.begin = append(s.begin, st)
			s.on[st.file] = true // a chain through it begins there
		}
	}
	for _, st := range r.steps {
		var kept []link
		for _, l := range v.links(st.file) {
			if s.on[l.to] || l.own && st.script {
				continue
			}
			kept = append(kept, l)
			importers[l.to] = append(importers[l.to], st.file)
		}
		s.links[st.file] = kept
	}
	s.far[target] = 0
	queue := []id{target}
	for n := 0; n < len(queue); n++ {
		for _, i := range importers[queue[n]] {
			if _, ok := s.far[i]; !ok {
				s.far[i] = s.far[queue[n]] + 1
				queue = append(queue, i)
			}
		}
	}
	return s
}

// run lists up to limit chains and reports whether it was given up.
func (s *chainSearch) run(limit int) (gaveUp bool) {
	s.limit = limit
	for length := 0; length >= 0; {
		next := -1 // the length that chains left out would have, at least
		for _, st := range s.begin {
			next = s.nearer(next, s.from(st.file, length))
		}
		if s.left <= 0 {
			return true
		}
		if len(s.found) >= s.limit {
			return false
		}
		length = next
	}
	return false
}

// from lists the chains of exactly this many more steps that go on from the
// file at. It returns the least number of steps above that others need, -1 if
// there are none.
func (s *chainSearch) from(at id, steps int) (next int) {
	far, ok := s.far[at]
	switch {
	case !ok:
		return -1
	case far > steps:
		return far
	case far == 0:
		if steps == 0 {
			s.found = append(s.found, slices.Clone(s.way))
		}
		return -1
	}
	next = -1
	for _, l := range s.links[at] {
		if s.left--; s.left <= 0 || len(s.found) >= s.limit {
			return -1
		}
		if s.on[l.to] {
			continue
		}
		s.on[l.to] = true
		s.way = append(s.way, Edge{s.paths[at], s.paths[l.to], int(l.line), l.kind})
		if n := s.from(l.to, steps-1); n >= 0 {
			next = s.nearer(next, n+1)
		}
		s.way = s.way[:len(s.way)-1]
		delete(s.on, l.to)
	}
	return next
}

func (s *chainSearch) nearer(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}
