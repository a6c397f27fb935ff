package treesitter

import (
	"cmp"
	"slices"
	"strings"
)

// EdgesUnder is [Graph.Edges] under another root list, that of a process; nil
// for the graph's.
func (g *Graph) EdgesUnder(roots []string, path string) []Edge {
	i, ok := g.lookup(path)
	if !ok {
		return nil
	}
	links := g.view(g.orOwn(roots)).links(i)
	edges := make([]Edge, len(links))
	for n, l := range links {
		edges[n] = Edge{path, g.table.path(l.to), int(l.line), l.kind}
	}
	slices.SortFunc(edges, func(a, b Edge) int { return cmp.Compare(a.To, b.To) })
	return edges
}

// Missing is an import of a module that ought to be in the graph and is not.
type Missing struct {
	Line int
	// Name is the module as it is written, with its leading dots.
	Name string
	// Above says that the dots lead out of the outermost package.
	Above bool
}

// Missing returns the import statements of the file at path that fail for want
// of a file, under a root list, nil for the graph's: relative ones, and
// absolute ones of which the graph has a package above. Those in a branch or a
// try may be meant to fail and are left out, as are those under "if
// TYPE_CHECKING".
func (g *Graph) Missing(roots []string, path string) []Missing {
	i, ok := g.lookup(path)
	if !ok {
		return nil
	}
	v := g.view(g.orOwn(roots))
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	r := resolver{view: v, names: v.names, path: path}
	var all []Missing
	for _, ref := range g.files.at(i).facts.Refs {
		if ref.Kind > Star || ref.Scope&(InBlock|InTyping) != 0 {
			continue
		}
		starts := r.start(ref.Level)
		for _, name := range ref.modules() {
			found := func(m *module) bool { return v.names.find(m, name) != nil }
			if slices.ContainsFunc(starts, found) || ref.Level == 0 && !v.names.ours(name) {
				continue
			}
			all = append(all, Missing{ref.Line, strings.Repeat(".", ref.Level) + name, len(starts) == 0})
		}
	}
	return all
}

// ours reports whether a module of that name could only be in the tree: some
// module above it is a file there. A directory alone proves nothing, since an
// installed package goes before it.
func (n *names) ours(name string) bool {
	m := n.top
	for part := range strings.SplitSeq(name, ".") {
		if m = n.child(m, part); m == nil {
			return false
		}
		if len(m.files) > 0 {
			return true
		}
	}
	return false
}
