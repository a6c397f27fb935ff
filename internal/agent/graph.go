package agent

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"bounce/treesitter"
)

// GraphOptions say which part of the import graph is wanted.
type GraphOptions struct {
	// Dependents turns the edges round: who imports a file.
	Dependents bool
	// NoStrings leaves out edges that come of strings.
	NoStrings bool
	// Services are those whose files are wanted, as their processes see them;
	// none for all files.
	Services []string
	// Focus is the file whose surroundings are wanted; "" for all files.
	Focus string
	// Depth is how many imports a file may be away from Focus; 0 for any
	// number.
	Depth int
	// Around says on which sides of Focus.
	Around Side
}

// Side is a direction to look in from a file.
type Side uint8

const (
	BothSides Side = iota
	Imported       // what the file imports
	Importing      // what imports it
)

// scope is a part of the tree: the files that some services can load, or all.
type scope struct {
	view  *view
	roots [][]string      // the root lists under which imports are bound
	files []string        // sorted
	only  map[string]bool // the same; nil for all
}

// scope returns the part of the tree that some services can load; all of it
// without services, or if one of them may load any module.
func (v *view) scope(services []string) (*scope, error) {
	s := &scope{view: v, files: v.graph.Files()}
	addRoots := func(roots []string) {
		if !slices.ContainsFunc(s.roots, func(r []string) bool { return slices.Equal(r, roots) }) {
			s.roots = append(s.roots, roots)
		}
	}
	all := len(services) == 0
	only := map[string]bool{}
	for _, name := range services {
		r, ok := v.services[name]
		if !ok {
			return nil, noService(name, v.names())
		}
		if r.all {
			all = true
			continue
		}
		for _, e := range v.entries(r.service) {
			addRoots(e.Roots)
		}
		for path := range r.span.all() {
			only[path] = true
		}
	}
	if all {
		addRoots(v.roots)
		return s, nil
	}
	s.limit(only)
	return s, nil
}

// limit leaves these files alone in s.
func (s *scope) limit(only map[string]bool) {
	s.only = only
	s.files = slices.DeleteFunc(s.files, func(path string) bool { return !only[path] })
}

func (s *scope) has(path string) bool {
	return s.only == nil || s.only[path]
}

// direct returns the files of s that the file at path imports, sorted.
func (s *scope) direct(path string, noStrings bool) []string {
	to := []string{}
	for _, roots := range s.roots {
		for _, e := range s.view.graph.EdgesUnder(roots, path) {
			if s.has(e.To) && (!noStrings || !isString(e)) {
				to = append(to, e.To)
			}
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}

func isString(e treesitter.Edge) bool {
	return e.Kind == treesitter.String || e.Kind == treesitter.Package || e.Kind == treesitter.Path
}

// Graph returns the Python files that were asked for, sorted, each with the
// files among them that it imports directly, sorted. A file that imports none
// is there with none.
func (p *Project) Graph(opts GraphOptions) (iter.Seq2[string, []string], error) {
	s, err := p.view.scope(opts.Services)
	if err != nil {
		return nil, err
	}
	direct := func(path string) []string { return s.direct(path, opts.NoStrings) }
	if opts.Focus != "" {
		switch {
		case !p.view.graph.Has(opts.Focus):
			return nil, fmt.Errorf("cannot show what is around %q: there is no such Python file in the project; name it as from the working directory", opts.Focus)
		case !s.has(opts.Focus):
			return nil, fmt.Errorf("cannot show what is around %q: it is not in the reach of %s", opts.Focus, strings.Join(opts.Services, ", "))
		}
		s.limit(around(opts.Focus, opts.Depth, opts.Around, s.files, direct))
	}
	if !opts.Dependents {
		return each(s.files, direct), nil
	}
	return each(s.files, reverse(s.files, direct)), nil
}

// each yields the files, each with what links says of it.
func each(files []string, links func(string) []string) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, path := range files {
			if !yield(path, links(path)) {
				return
			}
		}
	}
}

// reverse turns round what direct says of the files, which are sorted, and so
// are the answers. It keeps places in files, not paths: there may be a million
// edges.
func reverse(files []string, direct func(string) []string) func(path string) []string {
	place := make(map[string]int32, len(files))
	for n, path := range files {
		place[path] = int32(n)
	}
	var targets []int32                  // of the first file, then of the second, ...
	ends := make([]int32, len(files))    // where those of each file end
	first := make([]int32, len(files)+1) // how many edges go to the files before
	for n, path := range files {
		for _, to := range direct(path) {
			targets = append(targets, place[to])
			first[place[to]+1]++
		}
		ends[n] = int32(len(targets))
	}
	for n := range files {
		first[n+1] += first[n]
	}
	importers, next, from := make([]int32, len(targets)), slices.Clone(first), int32(0)
	for n, to := range targets {
		for int(ends[from]) <= n {
			from++
		}
		importers[next[to]] = from
		next[to]++
	}
	return func(path string) []string {
		n, ok := place[path]
		if !ok {
			return nil
		}
		all := make([]string, 0, first[n+1]-first[n])
		for _, from := range importers[first[n]:first[n+1]] {
			all = append(all, files[from])
		}
		return all
	}
}

// around returns the files at most depth imports away from the one at path, or
// any number if depth is 0.
func around(path string, depth int, side Side, files []string, direct func(string) []string) map[string]bool {
	near := map[string]bool{}
	spread := func(links func(string) []string) {
		seen := map[string]bool{path: true}
		for at, far := []string{path}, 0; len(at) > 0 && (depth == 0 || far < depth); far++ {
			var next []string
			for _, from := range at {
				for _, to := range links(from) {
					if !seen[to] {
						seen[to] = true
						next = append(next, to)
					}
				}
			}
			at = next
		}
		for p := range seen {
			near[p] = true
		}
	}
	if side != Importing {
		spread(direct)
	}
	if side != Imported {
		spread(reverse(files, direct))
	}
	return near
}
