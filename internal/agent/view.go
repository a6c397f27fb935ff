package agent

import (
	"maps"
	"slices"

	"bounce/decider"
	"bounce/runner"
	"bounce/treesitter"
	"bounce/watcher"
)

// tree is every file of the project with the hash of its bytes. It is owned by
// the agent's loop and changes with each batch.
type tree map[string]watcher.Hash

// apply makes the changes of a batch.
func (t tree) apply(b watcher.Batch) {
	for _, c := range b.Changes {
		if c.Kind == watcher.Deleted {
			delete(t, c.Path)
		} else {
			t[c.Path] = c.New
		}
	}
}

// view is the import graph as of one batch, and what each service can load of
// it. A view never changes; update returns the next one. It is the decider's
// Graph.
type view struct {
	graph    *treesitter.Graph
	roots    []string            // import roots
	services map[string]*reached // by name
	// seen has what was observed of services, by name.
	seen map[string]*sightings
	// importing is not nil while the view is made.
	importing importing
	// nearest is for Needs, and this view alone.
	nearest *importers
	// cosmetic has the files of the batch that changed in nothing that
	// services go by.
	cosmetic map[string]bool
}

// reached is what a service can load.
type reached struct {
	service *service
	// all says that the entry is unknown, so that any module of the tree may
	// be loaded.
	all  bool
	span span
	// watched has the files that the service's watch globs name.
	watched map[string]watcher.Hash
	// packages are the installed ones that it may load.
	packages *packages
	version  decider.Version
}

func emptyView(opts treesitter.Options) *view {
	if len(opts.Roots) == 0 {
		opts.Roots = []string{"."}
	}
	return &view{graph: treesitter.New(opts), roots: opts.Roots, services: map[string]*reached{}, nearest: newImporters()}
}

// newView returns the view of an empty tree, given what was observed before.
func newView(opts treesitter.Options, services []*service, seen map[string]*sightings) *view {
	v := emptyView(opts)
	v.seen = seen
	for _, s := range services {
		v.services[s.name] = v.look(s, nil, nil)
	}
	return v
}

// rooted returns v with other import roots: what the files say stays, where
// their imports lead is worked out anew.
func (v *view) rooted(opts treesitter.Options, code tree) *view {
	var all []treesitter.Change
	for _, path := range v.graph.Files() {
		all = append(all, treesitter.Change{Path: path, Facts: v.graph.Facts(path)})
	}
	next := emptyView(opts)
	next.graph, next.seen = next.graph.Update(all), v.seen
	next.importing = importing{}
	for name, r := range v.services {
		next.services[name] = next.look(r.service, code, r.watched)
	}
	next.importing = nil
	return next
}

// update returns the view after a batch whose modules changed as in changes;
// code is the tree with the batch applied, by what services go by.
func (v *view) update(code tree, b watcher.Batch, changes []treesitter.Change) *view {
	next := &view{graph: v.graph, roots: v.roots, services: make(map[string]*reached, len(v.services)), seen: v.seen, nearest: newImporters()}
	if len(changes) > 0 {
		next.graph = v.graph.Update(changes)
	}
	next.importing = importing{}
	for name, r := range v.services {
		next.services[name] = next.follow(v, r, code, b)
	}
	next.importing = nil
	return next
}

// follow works out what look would for the service of r, which is of the view
// before the batch. It touches only what the batch names and what came into the
// reach or left it, and the version of a service shares the rest with the one
// before.
func (v *view) follow(before *view, r *reached, code tree, b watcher.Batch) *reached {
	s, watched := r.service, r.service.watched(r.watched, b)
	next := &reached{service: s, all: r.all, watched: watched, packages: r.packages, version: r.version}
	var differ []string
	next.span = r.span
	if v.graph != before.graph || v.seen[s.name].of(s.sightingKey()) != r.span.known {
		next.span = v.spanOf(s, r.span)
	}
	if !r.all {
		came, went := next.span.since(r.span)
		differ = append(came, went...)
	}
	for _, c := range b.Changes {
		if next.loads(c.Path) {
			differ = append(differ, c.Path)
		}
	}
	if len(differ) == 0 && next.span.known == r.span.known {
		return next
	}
	changes := make(map[string]watcher.Hash, len(differ))
	for _, path := range differ {
		changes[path] = next.hash(path, code)
	}
	next.version.Files = r.version.Files.With(changes)
	next.packages = v.followPackages(before, r, next, slices.Collect(maps.Keys(changes)))
	next.version.Packages = next.packages.all
	return next
}

// hash returns what the version of r goes by for a file; zero if the service
// does not load it. What a watch glob names is data: it counts by its bytes.
func (r *reached) hash(path string, code tree) watcher.Hash {
	if hash, ok := r.watched[path]; ok {
		return hash
	}
	if !r.loads(path) {
		return watcher.Hash{}
	}
	return code[path]
}

