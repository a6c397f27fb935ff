package treesitter

import (
	"cmp"
	"slices"
)

// maxSteps bounds what one search for chains costs: some 20 ms. Where every
// file imports every other there are more chains than anybody can list.
const maxSteps = 2 << 20

// Chains returns the chains of imports by which a process that starts at the
// entries reaches the file at path, shortest first, and of one length by path,
// seen from the file; the first is that of [Reach.Chain]. No chain passes a file
// twice, nor a file that the process begins with anyway. There are at most
// limit; more says that there are others, or that the search was given up
// before it was known.
func (g *Graph) Chains(path string, limit int, entries ...Entry) (chains [][]Edge, more bool) {
	target, ok := g.lookup(path)
	if !ok {
		return nil, false
	}
	for _, group := range g.byRoots(entries) {
		v := g.view(group[0].Roots)
		s := chainSearch{view: v, spread: v.reach(group), left: maxSteps, leaders: make(map[id][]id), on: make(map[id]bool)}
		more = s.run(target, limit+1) || more
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

// chainSearch looks for chains to one file under one root list, from the file
// back. It goes further and further (IDA*): each pass lists the chains of one
// length, and knows from the distances where no chain that short can be.
type chainSearch struct {
	view    *view
	spread  *spread
	leaders map[id][]id // of the files looked at, by path

	limit int
	left  int // steps that may still be taken
	found [][]Edge
	way   []id        // from the file back
	on    map[id]bool // the files of way
}

// run lists up to limit chains to the file to and reports whether it was given
// up.
func (s *chainSearch) run(to id, limit int) (gaveUp bool) {
	s.view.mu.Lock()
	defer s.view.mu.Unlock()
	if s.spread.at(to) == 0 {
		return false
	}
	s.limit = limit
	for length := 0; length >= 0; {
		next := s.back(to, length)
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

// back lists the chains that begin exactly this many steps before the file at,
// which others on way lead on from. It returns the least number of steps above
// that chains need which it left out, -1 if there are none.
func (s *chainSearch) back(at id, steps int) (next int) {
	s.on[at] = true
	s.way = append(s.way, at)
	defer func() {
		s.way = s.way[:len(s.way)-1]
		delete(s.on, at)
	}()
	switch far := int(s.spread.at(at)) - 1; {
	case far > steps:
		return far
	case far == 0:
		if steps == 0 {
			s.found = append(s.found, s.chain())
		}
		return -1
	}
	next = -1
	for _, from := range s.leadersOf(at) {
		if s.left--; s.left <= 0 || len(s.found) >= s.limit {
			return -1
		}
		if s.on[from] {
			continue
		}
		if n := s.back(from, steps-1) + 1; n > 0 && (next < 0 || n < next) {
			next = n
		}
	}
	return next
}

func (s *chainSearch) leadersOf(i id) []id {
	all, ok := s.leaders[i]
	if !ok {
		paths := s.view.g.table.all()
		all = slices.SortedFunc(s.view.leaders(s.spread, i), func(a, b id) int { return cmp.Compare(paths[a], paths[b]) })
		s.leaders[i] = all
	}
	return all
}

// chain returns the edges of way, importers first.
func (s *chainSearch) chain() []Edge {
	chain := make([]Edge, 0, len(s.way)-1)
	for n := len(s.way) - 1; n > 0; n-- {
		chain = append(chain, s.view.edge(s.way[n], s.way[n-1]))
	}
	return chain
}
