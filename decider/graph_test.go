package decider

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// textGraph is an import graph written as text: "a.py->b.py:3; b.py->c.py",
// where 3 is the line of the import.
type textGraph struct {
	imports map[string][]Link
	entries map[string][]string // by service
	needs   map[string][]Link   // by service and distribution, with a blank between
}

func parseGraph(text string) (*textGraph, error) {
	g := &textGraph{imports: make(map[string][]Link), entries: make(map[string][]string)}
	for edge := range strings.SplitSeq(text, ";") {
		if edge = strings.TrimSpace(edge); edge == "" {
			continue
		}
		from, to, ok := strings.Cut(edge, "->")
		if !ok {
			return nil, fmt.Errorf("edge %q: want FROM->TO:LINE", edge)
		}
		to, at, ok := strings.Cut(to, ":")
		line := 1
		if ok {
			var err error
			if line, err = strconv.Atoi(at); err != nil {
				return nil, err
			}
		}
		g.imports[from] = append(g.imports[from], Link{from, line, to})
	}
	return g, nil
}

// shortest walks breadth first from start and returns the way to each file.
func shortest(start []string, next func(string) []Link, of func(Link) string, grow func([]Link, Link) []Link) map[string][]Link {
	ways := make(map[string][]Link)
	queue := slices.Sorted(slices.Values(start))
	for _, path := range queue {
		ways[path] = []Link{}
	}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		for _, link := range next(path) {
			if _, ok := ways[of(link)]; !ok {
				ways[of(link)] = grow(ways[path], link)
				queue = append(queue, of(link))
			}
		}
	}
	return ways
}

func (g *textGraph) reach(service string) map[string][]Link {
	return shortest(g.entries[service],
		func(path string) []Link { return g.imports[path] },
		func(l Link) string { return l.To },
		func(way []Link, l Link) []Link { return append(slices.Clone(way), l) })
}

func (g *textGraph) Reaches(service, path string) bool {
	_, ok := g.reach(service)[path]
	return ok
}

func (g *textGraph) Chain(service, path string) []Link { return g.reach(service)[path] }
func (g *textGraph) Needs(service, distribution string) []Link {
	return g.needs[service+" "+distribution]
}

func (g *textGraph) Dependents(paths []string, yield func(string, []Link) bool) {
	importers := make(map[string][]Link)
	for _, from := range slices.Sorted(maps.Keys(g.imports)) {
		for _, l := range g.imports[from] {
			importers[l.To] = append(importers[l.To], l)
		}
	}
	ways := shortest(paths,
		func(path string) []Link { return importers[path] },
		func(l Link) string { return l.From },
		func(way []Link, l Link) []Link { return append([]Link{l}, way...) })
	for path, way := range ways {
		if !slices.Contains(paths, path) && !yield(path, way) {
			return
		}
	}
}

func (g *textGraph) Between(from, to []string) map[string][]Link {
	ways := shortest(from,
		func(path string) []Link { return g.imports[path] },
		func(l Link) string { return l.To },
		func(way []Link, l Link) []Link { return append(slices.Clone(way), l) })
	maps.DeleteFunc(ways, func(path string, _ []Link) bool {
		return slices.Contains(from, path) || !slices.Contains(to, path)
	})
	return ways
}
