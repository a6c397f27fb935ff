package agent

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"bounce/configs"
	"bounce/decider"
	"bounce/treesitter"
	"bounce/watcher"
)

// span is the files of the tree that a process of a service can load: those to
// which imports lead from its entries, and those that its generations were
// observed to load, with what they import. It is never changed.
type span struct {
	static *treesitter.Reach
	// missed are the modules that were observed and to which no imports lead,
	// sorted; seen is from these, nil for none.
	missed []string
	seen   *treesitter.Reach
	// known has what was observed; nil for nothing. exact says that nothing else
	// counts.
	known *sightings
	exact bool
}

// spanOf works out the span of a service in v, where it was old in the view
// before; the zero span if there was none.
func (v *view) spanOf(s *service, old span) span {
	entries := v.entries(s)
	p := span{static: v.graph.Reach(entries...)}
	if s.reach == configs.ReachStatic {
		return p
	}
	if p.known = v.seen[s.name].of(s.sightingKey()); p.known == nil {
		return p
	}
	p.exact = s.reach == configs.ReachObserved && p.known.Whole && p.begun()
	var roots []string
	if len(entries) > 0 {
		roots = entries[0].Roots
	}
	p.missed = p.unforeseen(old)
	var observed []treesitter.Entry
	for _, path := range p.missed {
		observed = append(observed, treesitter.Entry{File: path, Roots: roots})
	}
	if len(observed) > 0 {
		p.seen = v.graph.Reach(observed...)
	}
	return p
}

// begun reports whether an entry of the service itself was observed, or there is
// none in the tree. If it was not, who has told is but what starts it.
func (p span) begun() bool {
	there := false
	for path := range p.static.All() { // the entries first
		if len(p.static.Chain(path)) > 0 {
			break
		}
		there = true
		if _, seen := p.known.get(path); seen {
			return true
		}
	}
	return !there
}

// unforeseen returns the modules that were observed and to which no imports lead.
// There are thousands to look at, of which most edits change none.
func (p span) unforeseen(old span) (paths []string) {
	if old.known == p.known {
		if in, out := p.static.Since(old.static); len(in) == 0 && len(out) == 0 {
			return old.missed
		}
	}
	for _, path := range p.known.modules {
		if !p.static.Has(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// has reports whether the file at path is in it.
func (p span) has(path string) bool {
	if _, seen := p.known.get(path); seen || p.exact {
		return seen
	}
	return p.static.Has(path) || p.seen != nil && p.seen.Has(path)
}

// all yields the files, those nearest to where imports begin first.
func (p span) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		for path := range p.static.All() {
			if p.has(path) && !yield(path) {
				return
			}
		}
		if p.seen != nil {
			for path := range p.seen.All() {
				if !p.static.Has(path) && p.has(path) && !yield(path) {
					return
				}
			}
		}
		if p.known == nil {
			return
		}
		for path, seen := range p.known.Files {
			if seen.Opened && !p.static.Has(path) && !yield(path) {
				return
			}
		}
	}
}

// since returns the files that p has and old has not, and those that only old
// has, in no particular order.
func (p span) since(old span) (came, went []string) {
	met := map[string]bool{}
	look := func(paths iter.Seq[string]) {
		for path := range paths {
			if met[path] {
				continue
			}
			met[path] = true
			switch is, was := p.has(path), old.has(path); {
			case is && !was:
				came = append(came, path)
			case was && !is:
				went = append(went, path)
			}
		}
	}
	if p.known == old.known && p.exact == old.exact && (p.seen == nil) == (old.seen == nil) {
		for _, pair := range [][2]*treesitter.Reach{{p.static, old.static}, {p.seen, old.seen}} {
			if pair[0] == nil {
				continue
			}
			in, out := pair[0].Since(pair[1])
			look(slices.Values(in))
			look(slices.Values(out))
		}
		return came, went
	}
	look(p.all())
	look(old.all())
	return came, went
}

// chain returns the shortest chain of imports to path: from an entry, or where
// none leads there from a file that was observed, which comes behind words that
// say so. It is nil if the file is not in the span, or is gone.
func (p span) chain(path string) []decider.Link {
	switch {
	case !p.has(path):
		return nil
	case p.static.Has(path):
		return links(p.static.Chain(path))
	case p.seen != nil && p.seen.Has(path):
		chain := links(p.seen.Chain(path))
		first := path
		if len(chain) > 0 {
			first = chain[0].From
		}
		return append([]decider.Link{p.observed(first)}, chain...)
	}
	if seen, _ := p.known.get(path); seen.Opened {
		return []decider.Link{p.observed(path)}
	}
	return nil
}

// observed is the link to a file that was observed.
func (p span) observed(path string) decider.Link {
	seen, _ := p.known.get(path)
	word := "observed in generation "
	if seen.Opened {
		word = "opened in generation "
	}
	return decider.Link{From: word + strconv.Itoa(seen.Generation), To: path}
}

// idle returns the files to which imports lead and which no generation has
// loaded, as far as any has told.
func (p span) idle() (paths []string) {
	if p.known == nil || !p.known.Whole {
		return nil
	}
	for path := range p.static.All() {
		if _, seen := p.known.get(path); !seen {
			paths = append(paths, path)
		}
	}
	return paths
}

// unwatched returns the modules that a service was observed to load and that
// watch.ignore leaves out: they are there, and not in the graph.
func (v *view) unwatched(service string, opts watcher.Options) (paths []string) {
	for _, path := range v.services[service].span.missed {
		if v.graph.Has(path) || !opts.LeavesOut(path) {
			continue
		}
		if _, err := os.Stat(filepath.Join(opts.Dir, filepath.FromSlash(path))); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}
