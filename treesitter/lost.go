package treesitter

import (
	"slices"
	"strings"
)

// Lost is an import that runs whenever its file is loaded, and fails since a
// module is gone.
type Lost struct {
	Line int
	// Name is the module as it is written, with its leading dots, and behind it
	// the name that is imported from it if that is what is gone.
	Name string
	// File is the module that is gone.
	File string
	// Package is the __init__ of the package that a name was to be imported
	// from: the name may be bound there, and not be gone at all. Else it is "".
	Package string
	// Foreign says that no file of the tree is above the module: one that is
	// installed may take its place.
	Foreign bool
}

// Lost returns the imports at the top of the file at path that nothing in g
// satisfies, and something in old does: a version of g that still has the
// modules which are gone. Roots are as in [Graph.Missing]. Imports in functions,
// branches and try statements are left out.
func (g *Graph) Lost(old *Graph, roots []string, path string) []Lost {
	i, ok := g.lookup(path)
	if !ok {
		return nil
	}
	now, then := newNames(g, g.orOwn(roots)), newNames(old, g.orOwn(roots))
	// binds returns what a dotted name, that many dots up, is bound to.
	binds := func(n *names, level int, name string) *module {
		starts := []*module{n.top}
		if level > 0 {
			starts = n.packages(path, level)
		}
		for _, m := range starts {
			if m = n.find(m, name); m != nil {
				return m
			}
		}
		return nil
	}
	var all []Lost
	for _, ref := range g.files.at(i).facts.Refs {
		if ref.Kind > Star || ref.Scope&(InFunction|InBlock|InTyping) != 0 {
			continue
		}
		add := func(name string, m *module, bound string) {
			if m == nil || len(m.files) == 0 {
				return // it was not there either
			}
			all = append(all, Lost{
				Line: ref.Line, Name: strings.Repeat(".", ref.Level) + name,
				File: old.table.path(m.files[0]), Package: bound,
				Foreign: ref.Level == 0 && !now.ours(name),
			})
		}
		if ref.Kind == Import {
			for _, n := range ref.Names {
				if binds(now, 0, n.Name) == nil {
					add(n.Name, binds(then, 0, n.Name), "")
				}
			}
			continue
		}
		from := binds(now, ref.Level, ref.Module)
		if from == nil {
			add(ref.Module, binds(then, ref.Level, ref.Module), "")
			continue
		}
		for _, n := range ref.Names {
			name := strings.TrimPrefix(ref.Module+"."+n.Name, ".")
			if now.child(from, n.Name) != nil {
				continue
			}
			bound := ""
			if len(from.files) > 0 {
				bound = g.table.path(from.files[0])
			}
			add(name, binds(then, ref.Level, name), bound)
		}
	}
	return slices.Compact(all)
}

// Importers returns the files that lead to one of paths directly, under a root
// list, nil for the graph's, sorted.
func (g *Graph) Importers(roots []string, paths ...string) []string {
	v := g.view(g.orOwn(roots))
	v.mu.Lock()
	defer v.mu.Unlock()
	lists := v.allImporters()
	var all []string
	for _, p := range paths {
		i := g.table.lookup(p)
		if i < 0 {
			continue
		}
		for _, from := range lists.at(i) {
			all = append(all, g.table.path(from))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
