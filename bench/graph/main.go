// Graph measures how long it takes to know the imports of a large tree, beside
// other tools that do: the source package of Home Assistant from PyPI, or the
// tree named on the command line. Each tool is a process of its own, started
// several times in turn with the others; figures are medians.
//
//	go run ./bench/graph [-runs 5] [-dir build/bench-graph] [TREE]
//	go run ./bench/graph -memory        our memory by the number of files
//	go run ./bench/graph -edits TREE    what one saved file costs
//	go run ./bench/graph -decide [TREE] bounce decide beside the graph alone
//	go run ./bench/graph -edges TREE    our edges, for judge.py
//
// It needs Python 3 with venv and pip, and the network the first time.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"bounce/treesitter"
)

// The tree and the tools that are compared.
const (
	pkg     = "homeassistant"
	version = "2025.1.4"
)

var tools = []string{"ruff==0.17.6", "grimp==3.19", "smart-restart==0.1.0"}

func main() {
	runs := flag.Int("runs", 5, "how often each tool is run")
	dir := flag.String("dir", "build/bench-graph", "where downloads are kept")
	edges := flag.Bool("edges", false, "print our edges of TREE, relative to the directory it is in, as JSON for judge.py")
	memory := flag.Bool("memory", false, "print our peak and resting memory for made trees of 1,000 to 64,000 files, and draw it")
	bounce := flag.String("bounce", "build/bounce", "with -memory and -decide: the program whose verbs are measured too")
	svg := flag.String("svg", "docs/imports-memory.svg", "with -memory: the picture")
	edits := flag.Bool("edits", false, "print how long one edit of a file of TREE takes with 20 services")
	decide := flag.Bool("decide", false, "print how long bounce decide takes beside the graph alone")
	self := flag.Bool("self", false, "build our graph of TREE and print its size; used by the benchmark itself")
	rest := flag.Bool("rest", false, "with -self: print what it takes at rest too")
	flag.Parse()
	var err error
	switch {
	case *self:
		err = build(flag.Arg(0), *rest)
	case *edges:
		err = printEdges(flag.Arg(0))
	case *memory:
		err = printMemory(*bounce, *svg)
	case *decide:
		err = printDecide(flag.Arg(0), *bounce, *runs)
	case *edits:
		err = printEdits(flag.Arg(0))
	default:
		err = compare(*dir, flag.Arg(0), *runs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "graph:", err)
		os.Exit(1)
	}
}

// result is what a tool prints: the size of its graph.
type result struct {
	Files int `json:"files"`
	Edges int `json:"edges"`
	// Rest is the memory of the graph once it is built, in bytes, of ours.
	Rest uint64 `json:"rest,omitempty"`
}

// build prints the size of our graph of tree, and if rest is set its memory.
func build(tree string, rest bool) error {
	g, err := read(tree, tree)
	if err != nil {
		return err
	}
	r := result{Files: g.Len()}
	for _, p := range g.Files() {
		r.Edges += len(g.Edges(p))
	}
	if rest {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.Rest = m.HeapAlloc
		runtime.KeepAlive(g)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// read does what a cold start does: walk, read, extract, at the same time. Paths
// are relative to top.
func read(tree, top string) (*treesitter.Graph, error) {
	prefix, err := filepath.Rel(top, tree)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tree: %w", err)
	}
	found := make(chan []string, 64) // files below tree
	errs := make([]error, 1+runtime.GOMAXPROCS(0))
	changes := make([][]treesitter.Change, len(errs))
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(found)
		w := walker{tree: tree, found: found}
		errs[0] = w.walk("")
		w.flush()
	})
	for w := 1; w < len(errs); w++ {
		wait.Go(func() {
			var room bytes.Buffer
			for paths := range found {
				for _, p := range paths {
					src, err := load(&room, filepath.Join(tree, p))
					if err != nil {
						errs[w] = err
						continue
					}
					changes[w] = append(changes[w], treesitter.Change{Path: path.Join(filepath.ToSlash(prefix), p), Facts: treesitter.Extract(src)})
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("cannot read the tree: %w", err)
	}
	return treesitter.New(treesitter.Options{}).Update(slices.Concat(changes...)), nil
}

// walker sends the Python files of a tree, a batch at a time: who has to wait
// for each file spends more on waking up than on reading it.
type walker struct {
	tree  string
	batch []string
	found chan<- []string
}

func (w *walker) walk(dir string) error {
	d, err := os.Open(filepath.Join(w.tree, dir))
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(-1)
	d.Close()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := path.Join(dir, e.Name()); e.IsDir() {
			err = errors.Join(err, w.walk(name))
		} else if strings.HasSuffix(name, ".py") {
			if w.batch = append(w.batch, name); len(w.batch) == 64 {
				w.flush()
			}
		}
	}
	return err
}

func (w *walker) flush() {
	w.found <- w.batch
	w.batch = nil
}

// load reads a file into room, which the next one reuses.
func load(room *bytes.Buffer, name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	room.Reset()
	_, err = room.ReadFrom(f)
	return room.Bytes(), err
}

// tool is a program that builds a graph of a tree.
type tool struct {
	name string
	argv []string
	// dir is where it runs, stdin what it reads; "" for here and nothing.
	dir, stdin string
	// size reads the size of the graph from what the program printed; nil for
	// one whose output nobody wants.
	size func(out []byte) (result, error)
}

func compare(dir, tree string, runs int) error {
	venv, err := install(dir)
	if err != nil {
		return err
	}
	if tree == "" {
		if tree, err = download(dir, venv); err != nil {
			return err
		}
	}
	me, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	own := func(out []byte) (r result, err error) { return r, json.Unmarshal(out, &r) }
	all := []tool{
		{name: "bounce", argv: []string{me, "-self", tree}, size: own},
		{name: "ruff analyze graph", argv: []string{filepath.Join(venv, "bin", "ruff"), "analyze", "graph", "--isolated", tree}, size: ruffSize},
		{name: "grimp", argv: []string{filepath.Join(venv, "bin", "python"), "-c", grimpProgram, tree, pkg}, size: own},
		{name: "smart-restart", argv: []string{filepath.Join(venv, "bin", "python"), "-c", smartRestartProgram, tree}, size: own},
	}
	samples := make([][]sample, len(all))
	for range runs {
		for i, t := range all {
			// All find the tree in the page cache: some machines take back what
			// was not read for a second.
			if _, err := measure(all[0]); err != nil {
				return err
			}
			s, err := measure(t)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], s)
		}
	}
	fmt.Printf("%s, %d runs each, %d CPUs, %s\n\n", filepath.Base(tree), runs, runtime.NumCPU(), time.Now().Format(time.DateOnly))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tfiles\tedges\twall ms\tmin..max\tCPU ms\tpeak MB\t")
	for i, t := range all {
		s := samples[i]
		wall := sorted(s, func(s sample) int64 { return s.wall.Milliseconds() })
		cpu := sorted(s, func(s sample) int64 { return s.cpu.Milliseconds() })
		peak := sorted(s, func(s sample) int64 { return s.peak >> 20 })
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d..%d\t%d\t%d\t\n", t.name, s[0].Files, s[0].Edges,
			wall[len(wall)/2], wall[0], wall[len(wall)-1], cpu[len(cpu)/2], peak[len(peak)/2])
	}
	return w.Flush()
}

