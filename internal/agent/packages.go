package agent

import (
	"cmp"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"bounce/decider"
	"bounce/internal/installed"
	"bounce/treesitter"
	"bounce/watcher"
)

// What a service loads of installed packages: what the files of its reach
// import, what its command runs and its configuration names, what its generations
// were observed to load, and whatever those need. Of imports names alone decide. A module of the tree that has the name of an
// installed one counts as both: which of them is found is not worth being wrong
// about.

// packages is how a service comes to load installed packages. It is never
// changed.
type packages struct {
	// imported counts the files of the reach that import something of a
	// distribution.
	imported map[string]int
	// all are these distributions, those that are named or were observed, and what
	// they need.
	all map[string]decider.Package
	// unnamed were observed, and nothing else leads to them; sorted.
	unnamed []string
}

// loading says what of installed packages counts for a service.
type loading struct {
	ignore       bool     // nothing does
	packages     []string // these do in any case
	typing, lazy bool     // imports under TYPE_CHECKING, and in functions, do
}

// modules yields the modules that a file may load and that are not named
// relative to it, in dots, with the line. A string counts if it has dots, or is
// in a setting.
func (l loading) modules(f *treesitter.Facts) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		if f == nil {
			return
		}
		for _, ref := range f.Refs {
			switch {
			case ref.Level > 0 || ref.Kind == treesitter.Path:
				continue
			case ref.Scope&treesitter.InTyping != 0 && !l.typing, ref.Scope&treesitter.InFunction != 0 && !l.lazy:
				continue
			case ref.Kind == treesitter.String && !strings.Contains(ref.Module, "."):
				continue
			}
			for _, module := range modulesOf(ref) {
				if !yield(strings.TrimRight(module, "."), ref.Line) {
					return
				}
			}
		}
	}
}

// importing remembers which distributions a file imports something of, while a
// view is made: most files are in the reach of several services.
type importing map[imports][]string

type imports struct {
	env   *installed.Environment
	facts *treesitter.Facts
}

// packagesOf returns the distributions that a file imports something of, for a
// service.
func (v *view) packagesOf(s *service, f *treesitter.Facts) []string {
	key := imports{s.search.installed, f}
	found, known := v.importing[key]
	if !known {
		found = s.loading.imports(s.search.installed, f)
		if v.importing != nil {
			v.importing[key] = found
		}
	}
	return found
}

