package treesitter

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// view is one version of a graph under one root list: what names are bound to
// there, and which files each file leads to. All of it is made when first
// asked for.
type view struct {
	g     *Graph
	roots []string
	names *names
	asked bool // for this version of the graph; guarded by its lock

	mu sync.Mutex // guards what follows
	// made holds the links of the files that somebody asked for.
	made     writer[*links]
	complete bool // made has the links of all files
	// importers is nil until somebody asks for it.
	importers *importers
	// spreads are the searches that somebody asked for, and before those of
	// the version before; turns is what has changed since.
	spreads, before map[string]*spread
	turns           []turn
	marks           []int32 // scratch of resolve: by id, 1 + place in its links
	room            []link  // scratch of resolve
}

// links are the files that one file leads to, in the order of its refs.
type links struct{ all []link }

type link struct {
	to   id
	line int32
	kind Kind
	own  bool // to is a package that the file itself is in
}

func newView(g *Graph, roots []string) *view {
	return &view{
		g: g, roots: roots, names: newNames(g, roots),
		made: pages[*links](nil).edit(), spreads: make(map[string]*spread),
	}
}

// update returns the view of n, which differs from v's graph in the dirty
// files, some of which may have appeared or disappeared; nil if it is better
// made afresh.
func (v *view) update(n *Graph, dirty []id, m *moved) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &view{
		g: n, roots: v.roots, names: v.names, made: v.made.fork(), complete: v.complete,
		spreads: make(map[string]*spread), before: maps.Clone(v.spreads),
	}
	if v.importers != nil {
		v.importersLocked()
		w.importers = &importers{writer: v.importers.fork()}
	}
	if len(m.parts) > 0 {
		if m = m.under(v.roots); m.many() {
			return nil
		}
		w.names = newNames(n, v.roots)
	}
	for _, i := range v.touched(n, dirty, m) {
		old := v.made.pages.at(i)
		if old == nil && !w.complete {
			continue // nobody has asked for it yet
		}
		var before []link
		if old != nil {
			before = old.all
		}
		w.turn(i, before)
	}
	return w
}

