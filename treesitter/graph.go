package treesitter

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// Options say what a graph follows. The zero value is the documented default.
type Options struct {
	// Roots are the directories that absolute imports start from, first match
	// first: relative to the project directory, "." for itself; default ".".
	// Directories outside begin with "../". See [NamedRoot] for one that holds
	// a single module.
	Roots []string
	// NoStrings ignores strings that name modules or packages.
	NoStrings bool
	// NoPackageStrings takes a string that names a package for that package
	// alone, not for all that is in it.
	NoPackageStrings bool
	// FollowTyping follows imports under "if TYPE_CHECKING", by edges of the
	// kind Typing.
	FollowTyping bool
	// SkipLazy ignores imports in functions.
	SkipLazy bool
}

// Change is a file that was created or modified, or deleted if Facts is nil.
// Files that are no Python source, such as extension modules, have empty
// Facts.
type Change struct {
	Path  string
	Facts *Facts
}

// Edge says that running the file From loads the file To.
type Edge struct {
	From, To string
	// Line is where From says so. For packages that From itself is in, it
	// is 1.
	Line int
	Kind Kind
}

// Graph is a set of files and what they import. It is immutable and safe for
// concurrent use.
type Graph struct {
	opts  Options
	table *table
	// files holds the files by id; nil for a path that does not exist.
	files pages[*file]
	count int
	// inside and outside are the trees of directories in the project
	// directory, and of those whose paths begin with "../" by that path.
	inside, outside *dir

	mu sync.Mutex
	// views holds the bindings that somebody asked for, by root list.
	views map[string]*view
}

// file is a file of one version of a graph.
type file struct {
	facts *Facts
	// good has the facts of the last version that made sense, if this one
	// does not.
	good *Facts
}

// refs calls yield with what the file names.
func (f *file) refs(yield func(Ref) bool) {
	for _, r := range f.facts.Refs {
		if !yield(r) {
			return
		}
	}
	if f.good != nil {
		for _, r := range f.good.Refs {
			if !yield(r) {
				return
			}
		}
	}
}

// all calls yield with the strings of the file's __all__.
func (f *file) all(yield func(string) bool) {
	for _, s := range f.facts.All {
		if !yield(s) {
			return
		}
	}
	if f.good != nil {
		for _, s := range f.good.All {
			if !yield(s) {
				return
			}
		}
	}
}

// New returns a graph without files.
func New(opts Options) *Graph {
	if len(opts.Roots) == 0 {
		opts.Roots = []string{"."}
	}
	return &Graph{
		opts:    opts,
		table:   newTable(),
		inside:  &dir{modules: make(map[string]entry)},
		outside: &dir{modules: make(map[string]entry)},
		views:   make(map[string]*view),
	}
}

// Update returns the graph after some changes, which may come in any order;
// of several with one path the last counts. Stubs (.pyi) are ignored: no
// process loads them.
func (g *Graph) Update(changes []Change) *Graph {
	n := &Graph{opts: g.opts, table: g.table, count: g.count, inside: g.inside, outside: g.outside, views: make(map[string]*view)}
	files := g.files.edit()
	tree := treeEditor{g.table, make(map[*dir]bool)}
	var dirty []id
	var moving []string // paths that appeared or disappeared
	for _, c := range changes {
		if strings.HasSuffix(c.Path, ".pyi") {
			continue
		}
		i := n.table.intern(c.Path)
		old := files.pages.at(i)
		switch {
		case c.Facts == nil && old == nil:
			continue
		case c.Facts == nil:
			files.set(i, nil)
			n.count--
		default:
			f := &file{facts: c.Facts}
			if c.Facts.Err != nil && old != nil {
				if f.good = old.good; f.good == nil && old.facts.Err == nil {
					f.good = old.facts
				}
			}
			files.set(i, f)
			if old == nil {
				n.count++
			}
		}
		dirty = append(dirty, i)
		if present := c.Facts != nil; present != (old != nil) {
			moving = append(moving, c.Path)
			n.place(&tree, c.Path, i, present)
		}
	}
	n.files = files.pages
	var m moved
	for _, p := range moving {
		m.note(g, n, p)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, v := range g.views {
		if !v.asked && !slices.Equal(v.roots, g.opts.Roots) {
			continue // of a process that nobody asks about any more
		}
		if v = v.update(n, dirty, &m); v != nil {
			n.views[key] = v
		}
	}
	return n
}

// place puts a file into the trees of directories, or takes it out.
func (g *Graph) place(t *treeEditor, p string, i id, present bool) {
	if strings.HasPrefix(p, "../") {
		g.outside = t.put(g.outside, p, i, present)
	} else {
		g.inside = t.put(g.inside, p, i, present)
	}
}

// directory returns a directory by its path; nil if no file is below it.
func (g *Graph) directory(p string) *dir {
	if p == "." || p == "" {
		return g.inside
	}
	if p == ".." || strings.HasPrefix(p, "../") {
		return g.outside.descend(p)
	}
	return g.inside.descend(p)
}

// Len returns the number of files.
func (g *Graph) Len() int { return g.count }

// Has reports whether the file at path is in the graph.
func (g *Graph) Has(path string) bool { return g.file(path) != nil }

// lookup returns the number of the file at path; ok is false if the graph has
// none there, though an older version may.
func (g *Graph) lookup(path string) (i id, ok bool) {
	i = g.table.lookup(path)
	return i, i >= 0 && g.files.at(i) != nil
}

func (g *Graph) file(path string) *file {
	if i, ok := g.lookup(path); ok {
		return g.files.at(i)
	}
	return nil
}

// Files returns the paths of all files, sorted.
func (g *Graph) Files() []string {
	paths := make([]string, 0, g.count)
	for i, p := range g.table.all() {
		if g.files.at(id(i)) != nil {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// Facts returns the facts of the file at path, nil if there is none.
func (g *Graph) Facts(path string) *Facts {
	if f := g.file(path); f != nil {
		return f.facts
	}
	return nil
}

// Edges returns what the file at path loads directly, under the graph's roots,
// sorted by To. There is one edge to a file, of the strongest kind, and none
// to the file itself.
func (g *Graph) Edges(path string) []Edge { return g.EdgesUnder(nil, path) }

// Opaque yields the files that import modules whose names are not known before
// run time, with the lines of those imports, sorted by path.
func (g *Graph) Opaque() iter.Seq2[string, []int] {
	return func(yield func(string, []int) bool) {
		for _, p := range g.Files() {
			if lines := g.file(p).facts.Opaque; len(lines) > 0 && !yield(p, lines) {
				return
			}
		}
	}
}

// Unresolved returns the imports of the file at path that no file of the graph
// satisfies under its roots, by line: modules of the standard library and of
// installed packages, and those that are missing. A file that appears under
// such a name is bound to it.
func (g *Graph) Unresolved(path string) []Ref {
	i, ok := g.lookup(path)
	if !ok {
		return nil
	}
	return g.view(g.opts.Roots).unresolved(i)
}

// view returns the bindings under a root list.
func (g *Graph) view(roots []string) *view {
	key := strings.Join(roots, "\x00")
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.views[key]
	if v == nil {
		v = newView(g, roots)
		g.views[key] = v
	}
	v.asked = true
	return v
}
