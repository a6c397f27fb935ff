package main

import (
	"encoding/json"
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