// touched returns the files whose links may differ in n: the dirty ones, and
// those that name what moved or import a star that is another now.
func (v *view) touched(n *Graph, dirty []id, m *moved) []id {
	stars := slices.ContainsFunc(dirty, func(i id) bool { return !sameAll(v.g.files.at(i), n.files.at(i)) })
	all := slices.Clone(dirty)
	if stars || len(m.parts) > 0 {
		for i, path := range n.table.all() {
			f := n.files.at(id(i))
			if f == nil || v.made.pages.at(id(i)) == nil {
				continue
			}
			if stars && f.stars() || len(m.parts) > 0 && m.concerns(path, f) {
				all = append(all, id(i))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// turn makes the links of the file i anew, which were others in the version
// before, and notes where they lead elsewhere.
func (v *view) turn(i id, before []link) {
	after := v.resolve(i)
	if v.g.files.at(i) != nil {
		v.made.set(i, &links{after})
	} else {
		v.made.set(i, nil)
	}
	t := turn{file: i}
	if t.went, t.came = differ(before, after); t.went == nil && t.came == nil {
		return
	}
	v.turns = append(v.turns, t)
	if v.importers != nil {
		v.importers.turn(t)
	}
}

// stars reports whether the file imports a star.
func (f *file) stars() bool {
	for r := range f.refs {
		if r.Kind == Star {
			return true
		}
	}
	return false
}

// sameAll reports whether two versions of a file have the same __all__.
func sameAll(a, b *file) bool {
	var left, right []string
	if a != nil {
		left = slices.Collect(a.all)
	}
	if b != nil {
		right = slices.Collect(b.all)
	}
	return slices.Equal(left, right)
}

// fork returns a writer that starts from what w has written so far; both may
// go on.
func (w *writer[T]) fork() writer[T] {
	clear(w.own)
	return w.pages.edit()
}

// links returns what the file i leads to.
func (v *view) links(i id) []link {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.linksLocked(i)
}

func (v *view) linksLocked(i id) []link {
	if l := v.made.pages.at(i); l != nil {
		return l.all
	}
	l := &links{v.resolve(i)}
	v.made.set(i, l)
	if v.importers != nil {
		v.importers.missing = append(v.importers.missing, i)
	}
	return l.all
}

// resolve binds the refs of the file i.
func (v *view) resolve(i id) []link {
	f := v.g.files.at(i)
	if f == nil {
		return nil
	}
	if n := len(v.g.table.all()); len(v.marks) < n {
		v.marks = append(v.marks, make([]int32, n-len(v.marks))...)
	}
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	r := resolver{view: v, names: v.names, path: v.g.table.path(i), self: i, links: v.room[:0]}
	r.parents()
	for ref := range f.refs {
		r.ref(ref)
	}
	for _, l := range r.links {
		v.marks[l.to] = 0
	}
	v.room = r.links
	return tamper(slices.Clone(r.links))
}

// resolver collects the links of one file.
type resolver struct {
	view  *view
	names *names
	path  string
	self  id
	links []link

	line   int32
	own    bool
	typing bool
}

// add links the file to others; of several links to one file the strongest
// stays, in the place of the first.
func (r *resolver) add(files []id, kind Kind) {
	if r.typing {
		kind = Typing
	}
	for _, to := range files {
		if to == r.self {
			continue
		}
		l := link{to, r.line, kind, r.own}
		if n := r.view.marks[to]; n == 0 {
			r.links = append(r.links, l)
			r.view.marks[to] = int32(len(r.links))
		} else if kind < r.links[n-1].kind {
			// A package of its own stays one: a script does not run it.
			l.own = false
			r.links[n-1] = l
		} else if !r.own {
			r.links[n-1].own = false
		}
	}
}

// parents links the file to the packages it is in, under every root.
func (r *resolver) parents() {
	r.line, r.own = 1, true
	for _, d := range r.names.around(r.path).dirs {
		r.add(d.lookup("__init__").files(), Parent)
	}
	r.own = false
}

func (r *resolver) ref(ref Ref) {
	opts := &r.view.g.opts
	r.typing = ref.Scope&InTyping != 0
	if r.typing && !opts.FollowTyping || opts.SkipLazy && ref.Scope&InFunction != 0 {
		return
	}
	r.line = int32(ref.Line)
	if !opts.NoPackageStrings && !opts.NoStrings && runsCommands(ref.Statement) {
		r.add(r.names.commands(), Package)
	}
	switch ref.Kind {
	case Import:
		for _, n := range ref.Names {
			r.descend(r.names.top, n.Name, Parent, Import)
		}
	case From, Star:
		for _, start := range r.start(ref.Level) {
			m, _, whole := r.descend(start, ref.Module, Parent, ref.Kind)
			if !whole {
				continue
			}
			for _, n := range ref.Names {
				r.member(m, n.Name, From)
			}
			if ref.Kind == Star {
				for _, file := range m.files {
					if f := r.view.g.files.at(file); f != nil {
						for name := range f.all {
							r.member(m, name, Star)
						}
					}
				}
			}
		}
	case Call:
		for _, start := range r.start(ref.Level) {
			r.descend(start, ref.Module, Parent, Call)
		}
	case Walk:
		for _, start := range r.start(ref.Level) {
			if m, _, whole := r.descend(start, ref.Module, Parent, Walk); whole {
				r.below(m, Walk, func(name string) bool { return !ref.Flat || strings.IndexByte(name, '.') < 0 })
			}
		}
	case Prefix:
		r.prefix(ref.Statement)
	case String, Package:
		if !opts.NoStrings {
			r.mention(ref.Statement, !opts.NoPackageStrings)
		}
	case Path:
		if !opts.NoStrings {
			r.file(ref.Module)
		}
	}
}

// file links to the files that a path may name: seen from the project
// directory, where services are at home, and from the file's own.
func (r *resolver) file(name string) {
	for _, p := range []string{path.Clean(name), path.Join(path.Dir(r.path), name)} {
		if i, ok := r.view.g.lookup(p); ok {
			r.add([]id{i}, Path)
		}
	}
}

// start returns the modules that a name with that many leading dots starts
// from: usually one, several if the file is a module of several names.
func (r *resolver) start(level int) []*module {
	if level == 0 {
		return []*module{r.names.top}
	}
	return r.names.packages(r.path, level)
}

// descend follows a dotted name down from m and links to every module on the
// way, with the kind last to that of the whole name. It returns the last module
// there is and what is left of the name.
func (r *resolver) descend(m *module, name string, above, last Kind) (_ *module, rest string, whole bool) {
	if name == "" {
		r.add(m.files, last)
		return m, "", true
	}
	for name != "" {
		first, below, _ := strings.Cut(name, ".")
		child := r.names.child(m, first)
		if child == nil {
			return m, name, false
		}
		m, name = child, below
		kind := above
		if name == "" {
			kind = last
		}
		r.add(m.files, kind)
	}
	return m, "", true
}

// member links to the submodule that "from m import name" loads, if name is
// one.
func (r *resolver) member(m *module, name string, kind Kind) {
	if child := r.names.child(m, name); child != nil {
		r.add(child.files, kind)
	}
}

// below links to all modules below m whose names, relative to m, are fit.
func (r *resolver) below(m *module, kind Kind, fit func(name string) bool) {
	r.names.walk(m, "", func(name string, m *module) bool {
		if fit(name) {
			r.add(m.files, kind)
		}
		return true
	})
}

// prefix links to the modules that fit a name of which beginning and end are
// known, and to the packages that are run on the way to one that may turn out
// not to exist.
func (r *resolver) prefix(st *Statement) {
	pkg, stem := "", st.Module
	if i := strings.LastIndexByte(st.Module, '.'); i >= 0 {
		pkg, stem = st.Module[:i], st.Module[i+1:]
	}
	// Up to its first dot, the tail belongs to the part that is unknown.
	end, rest, dotted := strings.Cut(st.Tail, ".")
	for _, start := range r.start(st.Level) {
		m, _, whole := r.descend(start, pkg, Parent, Parent)
		if !whole {
			continue
		}
		// The modules above the one at hand, outermost first.
		var above []*module
		var names []string
		r.names.walk(m, "", func(name string, m *module) bool {
			if !strings.HasPrefix(name, stem) {
				return false
			}
			for n := len(names); n > 0 && !strings.HasPrefix(name, names[n-1]+"."); n-- {
				above, names = above[:n-1], names[:n-1]
			}
			if dotted && len(above) == 0 && strings.HasSuffix(name, end) {
				r.add(m.files, Parent)
				r.descend(m, rest, Parent, Prefix)
			}
			if strings.HasSuffix(name, st.Tail) && !(st.Flat && dottedBetween(name, stem, st.Tail)) {
				for _, a := range above {
					r.add(a.files, Parent)
				}
				r.add(m.files, Prefix)
			}
			above, names = append(above, m), append(names, name)
			return true
		})
	}
}

// dottedBetween reports whether a name has a dot between its beginning and its
// end.
func dottedBetween(name, head, tail string) bool {
	return len(name) >= len(head)+len(tail) && strings.IndexByte(name[len(head):len(name)-len(tail)], '.') >= 0
}

// mention links to what a string names: a module, something in a module, or if
// packages is set and the string stands for it, a package with all that is in
// it.
func (r *resolver) mention(st *Statement, packages bool) {
	m, parent, rest := r.names.top, (*module)(nil), st.Module
	last := ""
	var way []*module
	for rest != "" {
		first, below, _ := strings.Cut(rest, ".")
		child := r.names.child(m, first)
		if child == nil {
			break
		}
		parent, m, rest, last = m, child, below, first
		way = append(way, m)
	}
	dotted := strings.IndexByte(st.Module, '.') >= 0
	switch {
	case len(way) == 0:
		return
	case !dotted && (!packages || len(m.files) == 0):
		return
	case rest != "" && fileName(rest):
		return
	}
	kind := String
	if !dotted {
		kind = Package
	}
	for _, m := range way {
		r.add(m.files, kind)
	}
	if !packages || st.Kind != Package {
		return
	}
	named := rest == "" || className(rest)
	switch {
	case m.path != nil && named && (rest == "" || len(m.files) > 0):
		r.below(m, Package, served)
	case m.path == nil && last == "apps" && named && parent != r.names.top:
		// Django: the configuration class of an application.
		r.below(parent, Package, served)
	}
}

// className reports whether what follows a module's name is the name of a
// class.
func className(rest string) bool {
	return rest[0] >= 'A' && rest[0] <= 'Z' && strings.IndexByte(rest, '.') < 0
}

// fileName reports whether what follows a module's name makes a string rather
// look like the name of a file, as in "settings.json".
func fileName(rest string) bool {
	return slices.Contains(fileExtensions, rest)
}

var fileExtensions = []string{
	"cfg", "conf", "css", "csv", "db", "env", "gif", "gz", "htm", "html", "ico", "ini", "jpg", "js", "json", "lock",
	"log", "md", "pdf", "pickle", "pid", "png", "po", "py", "pyc", "rst", "sh", "so", "sock", "sql", "sqlite", "sqlite3",
	"svg", "tar", "toml", "ts", "txt", "xml", "yaml", "yml", "zip",
}

// notTest reports whether a module's name is not that of a test.
func notTest(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "tests" || part == "test" || part == "conftest" || strings.HasPrefix(part, "test_") || strings.HasSuffix(part, "_test") {
			return false
		}
	}
	return true
}

// unresolved returns the import statements and calls of the file i that name
// something there is no file for.
func (v *view) unresolved(i id) []Ref {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	var all []Ref
	r := resolver{view: v, names: v.names, path: v.g.table.path(i)}
	for ref := range v.g.files.at(i).refs {
		if ref.Kind > Call {
			continue
		}
		for _, name := range ref.modules() {
			if !slices.ContainsFunc(r.start(ref.Level), func(m *module) bool { return v.names.find(m, name) != nil }) {
				all = append(all, ref)
				break
			}
		}
	}
	return all
}

// names binds dotted names to modules under one root list and one set of
// files. Views that differ in what files say, not in which there are, share
// one.
type names struct {
	g    *Graph // for its directories only
	mu   sync.Mutex
	dirs []*dir // the roots that exist
	top  *module
	// ofCommands are the files that only Django's commands load; nil until
	// asked for.
	ofCommands []id
	places     map[string]*surroundings // by directory
}

// surroundings are what names depend on where a file lies.
type surroundings struct {
	// chains has for each root above the directory those between.
	chains [][]level
	// dirs are the directories, outermost first, that may be packages around a
	// file: those below a root, or if no root is above, those that have an
	// __init__.
	dirs []*dir
	// packages are what relative imports start from, by the number of dots;
	// nil until asked for.
	packages [][]*module
}

// module is what a name is bound to.
type module struct {
	// files are what importing it runs: none for a namespace package, several
	// where an extension module comes for several interpreters.
	files []id
	// path has the directories of its submodules; nil for a plain module.
	path []*dir
	// children are the names below it bound so far, also to nothing.
	children map[string]*module
}

// below returns the names that may be below m, sorted.
func (m *module) below() []string {
	if len(m.path) == 1 {
		return m.path[0].names()
	}
	var all []string
	for _, d := range m.path {
		all = append(all, d.names()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func newNames(g *Graph, roots []string) *names {
	n := &names{g: g, places: make(map[string]*surroundings)}
	for _, r := range roots {
		if d := g.root(r); d != nil && !slices.Contains(n.dirs, d) {
			n.dirs = append(n.dirs, d)
		}
	}
	n.top = &module{path: n.dirs}
	for _, r := range roots {
		n.extend(r)
	}
	return n
}

// child binds a name below m as CPython's finder does: directory by directory,
// in each a package before a module; directories without __init__ make a
// namespace package if no directory has anything better.
func (n *names) child(m *module, name string) *module {
	if m.path == nil {
		return nil
	}
	if c, ok := m.children[name]; ok {
		return c
	}
	if m.children == nil {
		m.children = make(map[string]*module)
	}
	c := lookUp(m.path, name)
	m.children[name] = c
	return c
}

func lookUp(dirs []*dir, name string) *module {
	var portions []*dir
	for _, d := range dirs {
		e := d.lookup(name)
		if init := e.sub.lookup("__init__").files(); init != nil {
			return &module{files: init, path: []*dir{e.sub}}
		}
		if files := e.files(); files != nil {
			return &module{files: files}
		}
		if e.sub != nil {
			portions = append(portions, e.sub)
		}
	}
	if portions == nil {
		return nil
	}
	return &module{path: portions}
}

// find returns the module of a dotted name below m, nil if there is none.
func (n *names) find(m *module, name string) *module {
	for name != "" && m != nil {
		var first string
		first, name, _ = strings.Cut(name, ".")
		m = n.child(m, first)
	}
	return m
}

// walk calls yield with the modules below m, packages first and by name, and
// goes below those for which it returns true.
func (n *names) walk(m *module, name string, yield func(name string, m *module) bool) {
	for _, k := range m.below() {
		child := n.child(m, k)
		if child == nil {
			continue
		}
		full := k
		if name != "" {
			full = name + "." + k
		}
		if yield(full, child) {
			n.walk(child, full, yield)
		}
	}
}

// around returns the surroundings of the file at p.
func (n *names) around(p string) *surroundings {
	at := dirOf(p)
	s := n.places[at]
	if s == nil {
		s = &surroundings{chains: n.chains(at)}
		for _, chain := range s.chains {
			for _, level := range chain {
				if !slices.Contains(s.dirs, level.dir) {
					s.dirs = append(s.dirs, level.dir)
				}
			}
			s.packages = append(s.packages, make([][]*module, max(0, len(chain)+1-len(s.packages)))...)
		}
		n.places[at] = s
	}
	return s
}

// dirOf is path.Dir for paths that are clean.
func dirOf(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "."
}

// level is a directory that may be a package around a file, with the last part
// of its name.
type level struct {
	name string
	dir  *dir
}

// chains returns for each root above the directory p those between.
func (n *names) chains(p string) [][]level {
	var chains [][]level
	for _, root := range n.dirs {
		if parts, ok := partsBelow(root, p); ok {
			chain := []level{}
			d := root
			for _, part := range parts {
				if d = d.lookup(part).sub; d == nil {
					break
				}
				chain = append(chain, level{part, d})
			}
			chains = append(chains, chain)
		}
	}
	if chains == nil {
		var chain []level
		for at := p; at != "." && path.Base(at) != ".."; at = path.Dir(at) {
			d := n.g.directory(at)
			if d.lookup("__init__").empty() {
				break
			}
			chain = append(chain, level{path.Base(at), d})
		}
		slices.Reverse(chain)
		chains = append(chains, chain)
	}
	return chains
}

// partsBelow returns the name that the directory p has as a package under a
// root, and whether the root is above it.
func partsBelow(root *dir, p string) (parts []string, ok bool) {
	at := root.path
	if name, place, named := strings.Cut(root.path, namedBy); named {
		parts = strings.Split(name, ".")
		if at = place; place == "." {
			at = ""
		}
	}
	rest, ok := below(at, p)
	if rest != "" {
		parts = append(parts, strings.Split(rest, "/")...)
	}
	return parts, ok
}

// below reports whether the directory p is root or below it, and the path from
// there.
func below(root, p string) (rest string, ok bool) {
	switch {
	case root == "" && p == ".":
		return "", true
	case root == "":
		return p, p != ".." && !strings.HasPrefix(p, "../")
	case p == root:
		return "", true
	}
	return strings.CutPrefix(p, root+"/")
}

// packages returns the packages that a relative import of a file at p starts
// from, that many dots up.
func (n *names) packages(p string, up int) []*module {
	s := n.around(p)
	if up >= len(s.packages) {
		return nil // above the top
	}
	if s.packages[up] == nil {
		s.packages[up] = n.above(s.chains, up)
	}
	return s.packages[up]
}

func (n *names) above(chains [][]level, up int) []*module {
	var all []*module
	for _, chain := range chains {
		if up > len(chain) {
			continue // above the top
		}
		d := chain[len(chain)-up].dir
		m := n.top
		for _, level := range chain[:len(chain)-up+1] {
			if m = n.child(m, level.name); m == nil {
				break
			}
		}
		if m == nil || !slices.Contains(m.path, d) {
			// Its name belongs to another file, under these roots.
			m = &module{files: d.lookup("__init__").files(), path: []*dir{d}}
		}
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
