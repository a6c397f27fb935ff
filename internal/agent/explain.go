package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bounce/decider"
	"bounce/internal/control"
)

// why says of a file, or of an installed distribution, which of the named
// services can load it, all without a name, and through which imports: the
// shortest chain, and if limit is above 0 every chain, at most so many. It reads
// the view that the next decision starts from, so it is no second guess.
func (v *view) why(path string, names []string, limit int) (control.Why, error) {
	out := control.Why{Path: path, Services: []control.Reached{}, Unreached: []string{}}
	if len(names) == 0 {
		names = v.names()
	}
	for _, name := range names {
		r, ok := v.services[name]
		if !ok {
			return control.Why{}, noService(name, v.names())
		}
		if reached, ok := v.reaches(r, path); ok {
			switch {
			case limit == 0 || reached.Via != "":
			case v.graph.Has(path):
				reached.Chains, reached.More = v.chains(r, path, limit)
				if len(reached.Chains) == 0 { // it was observed
					reached.Chains = [][]control.Link{reached.Chain}
				}
			default: // a package, of which one way is known
				reached.Chains, reached.More = [][]control.Link{reached.Chain}, true
			}
			out.Services = append(out.Services, reached)
		} else {
			out.Unreached = append(out.Unreached, name)
		}
	}
	return out, nil
}

// reaches says how r reaches path.
func (v *view) reaches(r *reached, path string) (control.Reached, bool) {
	name := r.service.name
	if chain := v.Chain(name, path); chain != nil {
		out := control.Reached{Name: name, Chain: chainOf(chain)}
		if r.all {
			out.Via = "any module: " + r.service.unknown
		}
		return out, true
	}
	if glob := r.service.names(path); glob != "" {
		return control.Reached{Name: name, Chain: []control.Link{}, Via: "watch " + glob}, true
	}
	if chain := v.Needs(name, path); chain != nil {
		return control.Reached{Name: name, Chain: chainOf(chain)}, true
	}
	return control.Reached{}, false
}

// chains returns the ways on which r reaches path, and whether there are more.
func (v *view) chains(r *reached, path string, limit int) (all [][]control.Link, more bool) {
	found, more := v.graph.Chains(path, limit, v.entries(r.service)...)
	for _, chain := range found {
		all = append(all, chainOf(links(chain)))
	}
	return all, more
}

// affected says which files and services a change of paths reaches.
func (v *view) affected(paths []string) control.Affected {
	out := control.Affected{Changed: paths, Affected: []control.AffectedFile{}, Services: []control.Reached{}}
	v.Dependents(paths, func(path string, chain []decider.Link) bool {
		out.Affected = append(out.Affected, control.AffectedFile{Path: path, Chain: chainOf(chain)})
		return true
	})
	slices.SortFunc(out.Affected, func(a, b control.AffectedFile) int { return strings.Compare(a.Path, b.Path) })
	for _, name := range v.names() {
		for _, path := range paths {
			if reached, ok := v.reaches(v.services[name], path); ok {
				out.Services = append(out.Services, reached)
				break
			}
		}
	}
	return out
}

func noService(name string, known []string) error {
	hint := "there are none"
	if len(known) > 0 {
		hint = "there are: " + strings.Join(known, ", ")
	}
	return &control.Refusal{Text: fmt.Sprintf("no service %q; %s", name, hint)}
}

// asks returns the actions that rules ask for when paths change, in their
// order, each with the first way that leads there.
func (v *view) asks(rules decider.Rules, paths []string) []control.Asked {
	expand := v.Dependents
	if len(rules.Rules) == 0 {
		// Without rules the fallback is for what no service takes.
		expand = nil
		paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
			return slices.ContainsFunc(v.names(), func(name string) bool {
				_, ok := v.reaches(v.services[name], path)
				return ok
			})
		})
	}
	var all []control.Asked
	for _, f := range rules.Fire(paths, expand).Actions {
		action, first := rules.Actions[f.Name], f.Reasons[0]
		all = append(all, control.Asked{
			Name: f.Name, Chain: chainOf(first.Chain), Rule: first.Rule, RuleLine: first.RuleLine,
			Runs: action.Command, Restart: action.Restart, Signal: action.Signal,
		})
	}
	return all
}

// explainer answers questions by one view and the rules.
type explainer struct {
	*view
	rules decider.Rules
}

func (q explainer) why(path string, services []string, limit int) (control.Why, error) {
	out, err := q.view.why(path, services, limit)
	if err != nil {
		return out, err
	}
	out.Actions = slices.DeleteFunc(q.asks(q.rules, []string{path}), func(a control.Asked) bool {
		return len(services) > 0 && !slices.ContainsFunc(services, func(name string) bool {
			_, signalled := a.Signal[name]
			return signalled || slices.Contains(a.Restart, name)
		})
	})
	return out, nil
}

func (q explainer) affected(paths []string) control.Affected {
	out := q.view.affected(paths)
	out.Actions = q.asks(q.rules, paths)
	return out
}

// Why implements [control.Backend].
func (a *Agent) Why(path string, services []string, limit int) (control.Why, error) {
	a.hearNow()
	return explainer{a.view(), a.config().DecideBy()}.why(path, services, limit)
}

// Affected implements [control.Backend].
func (a *Agent) Affected(paths []string) (control.Affected, error) {
	a.hearNow()
	return explainer{a.view(), a.config().DecideBy()}.affected(paths), nil
}

// Why answers without an agent; ctx is not needed, and is there so that a
// project and a client of an agent can stand in for one another.
func (p *Project) Why(_ context.Context, path string, services []string, limit int) (control.Why, error) {
	return explainer{p.view, p.config.DecideBy()}.why(path, services, limit)
}

// Affected answers without an agent.
func (p *Project) Affected(_ context.Context, paths []string) (control.Affected, error) {
	return explainer{p.view, p.config.DecideBy()}.affected(paths), nil
}