// loads reports whether the service can load the file at path, if there is one.
func (r *reached) loads(path string) bool {
	return r.all && isModule(path) || !r.all && r.span.has(path) || r.service.watches(path) != ""
}

// with returns v as it would be if there were modules at paths too, empty ones:
// what imports them then is what would be without them now. It is for questions
// about the graph alone.
func (v *view) with(paths []string) *view {
	var all []treesitter.Change
	for _, path := range paths {
		if isModule(path) && !v.graph.Has(path) {
			all = append(all, treesitter.Change{Path: path, Facts: &treesitter.Facts{}})
		}
	}
	if len(all) == 0 {
		return v
	}
	return &view{graph: v.graph.Update(all), roots: v.roots, services: v.services, seen: v.seen, nearest: newImporters()}
}

// look works out what s can load in v.
func (v *view) look(s *service, code tree, watched map[string]watcher.Hash) *reached {
	r := &reached{service: s, span: v.spanOf(s, span{}), watched: watched}
	r.all = s.unknown != "" && !r.span.exact
	load := make(map[string]watcher.Hash, len(watched))
	if r.all {
		for path, hash := range code {
			if isModule(path) {
				load[path] = hash
			}
		}
	} else {
		for path := range r.span.all() {
			if hash, ok := code[path]; ok {
				load[path] = hash
			}
		}
	}
	maps.Copy(load, watched)
	r.packages = v.lookPackages(r)
	r.version = decider.Version{Files: decider.FilesOf(load), Start: s.start, Packages: r.packages.all}
	return r
}

// Reaches implements [decider.Graph].
func (v *view) Reaches(service, path string) bool {
	r, ok := v.services[service]
	if !ok {
		return false
	}
	if r.all {
		return v.graph.Has(path)
	}
	return r.span.has(path)
}

// Chain implements [decider.Graph].
func (v *view) Chain(service, path string) []decider.Link {
	r, ok := v.services[service]
	switch {
	case !ok || !v.Reaches(service, path):
		return nil
	case r.all:
		return []decider.Link{}
	}
	return r.span.chain(path)
}

// Dependents implements [decider.Graph].
func (v *view) Dependents(paths []string, yield func(path string, chain []decider.Link) bool) {
	v.dependents(paths, func(path string, back *treesitter.Reach) bool { return yield(path, links(back.Chain(path))) })
}

// dependents is Dependents with what knows the chains in their place.
func (v *view) dependents(paths []string, yield func(path string, back *treesitter.Reach) bool) {
	var known []string
	given := make(map[string]bool, len(paths))
	for _, p := range paths {
		if v.graph.Has(p) && !given[p] {
			given[p] = true
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		return
	}
	reverse := v.graph.Dependents(known...)
	for path := range reverse.All() {
		if !given[path] && !yield(path, reverse) {
			return
		}
	}
}

// Between implements [decider.Graph]. It walks the imports that Dependents
// walks backwards.
func (v *view) Between(from, to []string) map[string][]decider.Link {
	wanted := make(map[string]bool, len(to))
	for _, path := range to {
		wanted[path] = v.graph.Has(path)
	}
	before := make(map[string]treesitter.Edge) // how a file was first found
	queue := slices.Clone(from)
	for _, path := range from {
		before[path] = treesitter.Edge{}
		wanted[path] = false
	}
	found := make(map[string][]decider.Link)
	for ; len(queue) > 0; queue = queue[1:] {
		for _, e := range v.graph.Edges(queue[0]) {
			if _, met := before[e.To]; met {
				continue
			}
			before[e.To] = e
			queue = append(queue, e.To)
			if wanted[e.To] {
				found[e.To] = links(trail(before, e.To))
			}
		}
	}
	return found
}

// trail follows the edges by which files were found back to where the search
// began, and returns them from there.
func trail(before map[string]treesitter.Edge, path string) []treesitter.Edge {
	var chain []treesitter.Edge
	for e := before[path]; e.From != ""; e = before[e.From] {
		chain = append(chain, e)
	}
	slices.Reverse(chain)
	return chain
}

// links turns a chain of the graph into the decider's words.
func links(edges []treesitter.Edge) []decider.Link {
	out := make([]decider.Link, len(edges))
	for i, e := range edges {
		out[i] = decider.Link{From: e.From, Line: e.Line, To: e.To}
	}
	return out
}

// names returns the names of the services, sorted.
func (v *view) names() []string { return slices.Sorted(maps.Keys(v.services)) }

// specs returns how the services are run, by name.
func (v *view) specs() []runner.Spec {
	var specs []runner.Spec
	for _, name := range v.names() {
		specs = append(specs, v.services[name].service.spec)
	}
	return specs
}
