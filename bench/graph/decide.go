package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// How much `bounce decide` is asked.
const (
	changedPaths = 50
	ruleCount    = 200
)

// printDecide prints how long `bounce decide --root` takes for 50 changed paths
// and 200 rules, beside a cold build of the import graph of the same tree; a
// made one of 12,000 files when none is given.
func printDecide(tree, bounce string, runs int) error {
	if tree == "" {
		made, err := os.MkdirTemp("", "bench-decide-*")
		if err != nil {
			return fmt.Errorf("cannot make a tree: %w", err)
		}
		defer os.RemoveAll(made)
		if err := makeTree(made, 12_000); err != nil {
			return err
		}
		tree = made
	}
	tree, err := filepath.Abs(tree)
	if err != nil {
		return err
	}
	if bounce, err = filepath.Abs(bounce); err != nil {
		return err
	}
	me, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	paths, err := modules(tree)
	if err != nil {
		return fmt.Errorf("cannot read the tree: %w", err)
	}
	rules := filepath.Join(os.TempDir(), fmt.Sprintf("bench-rules-%d.yaml", os.Getpid()))
	if err := os.WriteFile(rules, []byte(madeRules()), 0o600); err != nil {
		return err
	}
	defer os.Remove(rules)
	var changed strings.Builder
	for i := range changedPaths {
		fmt.Fprintln(&changed, paths[i*len(paths)/changedPaths])
	}
	all := []tool{
		{name: "graph alone", argv: []string{me, "-self", tree}},
		{name: "bounce decide", argv: []string{bounce, "decide", "-r", rules, "--root", "."}, dir: tree, stdin: changed.String()},
	}
	samples := make([][]sample, len(all))
	for range runs {
		for i, t := range all {
			s, err := measure(t)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], s)
		}
	}
	fmt.Printf("%s, %d Python files, %d changed paths, %d rules, %d runs each, %d CPUs, %s\n\n",
		filepath.Base(tree), len(paths), changedPaths, ruleCount, runs, runtime.NumCPU(), time.Now().Format(time.DateOnly))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\twall ms\tmin..max\tCPU ms\tpeak MB\t")
	var walls, cpus []int64
	for i, t := range all {
		wall := sorted(samples[i], func(s sample) int64 { return s.wall.Milliseconds() })
		cpu := sorted(samples[i], func(s sample) int64 { return s.cpu.Milliseconds() })
		peak := sorted(samples[i], func(s sample) int64 { return s.peak >> 20 })
		walls, cpus = append(walls, wall[len(wall)/2]), append(cpus, cpu[len(cpu)/2])
		fmt.Fprintf(w, "%s\t%d\t%d..%d\t%d\t%d\t\n", t.name, walls[i], wall[0], wall[len(wall)-1], cpus[i], peak[len(peak)/2])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("\ndecide takes %.2f times the wall time of the graph alone, %.2f times its CPU time\n",
		float64(walls[1])/float64(walls[0]), float64(cpus[1])/float64(cpus[0]))
	return nil
}

// modules lists the Python files of a tree.
func modules(tree string) (paths []string, err error) {
	err = filepath.WalkDir(tree, func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".py") && d.Type().IsRegular() {
			rel, err := filepath.Rel(tree, name)
			if err != nil {
				return err
			}
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err == nil && len(paths) < changedPaths {
		err = fmt.Errorf("%d Python files are too few", len(paths))
	}
	return paths, err
}

// madeRules is a file of rules of which most match few files.
func madeRules() string {
	var b strings.Builder
	b.WriteString("actions: {api: {order: 10}, worker: {order: 20}, docs: }\nrules:\n")
	shapes := []string{"homeassistant/components/a%d*/**", "**/test_%d*.py", "**/services%d.yaml", "homeassistant/helpers/*%d.py", "**/*%d/config_flow.py"}
	for i := range ruleCount - 1 {
		fmt.Fprintf(&b, "  - {pattern: %q, actions: [%s]}\n", fmt.Sprintf(shapes[i%len(shapes)], i), []string{"api", "worker", "docs"}[i%3])
	}
	b.WriteString("  - {pattern: \"**/*.py\", actions: [api, worker]}\n")
	return b.String()
}
