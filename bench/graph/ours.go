package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// printEdges prints the edges of a package for judge.py.
func printEdges(tree string) error {
	g, err := read(tree, filepath.Dir(filepath.Clean(tree)))
	if err != nil {
		return err
	}
	type edge struct {
		From string `json:"from"`
		To   string `json:"to"`
		Kind string `json:"kind"`
	}
	var all []edge
	for _, p := range g.Files() {
		for _, e := range g.Edges(p) {
			all = append(all, edge{e.From, e.To, e.Kind.String()})
		}
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// grow measures trees that are alike but for their size: packages of 50 modules
// with ten imports each, six of the package and four of others.
func grow() error {
	me, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	own := func(out []byte) (r result, err error) { return r, json.Unmarshal(out, &r) }
	fmt.Println("files  edges    peak MB  at rest MB  wall ms")
	for _, n := range []int{1000, 4000, 16_000, 64_000} {
		dir, err := os.MkdirTemp("", "graph")
		if err != nil {
			return fmt.Errorf("cannot make a tree: %w", err)
		}
		err = makeTree(dir, n)
		var s sample
		if err == nil {
			s, err = measure(tool{"bounce", []string{me, "-self", "-rest", dir}, own})
		}
		os.RemoveAll(dir)
		if err != nil {
			return err
		}
		fmt.Printf("%-6d %-8d %-8d %-11.1f %d\n", s.Files, s.Edges, s.peak>>20, float64(s.Rest)/(1<<20), s.wall.Milliseconds())
	}
	return nil
}

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
