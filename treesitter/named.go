package treesitter

import (
	"path"
	"slices"
	"strings"
)

// NamedRoot returns a root, for [Options] and [Entry], under which one module
// is found and nothing else: an editable install may give a process a package
// without the directory that the package is in. The place of a package is its
// directory; that of another module its file, without the extension.
func NamedRoot(module, place string) string { return module + namedBy + place }

// namedBy is between the two parts of a named root. A clean path does not have
// it.
const namedBy = "//"

// root returns the directory that imports start from under a root; nil if no
// file is below it. That of a named root is made up and holds the packages of
// the name, of which only the last has something to run.
func (g *Graph) root(root string) *dir {
	name, place, named := strings.Cut(root, namedBy)
	if !named {
		return g.directory(path.Clean(root))
	}
	e := g.at(place)
	if e.empty() {
		return nil
	}
	parts := strings.Split(name, ".")
	d := &dir{path: root, modules: map[string]entry{parts[len(parts)-1]: e}}
	for _, part := range slices.Backward(parts[:len(parts)-1]) {
		d = &dir{path: root, modules: map[string]entry{part: {src: nothing.src, pyc: nothing.pyc, sub: d}}}
	}
	return d
}

// at returns what is at the place of a named root.
func (g *Graph) at(place string) entry {
	base := path.Base(place)
	if base == "." || base == ".." {
		e := nothing
		e.sub = g.directory(place)
		return e
	}
	return g.directory(path.Dir(place)).lookup(base)
}

// extend gives a package that some root has whole what a named root has below
// it. Python asks the finder of an editable install where the package's own
// directory has no such module.
func (n *names) extend(root string) {
	name, _, named := strings.Cut(root, namedBy)
	if !named {
		return
	}
	inner, m := n.g.root(root), n.top
	for parts := strings.Split(name, "."); len(parts) > 1 && inner != nil; parts = parts[1:] {
		inner, m = inner.lookup(parts[0]).sub, n.child(m, parts[0])
		if m == nil || m.path == nil {
			return
		}
		if len(m.files) > 0 {
			m.path = append(slices.Clip(m.path), inner)
			return
		}
	}
}

// under returns m as seen under some roots: what moves at the place of a named
// root moves under its name too, and what is there has another name if its
// package does.
func (m *moved) under(roots []string) *moved {
	seen := moved{parts: slices.Clip(m.parts), within: slices.Clip(m.within)}
	for _, root := range roots {
		name, place, named := strings.Cut(root, namedBy)
		if !named {
			continue
		}
		names, base := strings.Split(name, "."), path.Base(place)
		if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(m.parts, n) }) {
			if place == "." {
				place = ""
			}
			seen.renamed = append(seen.renamed, place)
		}
		top := base == "." || base == ".."
		seen.top = seen.top || top
		at, inside := top || slices.Contains(m.parts, base), top || slices.Contains(m.within, base)
		if at {
			m.add(&seen.parts, names[len(names)-1])
		}
		if at || inside {
			for _, name := range names {
				m.add(&seen.within, name)
			}
		}
	}
	return &seen
}