// sample is one run of a tool.
type sample struct {
	result
	wall, cpu time.Duration
	peak      int64 // bytes
}

func sorted(all []sample, of func(sample) int64) []int64 {
	var v []int64
	for _, s := range all {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v
}

func measure(t tool) (s sample, err error) {
	cmd := exec.Command(t.argv[0], t.argv[1:]...)
	cmd.Dir, cmd.Stdin = t.dir, strings.NewReader(t.stdin)
	var out bytes.Buffer
	if t.size != nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = nil // ruff warns of each file that it cannot parse
	start := time.Now()
	err = cmd.Run()
	s.wall = time.Since(start)
	if err != nil {
		return s, fmt.Errorf("cannot run %s: %w", t.name, err)
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.peak = usage.Maxrss
		if runtime.GOOS == "linux" {
			s.peak <<= 10
		}
	}
	if t.size == nil {
		return s, nil
	}
	if s.result, err = t.size(out.Bytes()); err != nil {
		return s, fmt.Errorf("cannot read what %s printed: %w", t.name, err)
	}
	return s, nil
}

func ruffSize(out []byte) (r result, err error) {
	var graph map[string][]string
	if err := json.Unmarshal(out, &graph); err != nil {
		return r, err
	}
	r.Files = len(graph)
	for _, to := range graph {
		r.Edges += len(to)
	}
	return r, nil
}

const grimpProgram = `
import json, sys
sys.path.insert(0, sys.argv[1])
import grimp
graph = grimp.build_graph(sys.argv[2], cache_dir=None)
print(json.dumps({"files": len(graph.modules), "edges": graph.count_imports()}))
`

// It keeps no list of files, so those that are imported are counted.
const smartRestartProgram = `
import json, pathlib, sys
from smart_restart.import_graph import build_graph
importers = build_graph(pathlib.Path(sys.argv[1])).importers
print(json.dumps({"files": len(importers), "edges": sum(map(len, importers.values()))}))
`

// install makes a virtual environment with the other tools.
func install(dir string) (venv string, err error) {
	venv, err = filepath.Abs(filepath.Join(dir, "venv"))
	if err != nil {
		return "", err
	}
	done := filepath.Join(venv, ".installed")
	want := strings.Join(tools, " ")
	if have, err := os.ReadFile(done); err == nil && string(have) == want {
		return venv, nil
	}
	if err := run("python3", "-m", "venv", venv); err != nil {
		return "", err
	}
	args := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, tools...)
	if err := run(filepath.Join(venv, "bin", "python"), args...); err != nil {
		return "", err
	}
	return venv, os.WriteFile(done, []byte(want), 0o666)
}

// download fetches and unpacks the source package.
func download(dir, venv string) (tree string, err error) {
	name := pkg + "-" + version
	tree, err = filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(tree, pkg)); err == nil {
		return tree, nil
	}
	err = run(filepath.Join(venv, "bin", "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--no-binary", pkg, "--ignore-requires-python", "-d", dir, pkg+"=="+version)
	if err != nil {
		return "", err
	}
	return tree, run("tar", "-xzf", filepath.Join(dir, name+".tar.gz"), "-C", dir)
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot run %s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}