// imports returns the distributions that a file imports something of.
func (l loading) imports(env *installed.Environment, f *treesitter.Facts) []string {
	var found []string
	last := ""
	for module := range l.modules(f) {
		if module == last {
			continue
		}
		last = module
		for _, name := range env.Find(module) {
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// follows reports whether installed packages count for the service, as far as
// it is known which there are.
func (s *service) follows() bool { return s.search.installed != nil && !s.loading.ignore }

// given returns the distributions that a service loads whatever its files
// import, each with what says so: a key of its configuration, or "python" for
// what runs at every start.
func (s *service) given() map[string]string {
	found := s.declared()
	add := func(why string, names []string) {
		for _, name := range names {
			found[name] = why
		}
	}
	env := s.search.installed
	module := false // the last word was -m
	for _, word := range commandWords(s.spec.Argv) {
		add("run", env.Program(path.Base(word)))
		if module || strings.Contains(word, ".") {
			add("run", env.Find(word))
		}
		module = word == "-m"
	}
	return found
}

// declared returns those of them that it loads whatever its command runs.
func (s *service) declared() map[string]string {
	found := map[string]string{}
	add := func(why string, names []string) {
		for _, name := range names {
			found[name] = cmp.Or(found[name], why)
		}
	}
	env := s.search.installed
	for _, name := range s.loading.packages {
		if env.Get(name) != nil {
			add("packages", []string{installed.Name(name)})
		} else {
			add("packages", env.Find(name))
		}
	}
	add("python", env.AtStart())
	return found
}

// unknownPackages returns what the configuration names and is not installed.
func (s *service) unknownPackages() []string {
	env := s.search.installed
	if !s.follows() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.loading.packages), func(name string) bool {
		return env.Get(name) != nil || env.Find(name) != nil
	})
}

// commandWords returns the words of a command that may name a program or a
// module; those of a shell's text too.
func commandWords(argv []string) (words []string) {
	for _, arg := range argv {
		words = append(words, strings.FieldsFunc(arg, func(r rune) bool {
			return strings.ContainsRune(" \t\n:;,='\"|&()<>", r)
		})...)
	}
	return words
}

// pack works out what a service loads, given how many files of its reach import
// something of each distribution. Where only what was observed counts, so does
// what cannot be: what runs before anybody observes, and what its configuration
// says besides its command.
func (s *service) pack(imported map[string]int, reach span) *packages {
	p := &packages{imported: imported}
	if !s.follows() {
		return p
	}
	env := s.search.installed
	all := env.All(slices.AppendSeq(slices.Collect(maps.Keys(imported)), maps.Keys(s.given()))...)
	var observed []string
	if reach.known != nil {
		observed = slices.Sorted(maps.Keys(reach.known.Packages))
	}
	for _, name := range observed {
		if env.Get(name) != nil && all[name] == nil {
			p.unnamed = append(p.unnamed, name)
		}
	}
	if reach.exact {
		all = env.All(slices.Collect(maps.Keys(s.declared()))...)
		for _, name := range observed {
			if d := env.Get(name); d != nil {
				all[name] = d
			}
		}
	} else {
		maps.Copy(all, env.All(p.unnamed...))
	}
	p.all = make(map[string]decider.Package, len(all))
	for name, d := range all {
		p.all[name] = decider.Package{Version: d.Version, Sum: watcher.Hash(d.Sum)}
	}
	return p
}

// lookPackages works out what r loads of installed packages in v.
func (v *view) lookPackages(r *reached) *packages {
	s, imported := r.service, map[string]int{}
	if s.follows() {
		for file := range v.loaded(r) {
			for _, name := range v.packagesOf(s, v.graph.Facts(file)) {
				imported[name]++
			}
		}
	}
	return s.pack(imported, r.span)
}

// followPackages works out the same from what it was in before, for files that
// differ between the two.
func (v *view) followPackages(before *view, was, now *reached, files []string) *packages {
	s := now.service
	if !s.follows() {
		return was.packages
	}
	imported := was.packages.imported
	own, news := false, false
	count := func(v *view, r *reached, file string, n int) {
		if !v.graph.Has(file) || !r.all && !r.span.has(file) {
			return
		}
		for _, name := range v.packagesOf(s, v.graph.Facts(file)) {
			if !own {
				imported, own = maps.Clone(imported), true
			}
			imported[name] += n
			if imported[name] == 0 {
				delete(imported, name)
			}
		}
	}
	for _, file := range files {
		if before.graph.Facts(file) == v.graph.Facts(file) && was.all == now.all && (was.all || was.span.has(file) == now.span.has(file)) {
			continue
		}
		count(before, was, file, -1)
		count(v, now, file, 1)
	}
	for name := range imported {
		news = news || was.packages.imported[name] == 0
	}
	if !news && len(imported) == len(was.packages.imported) && now.span.known == was.span.known && now.span.exact == was.span.exact {
		return &packages{imported: imported, all: was.packages.all, unnamed: was.packages.unnamed}
	}
	return s.pack(imported, now.span)
}

// loaded yields the files that r can load, the nearest first.
func (v *view) loaded(r *reached) iter.Seq[string] {
	if r.all {
		return slices.Values(v.graph.Files())
	}
	return r.span.all()
}

// importers has for the services of a view which file imports something of each
// distribution, the nearest one that does: to look for that anew for each
// distribution of a large upgrade would take seconds. It is worked out for who
// asks first.
type importers struct {
	mu    sync.Mutex
	first map[string]map[string]importer // by service and distribution
}

func newImporters() *importers { return &importers{first: map[string]map[string]importer{}} }

// importer is a statement that imports something of a distribution.
type importer struct {
	rank int // in the order of files and statements, the nearest first
	file string
	line int
}

// importers returns the importers of distributions for r.
func (v *view) importers(r *reached) map[string]importer {
	k := v.nearest
	k.mu.Lock()
	defer k.mu.Unlock()
	first, known := k.first[r.service.name]
	if known {
		return first
	}
	first = map[string]importer{}
	env, rank := r.service.search.installed, 0
	for file := range v.loaded(r) {
		for module, line := range r.service.loading.modules(v.graph.Facts(file)) {
			for _, name := range env.Find(module) {
				if _, met := first[name]; !met {
					first[name] = importer{rank, file, line}
					rank++
				}
			}
		}
	}
	k.first[r.service.name] = first
	return first
}

// Needs implements [decider.Graph].
func (v *view) Needs(service, distribution string) []decider.Link {
	r, ok := v.services[service]
	if !ok || !r.service.follows() {
		return nil
	}
	if _, loaded := r.packages.all[installed.Name(distribution)]; !loaded {
		return nil
	}
	users := r.service.search.installed.Users(distribution)
	// What uses it itself is nearer than what needs it by way of another one.
	var chain []decider.Link
	first := v.importers(r)
	var by string
	for name, next := range users {
		at, imported := first[name]
		switch {
		case !imported:
		case next == "":
			return append(v.Chain(service, at.file), decider.Link{From: at.file, Line: at.line, To: name})
		case by == "" || at.rank < first[by].rank:
			by = name
		}
	}
	if at := first[by]; by != "" {
		chain = append(v.Chain(service, at.file), decider.Link{From: at.file, Line: at.line, To: by})
	}
	if named := r.service.given(); chain == nil {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if next, ok := users[name]; ok && (chain == nil || next == "") {
				chain = []decider.Link{{From: named[name], To: name}}
			}
		}
	}
	for _, name := range r.packages.unnamed {
		if next, ok := users[name]; ok && (chain == nil || next == "") {
			chain = []decider.Link{r.span.observedPackage(name)}
		}
	}
	if chain == nil {
		return nil
	}
	for name := chain[len(chain)-1].To; users[name] != ""; name = users[name] {
		chain = append(chain, decider.Link{From: name, To: users[name]})
	}
	return chain
}
