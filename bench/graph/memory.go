package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// growth is what trees take that are alike but for their size.
type growth struct {
	files, edges     int
	build, rest, ask int64 // bytes: peak of the build, at rest, and peak of the verb at its worst
	wall             int64 // of the build, in ms
}

// printMemory measures made trees, prints the figures and draws them into the
// file svg. Bounce is the program whose verb graph is measured.
func printMemory(bounce, svg string) error {
	me, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "files\tedges\tbuild, peak MB\tat rest MB\tbounce graph, peak MB\tbuild, wall ms\t")
	var all []growth
	for _, n := range []int{1000, 4000, 16_000, 64_000} {
		g, err := grow(me, bounce, n)
		if err != nil {
			return err
		}
		all = append(all, g)
		fmt.Fprintf(w, "%d\t%d\t%d\t%.1f\t%d\t%d\t\n", g.files, g.edges, g.build>>20, float64(g.rest)/(1<<20), g.ask>>20, g.wall)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := os.WriteFile(svg, draw(all), 0o666); err != nil {
		return fmt.Errorf("cannot draw the figures: %w", err)
	}
	return nil
}

// grow measures a tree of so many files.
func grow(me, bounce string, files int) (g growth, err error) {
	dir, err := os.MkdirTemp("", "graph")
	if err != nil {
		return g, fmt.Errorf("cannot make a tree: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := makeTree(dir, files); err != nil {
		return g, err
	}
	s, err := measure(tool{name: "our build", argv: []string{me, "-self", "-rest", dir}, size: func(out []byte) (r result, err error) { return r, json.Unmarshal(out, &r) }})
	if err != nil {
		return g, err
	}
	g = growth{s.Files, s.Edges, s.peak, int64(s.Rest), 0, s.wall.Milliseconds()}
	for _, format := range []string{"json", "dot", "mermaid"} {
		for _, direction := range []string{"dependencies", "dependents"} {
			args := []string{bounce, "graph", "--root", dir, "--format", format, "--direction", direction}
			// A process is started with the memory of who starts it, so that
			// output kept here would count.
			s, err := measure(tool{name: "bounce graph", argv: args})
			if err != nil {
				return g, err
			}
			g.ask = max(g.ask, s.peak)
		}
	}
	return g, nil
}

// makeTree makes packages of 50 modules with ten imports each, six of the
// package and four of others.
func makeTree(dir string, files int) error {
	const each = 50
	r := rand.New(rand.NewPCG(1, 1))
	for n := range files {
		pkg := filepath.Join(dir, fmt.Sprintf("p%d", n/each))
		name := fmt.Sprintf("m%d.py", n%each)
		src := "import os\nimport logging\n"
		if n%each == 0 {
			if err := os.MkdirAll(pkg, 0o777); err != nil {
				return fmt.Errorf("cannot make a tree: %w", err)
			}
			name = "__init__.py"
		}
		for range 6 {
			src += fmt.Sprintf("from . import m%d\n", 1+r.IntN(each-1))
		}
		for range 4 {
			src += fmt.Sprintf("from p%d.m%d import name\n", r.IntN(files/each), 1+r.IntN(each-1))
		}
		for f := range 20 {
			src += fmt.Sprintf("\n\ndef f%d(a, b):\n    \"\"\"Adds them.\"\"\"\n    return a + b + %d\n", f, n)
		}
		if err := os.WriteFile(filepath.Join(pkg, name), []byte(src), 0o666); err != nil {
			return fmt.Errorf("cannot make a tree: %w", err)
		}
	}
	return nil
}
