package treesitter

import (
	"cmp"
	"iter"
	"math"
	mathbits "math/bits"
	"path"
	"slices"
	"strings"
)

// Cycle is a set of files each of which leads to all others.
type Cycle struct {
	// Files are all of them, sorted; at least two.
	Files []string
	// Chain is a shortest way round among them: each edge begins where the one
	// before ends, and the last ends where the first begins. In a set of many
	// thousands it may be the shortest that was found in the time there is.
	Chain []Edge
}

// Cycles returns the import cycles under a root list, nil for the graph's, as
// far as follow returns true of their edges: the largest first, then by path.
//
// That a module's own packages run before it is how Python works, and would
// make a cycle of every package that imports a module of its own. Such an edge
// counts only where the module takes a name from the package that is no
// submodule of it. Imports under "if TYPE_CHECKING" make no cycle: they are how
// cycles are avoided.
func (g *Graph) Cycles(roots []string, follow func(Edge) bool) []Cycle {
	v := g.view(g.orOwn(roots))
	paths := g.table.all()
	written := func(i id) []link {
		var kept []link
		for _, l := range v.links(i) {
			if l.kind == Typing || !v.written(paths, i, &l) {
				continue
			}
			if follow(Edge{paths[i], paths[l.to], int(l.line), l.kind}) {
				kept = append(kept, l)
			}
		}
		return kept
	}
	var all []Cycle
	for files := range g.components(written) {
		if len(files) == 1 {
			continue
		}
		files = slices.Clone(files)
		slices.SortFunc(files, func(a, b id) int { return cmp.Compare(paths[a], paths[b]) })
		c := Cycle{Files: make([]string, len(files))}
		for n, i := range files {
			c.Files[n] = paths[i]
		}
		for _, s := range shortest(inside(files, written)) {
			c.Chain = append(c.Chain, Edge{c.Files[s.at], c.Files[s.to], int(s.line), s.kind})
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Cycle) int {
		return cmp.Or(cmp.Compare(len(b.Files), len(a.Files)), cmp.Compare(a.Files[0], b.Files[0]))
	})
	return all
}

// orOwn returns a root list, the graph's own for none.
func (g *Graph) orOwn(roots []string) []string {
	if len(roots) == 0 {
		return g.opts.Roots
	}
	return roots
}

// written reports whether a link of the file i is there because of what the
// file says and not only since a package is run before what is in it; it
// corrects the line.
func (v *view) written(paths []string, i id, l *link) bool {
	if l.kind != Parent && l.kind != From {
		return true
	}
	dir, base := path.Split(paths[l.to])
	if stem, _ := moduleName(base); stem != "__init__" || dir == "" || !strings.HasPrefix(paths[i], dir) {
		return true
	}
	if l.kind == Parent {
		return false
	}
	line, ok := v.taken(i, l.to)
	l.line = line
	return ok
}

// taken returns the line of the first import of the file i that takes from the
// package to a name that is no submodule of it, or takes the package itself.
func (v *view) taken(i, to id) (line int32, ok bool) {
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	r := resolver{view: v, names: v.names, path: v.g.table.path(i)}
	for ref := range v.g.files.at(i).refs {
		if ref.Kind != From || ref.Scope&InTyping != 0 || v.g.opts.SkipLazy && ref.Scope&InFunction != 0 {
			continue
		}
		for _, start := range r.start(ref.Level) {
			m := v.names.find(start, ref.Module)
			if m == nil {
				continue
			}
			for _, n := range ref.Names {
				child := v.names.child(m, n.Name)
				if child == nil && slices.Contains(m.files, to) || child != nil && slices.Contains(child.files, to) {
					return int32(ref.Line), true
				}
			}
		}
	}
	return 0, false
}

// components yields the strongly connected components of the graph's files,
// each after all that it leads to. What is yielded is overwritten afterwards.
// This is Tarjan's algorithm without recursion, so that a chain of imports may
// be as long as there are files.
func (g *Graph) components(links func(id) []link) iter.Seq[[]id] {
	return func(yield func([]id) bool) {
		type frame struct {
			file id
			left []link
		}
		var (
			n     = len(g.table.all())
			seen  = make([]int32, n) // 1 + how many were seen before; done when its component is known
			low   = make([]int32, n) // the first seen that leads back here
			count int32
			open  []id // seen, component not known yet
			calls []frame
		)
		const done = math.MaxInt32
		enter := func(i id) {
			count++
			seen[i], low[i] = count, count
			open = append(open, i)
			calls = append(calls, frame{i, links(i)})
		}
		for first := range id(n) {
			if g.files.at(first) == nil || seen[first] != 0 {
				continue
			}
			for enter(first); len(calls) > 0; {
				top := &calls[len(calls)-1]
				if len(top.left) > 0 {
					to := top.left[0].to
					top.left = top.left[1:]
					if seen[to] == 0 {
						enter(to)
					} else {
						low[top.file] = min(low[top.file], seen[to])
					}
					continue
				}
				at := top.file
				calls = calls[:len(calls)-1]
				if len(calls) > 0 {
					above := calls[len(calls)-1].file
					low[above] = min(low[above], low[at])
				}
				if low[at] < seen[at] {
					continue
				}
				begin := len(open) - 1
				for open[begin] != at {
					begin--
				}
				for _, i := range open[begin:] {
					seen[i], low[i] = done, done
				}
				if !yield(open[begin:]) {
					return
				}
				open = open[:begin]
			}
		}
	}
}

