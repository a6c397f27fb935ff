package agent

import (
	"cmp"
	"slices"

	"bounce/internal/control"
	"bounce/treesitter"
)

// Cycle is some files that all import one another.
type Cycle struct {
	Files []string `json:"files"`
	// Chain is a shortest way round among them.
	Chain []control.Link `json:"chain"`
}

// Cycles returns the import cycles of the project, or those within what the
// services can load, the largest first; see [treesitter.Graph.Cycles] for what
// is none.
func (p *Project) Cycles(services []string, noStrings bool) ([]Cycle, error) {
	s, err := p.view.scope(services)
	if err != nil {
		return nil, err
	}
	all := []Cycle{}
	for _, roots := range s.roots {
		for _, c := range p.view.graph.Cycles(roots, func(e treesitter.Edge) bool {
			return s.has(e.From) && s.has(e.To) && (!noStrings || !isString(e))
		}) {
			if slices.ContainsFunc(all, func(o Cycle) bool { return slices.Equal(o.Files, c.Files) }) {
				continue // of processes that differ elsewhere
			}
			all = append(all, Cycle{Files: c.Files, Chain: chainOf(links(c.Chain))})
		}
	}
	slices.SortStableFunc(all, func(a, b Cycle) int { return cmp.Compare(len(b.Files), len(a.Files)) })
	return all, nil
}
