package agent

import (
	"cmp"
	"slices"
)

// Weight is what a change of a file costs.
type Weight struct {
	Path string `json:"path"`
	// Services are those that restart.
	Services []string `json:"services"`
	// Dependents is the number of other files that import it, directly or
	// through others.
	Dependents int `json:"dependents"`
}

// Heaviest returns the n files whose change restarts the most of the services,
// of all if none is named, and of those that restart as many the ones that most
// files import. Files that restart none are left out, unless there are no
// services at all.
func (p *Project) Heaviest(n int, services []string) ([]Weight, error) {
	v := p.view
	if len(services) == 0 {
		services = v.names()
	}
	restarts := map[string]int{}
	for _, name := range services {
		r, ok := v.services[name]
		if !ok {
			return nil, noService(name, v.names())
		}
		for path := range r.version.Files.All() {
			restarts[path]++
		}
	}
	files := v.graph.Files()
	if len(services) > 0 {
		files = slices.DeleteFunc(files, func(path string) bool { return restarts[path] == 0 })
	}
	slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(restarts[b], restarts[a]) })
	// Only those that may be among the first are worth counting more.
	end := min(n, len(files))
	for end > 0 && end < len(files) && restarts[files[end]] == restarts[files[end-1]] {
		end++
	}
	files = files[:end]
	all := make([]Weight, len(files))
	for i, count := range v.graph.CountDependents(files) {
		all[i] = Weight{Path: files[i], Services: []string{}, Dependents: count}
	}
	slices.SortStableFunc(all, func(a, b Weight) int {
		return cmp.Or(cmp.Compare(restarts[b.Path], restarts[a.Path]), cmp.Compare(b.Dependents, a.Dependents))
	})
	all = all[:min(n, len(all))]
	for i := range all {
		for _, name := range services {
			if v.services[name].version.Files.Has(all[i].Path) {
				all[i].Services = append(all[i].Services, name)
			}
		}
	}
	return all, nil
}
