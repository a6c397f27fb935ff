package decider

import (
	"fmt"
	"testing"

	"bounce/watcher"
)

// flatGraph has services that each reach their own files and a shared one,
// without a walk: what is measured is the decision.
type flatGraph struct{ services map[string]map[string][]Link }

func (g flatGraph) Reaches(service, path string) bool {
	_, ok := g.services[service][path]
	return ok
}
func (g flatGraph) Needs(service, distribution string) []Link    { return nil }
func (g flatGraph) Chain(service, path string) []Link            { return g.services[service][path] }
func (flatGraph) Dependents([]string, func(string, []Link) bool) {}
func (flatGraph) Between(_, _ []string) map[string][]Link        { return nil }

// BenchmarkDecide has 20 services of 300 files each. An agent that makes
// each version of the one before pays for the batch alone.
func BenchmarkDecide(b *testing.B) {
	g := flatGraph{make(map[string]map[string][]Link)}
	var shared, fresh []Service
	for i := range 20 {
		name := fmt.Sprintf("service%d", i)
		reach, files := make(map[string][]Link), make(map[string]watcher.Hash)
		for j := range 299 {
			path := fmt.Sprintf("%s/module%d.py", name, j)
			reach[path], files[path] = []Link{{name + ".py", j, path}}, watcher.Hash{1, byte(j)}
		}
		reach["lib.py"], files["lib.py"] = []Link{{name + ".py", 1, "lib.py"}}, watcher.Hash{1}
		g.services[name] = reach
		last := Version{Files: FilesOf(files), Start: map[string]string{"command": name}}
		s := Service{Name: name, Order: 100, Up: true, Now: last, Last: &last}
		shared = append(shared, s)
		s.Now.Files = FilesOf(files)
		fresh = append(fresh, s)
	}
	edit := func(services []Service, path string) []Service {
		var edited []Service
		for _, s := range services {
			if s.Now.Files.Has(path) {
				s.Now.Files = s.Now.Files.With(map[string]watcher.Hash{path: {2}})
			}
			edited = append(edited, s)
		}
		return edited
	}
	for _, c := range []struct {
		name     string
		path     string
		services []Service
		steps    int
	}{
		{"own file, files shared", "service7/module3.py", edit(shared, "service7/module3.py"), 1},
		{"own file, files rebuilt", "service7/module3.py", edit(fresh, "service7/module3.py"), 1},
		{"shared file", "lib.py", edit(shared, "lib.py"), 20},
	} {
		in := Input{Before: g, After: g, Services: c.services,
			Batch: watcher.Batch{Changes: []watcher.Change{{Path: c.path, Kind: watcher.Modified}}}}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if plan := Decide(in); len(plan.Steps) != c.steps {
					b.Fatal(formatPlan(plan))
				}
			}
		})
	}
}
