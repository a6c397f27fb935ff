package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bounce/treesitter"
)

const (
	services = 20
	edits    = 1000    // of each sort
	largest  = 100_000 // bytes of a file that is edited
)

// project is a tree whose files are saved, and that is asked after each save
// what its services can load. They start at files picked at random.
type project struct {
	tree     string
	saved    string // where a file is put that is saved, so that the tree stays as it is
	files    []string
	graph    *treesitter.Graph
	services []treesitter.Entry
	random   *rand.Rand
}

// printEdits measures what one saved file costs once the graph is there: to
// read it, extract, update, and for each of the services its reach, whether
// that has the file, and through which imports.
func printEdits(tree string) error {
	g, err := read(tree, tree)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "graph")
	if err != nil {
		return fmt.Errorf("cannot save files: %w", err)
	}
	defer os.RemoveAll(dir)
	p := &project{tree: tree, saved: filepath.Join(dir, "saved.py"), files: g.Files(), graph: g, random: rand.New(rand.NewPCG(1, 1))}
	for range services {
		p.services = append(p.services, treesitter.Entry{File: p.any(), Roots: []string{"."}})
	}
	p.ask("")
	fmt.Printf("%d files, %d services, %d edits of each sort, ms\n\n", len(p.files), services, edits)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\tp90\tp99\tmax\treached\t")
	for _, measure := range []func(*tabwriter.Writer) error{p.everyday, p.shorter, p.leaving, p.closure} {
		if err := measure(w); err != nil {
			return err
		}
	}
	return w.Flush()
}

// everyday has every second edit move all lines and add an import; the others
// are of something else in the file.
func (p *project) everyday(w *tabwriter.Writer) error {
	for _, row := range []struct {
		name   string
		module func() string
	}{
		{"edit, half add an import of elsewhere", func() string { return "logging" }},
		{"edit, half add an import of the tree", func() string { return moduleOf(p.any()) }},
	} {
		var all spans
		for n := range edits {
			path, src, err := p.pick(func([]byte) bool { return true })
			if err != nil {
				return err
			}
			if n%2 == 1 {
				src = append([]byte("import "+row.module()+"\n"), src...)
			}
			if err := all.add(p.save(path, src)); err != nil {
				return err
			}
		}
		all.print(w, row.name)
	}
	return nil
}

// importLine is an import statement of one line.
var importLine = regexp.MustCompile(`(?m)^(from|import) [^(\\\n]+\n`)

// shorter has each edit remove an import, and then puts it back.
func (p *project) shorter(w *tabwriter.Writer) error {
	var less, more spans
	for range edits {
		path, src, err := p.pick(importLine.Match)
		if err != nil {
			return err
		}
		if _, _, err := p.save(path, src); err != nil { // as it was before other edits
			return err
		}
		lines := importLine.FindAllIndex(src, -1)
		at := lines[p.random.IntN(len(lines))]
		if err := less.add(p.save(path, slices.Concat(src[:at[0]], src[at[1]:]))); err != nil {
			return err
		}
		if err := more.add(p.save(path, src)); err != nil {
			return err
		}
	}
	less.print(w, "an import less")
	more.print(w, "the same import back")
	return nil
}

// leaving deletes files and then creates them again.
func (p *project) leaving(w *tabwriter.Writer) error {
	var gone, back spans
	for range edits {
		path, src, err := p.pick(func([]byte) bool { return true })
		if err != nil {
			return err
		}
		if err := gone.add(p.save(path, nil)); err != nil {
			return err
		}
		if err := back.add(p.save(path, src)); err != nil {
			return err
		}
	}
	gone.print(w, "a file deleted")
	back.print(w, "the same file created")
	return nil
}

// closure asks who leads to the file that most files import.
func (p *project) closure(w *tabwriter.Writer) error {
	importers := make(map[string]int)
	most := p.files[0]
	for _, path := range p.files {
		for _, e := range p.graph.Edges(path) {
			if importers[e.To]++; importers[e.To] > importers[most] {
				most = e.To
			}
		}
	}
	var all spans
	for range 100 {
		start := time.Now()
		n := p.graph.Dependents(most).Len()
		if err := all.add(time.Since(start), n, nil); err != nil {
			return err
		}
	}
	all.print(w, "dependents of "+most)
	return nil
}

// any returns a file of the tree.
func (p *project) any() string { return p.files[p.random.IntN(len(p.files))] }

// pick returns a file that is not too large, and that is fit.
func (p *project) pick(fit func(src []byte) bool) (path string, src []byte, err error) {
	for {
		path = p.any()
		if src, err = os.ReadFile(filepath.Join(p.tree, path)); err != nil {
			return "", nil, fmt.Errorf("cannot read a file to edit: %w", err)
		}
		if len(src) <= largest && fit(src) {
			return path, src, nil
		}
	}
}

// save saves a file, or deletes it if src is nil. It returns how long it took
// to answer, and for how many services.
func (p *project) save(path string, src []byte) (took time.Duration, reached int, err error) {
	if src != nil {
		if err := os.WriteFile(p.saved, src, 0o666); err != nil {
			return 0, 0, fmt.Errorf("cannot save a file: %w", err)
		}
	}
	start := time.Now()
	change := treesitter.Change{Path: path}
	if src != nil {
		if src, err = os.ReadFile(p.saved); err != nil {
			return 0, 0, fmt.Errorf("cannot read a file that was saved: %w", err)
		}
		change.Facts = treesitter.Extract(src)
	}
	p.graph = p.graph.Update([]treesitter.Change{change})
	reached = p.ask(path)
	return time.Since(start), reached, nil
}

// ask asks for the reach of each service and how it comes to a file. It returns
// how many do.
func (p *project) ask(path string) (reached int) {
	for _, s := range p.services {
		if r := p.graph.Reach(s); r.Has(path) {
			r.Chain(path)
			reached++
		}
	}
	return reached
}

// moduleOf returns the name of the module at path.
func moduleOf(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(path, ".py"), "/__init__"), "/", ".")
}

// spans are how long something took each time.
type spans struct {
	took    []time.Duration
	reached int
}

func (s *spans) add(took time.Duration, reached int, err error) error {
	s.took = append(s.took, took)
	s.reached += reached
	return err
}

func (s *spans) print(w *tabwriter.Writer, name string) {
	slices.Sort(s.took)
	at := func(share float64) float64 {
		return s.took[int(share*float64(len(s.took)-1))].Seconds() * 1000
	}
	fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t\n", name, at(0.5), at(0.9), at(0.99), at(1),
		float64(s.reached)/float64(len(s.took)))
}