// hop is a link between two files of a component, by their places in it.
type hop struct {
	at, to int32
	line   int32
	kind   Kind
}

// inside returns the links between files, by their places.
func inside(files []id, links func(id) []link) [][]hop {
	place := make(map[id]int32, len(files))
	for n, i := range files {
		place[i] = int32(n)
	}
	all := make([][]hop, len(files))
	for n, i := range files {
		for _, l := range links(i) {
			if to, ok := place[l.to]; ok {
				all[n] = append(all[n], hop{int32(n), to, l.line, l.kind})
			}
		}
	}
	return all
}

// maxHops bounds what the search for a shortest cycle costs: some 50 ms. Only a
// component of thousands of files without short cycles comes near it.
const maxHops = 8 << 20

// shortest returns a shortest cycle of a strongly connected component: the
// first of several that begins at the first file. It searches from each file
// in turn, never further than a cycle would be shorter than the best.
func shortest(all [][]hop) []hop {
	var best []hop
	seen := make([]int32, len(all)) // 1 + the file the search began at
	came := make([]hop, len(all))   // how it came there
	far := make([]int, len(all))
	var queue []int32
	work := 0
	for start := range int32(len(all)) {
		if len(best) == 2 || best != nil && work > maxHops {
			break
		}
		queue = append(queue[:0], start)
		seen[start], far[start] = start+1, 0
	search:
		for n := 0; n < len(queue); n++ {
			at := queue[n]
			if best != nil && far[at]+1 >= len(best) {
				break
			}
			for _, h := range all[at] {
				work++
				if h.to == start {
					best = best[:0]
					for ; h.at != start; h = came[h.at] {
						best = append(best, h)
					}
					best = append(best, h)
					slices.Reverse(best)
					break search
				}
				if seen[h.to] != start+1 {
					seen[h.to], came[h.to], far[h.to] = start+1, h, far[at]+1
					queue = append(queue, h.to)
				}
			}
		}
	}
	return best
}

// CountDependents returns for each of the paths how many other files lead to
// it, under the graph's roots. It costs far less than to ask for the dependents
// of each: 64 paths take one pass over the graph.
func (g *Graph) CountDependents(paths []string) []int {
	v := g.view(g.opts.Roots)
	// Components come after those that they lead to, so that one pass in this
	// order carries the marks of files all the way to whoever leads to them.
	var (
		of    = make([]int32, len(g.table.all())) // component by file
		sizes []int
		leads [][]int32
	)
	for files := range g.components(v.links) {
		this := int32(len(sizes))
		for _, i := range files {
			of[i] = this
		}
		var to []int32
		for _, i := range files {
			for _, l := range v.links(i) {
				if c := of[l.to]; c != this {
					to = append(to, c)
				}
			}
		}
		slices.Sort(to)
		sizes, leads = append(sizes, len(files)), append(leads, slices.Clip(slices.Compact(to)))
	}
	// Neighbours in that order have much the same dependents, so that most
	// marks of a block are all or nothing.
	var order []int // places in paths
	where := make([]int32, len(paths))
	for n, p := range paths {
		if i, ok := g.lookup(p); ok {
			where[n] = of[i]
			order = append(order, n)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(where[a], where[b]) })
	counts := make([]int, len(paths))
	marks := make([]uint64, len(sizes))
	for block := range slices.Chunk(order, 64) {
		all := ^uint64(0) >> (64 - len(block))
		common := -1 // files that lead to all of the block, less the file itself
		clear(marks)
		for bit, n := range block {
			marks[where[n]] |= 1 << bit
		}
		for c, to := range leads {
			m := marks[c]
			for _, t := range to {
				m |= marks[t]
			}
			marks[c] = m
			if m == all {
				common += sizes[c]
				continue
			}
			for ; m != 0; m &= m - 1 {
				counts[block[mathbits.TrailingZeros64(m)]] += sizes[c]
			}
		}
		for _, n := range block {
			counts[n] += common
		}
	}
	return counts
}
