package treesitter

import (
	"path"
	"slices"
	"strings"
)

// moved says what the files that appeared or disappeared between two versions
// of a graph can change for others. A name is bound by looking for each part
// of it in directories, so it can only change for those who mention a part
// that some directory has gained or lost.
type moved struct {
	// parts are what directories gained or lost.
	parts []string
	// within are the names of the directories above the files that moved:
	// whoever names one of them for all that is in it sees another set.
	within []string
	// top says that the project directory, or one above it, is a package: no
	// name tells what moved within it.
	top bool
	// renamed are directories whose files may go by other names.
	renamed []string
}

// maxMoved is the number of parts above which it is cheaper to bind everything
// afresh than to look for who mentions one of them.
const maxMoved = 32

// note adds the file at p, which appeared or disappeared between two graphs,
// maybe with directories that have nothing else in them.
func (m *moved) note(old, new *Graph, p string) {
	dir, base := path.Split(p)
	dir = path.Clean(dir)
	part, kind := moduleName(base)
	if kind == noModule {
		return
	}
	if part == "__init__" {
		part = path.Base(dir)
	}
	m.add(&m.parts, part)
	for dir != "." && path.Base(dir) != ".." {
		m.add(&m.within, path.Base(dir))
		if (old.directory(dir) == nil) != (new.directory(dir) == nil) {
			m.add(&m.parts, path.Base(dir))
		}
		dir = path.Dir(dir)
	}
}

func (m *moved) add(to *[]string, s string) {
	if len(*to) <= maxMoved && !slices.Contains(*to, s) {
		*to = append(*to, s)
	}
}

func (m *moved) many() bool { return len(m.parts) > maxMoved || len(m.within) > maxMoved }

// concerns reports whether what the file at p names may be bound otherwise.
func (m *moved) concerns(p string, f *file) bool {
	inside := m.top // something moved in a directory named like one around p
	for dir := range strings.SplitSeq(path.Dir(p), "/") {
		if slices.Contains(m.parts, dir) {
			return true
		}
		inside = inside || slices.Contains(m.within, dir)
	}
	for _, dir := range m.renamed {
		if _, ok := below(dir, path.Dir(p)); ok {
			return true
		}
	}
	for r := range f.refs {
		// What runs commands may lead anywhere; few files do.
		if m.mentioned(r.Statement, inside) || runsCommands(r.Statement) {
			return true
		}
	}
	return false
}

func (m *moved) mentioned(st *Statement, inside bool) bool {
	switch st.Kind {
	case Path:
		stem := strings.TrimSuffix(path.Base(st.Module), ".py")
		return stem == "__init__" || slices.Contains(m.parts, stem)
	case Star, Walk, Prefix, Package:
		// These name more than they say: what is in a package.
		if st.Level > 0 && inside || st.Kind == Prefix && strings.IndexByte(st.Module, '.') < 0 {
			return true
		}
		for _, w := range m.within {
			if hasPart(st.Module, w) {
				return true
			}
		}
	}
	for _, part := range m.parts {
		if hasPart(st.Module, part) {
			return true
		}
		for i := range st.Names {
			if n := st.Names[i].Name; n == part || st.Kind == Import && hasPart(n, part) {
				return true
			}
		}
	}
	return false
}

// hasPart reports whether part is one of the parts of a dotted name.
func hasPart(name, part string) bool {
	for at := 0; ; {
		i := strings.Index(name[at:], part)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(part)
		if (i == 0 || name[i-1] == '.') && (end == len(name) || name[end] == '.') {
			return true
		}
		at = i + 1
	}
}
