package agent

import (
	"iter"
	"slices"

	"bounce/treesitter"
)

// GraphOptions say which part of the import graph is wanted.
type GraphOptions struct {
	// Dependents turns the edges round: who imports a file.
	Dependents bool
	// NoStrings leaves out edges that come of strings.
	NoStrings bool
}

// Graph calls yield with every Python file of the project, sorted, and with
// the files that it imports directly, sorted. A file that imports none is
// there with none.
func (p *Project) Graph(opts GraphOptions) iter.Seq2[string, []string] {
	g := p.view.graph
	direct := func(path string) []string {
		to := []string{}
		for _, e := range g.Edges(path) {
			if !opts.NoStrings || e.Kind != treesitter.String && e.Kind != treesitter.Package {
				to = append(to, e.To)
			}
		}
		slices.Sort(to)
		return slices.Compact(to)
	}
	if !opts.Dependents {
		return func(yield func(string, []string) bool) {
			for _, path := range g.Files() {
				if !yield(path, direct(path)) {
					return
				}
			}
		}
	}
	return func(yield func(string, []string) bool) {
		importers := map[string][]string{}
		for _, path := range g.Files() {
			for _, to := range direct(path) {
				importers[to] = append(importers[to], path)
			}
		}
		for _, path := range g.Files() {
			if !yield(path, append([]string{}, importers[path]...)) {
				return
			}
		}
	}
}
