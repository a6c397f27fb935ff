package treesitter

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The benchmarks read the tree that BENCH_TREE names, by default the standard
// library.

type benchFile struct {
	path string
	src  []byte
}

func benchTree(b *testing.B) []benchFile {
	b.Helper()
	root := os.Getenv("BENCH_TREE")
	var files []benchFile
	add := func(p string) {
		src, err := os.ReadFile(p)
		if err != nil {
			b.Fatal(err)
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, benchFile{filepath.ToSlash(rel), src})
	}
	if root == "" {
		all := standardLibrary(b)
		for root = filepath.Dir(all[0]); !strings.HasPrefix(all[len(all)-1], root+"/"); {
			root = filepath.Dir(root)
		}
		for _, p := range all {
			add(p)
		}
		return files
	}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".py") {
			add(p)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return files
}

func extractAll(files []benchFile) []Change {
	changes := make([]Change, len(files))
	for i, f := range files {
		changes[i] = Change{f.path, Extract(f.src)}
	}
	return changes
}

func size(files []benchFile) (n int64) {
	for _, f := range files {
		n += int64(len(f.src))
	}
	return n
}

// BenchmarkExtract reads the whole tree on one core: cold with an empty memo,
// warm with one that knows every statement.
func BenchmarkExtract(b *testing.B) {
	files := benchTree(b)
	for _, warm := range []bool{false, true} {
		name := "cold"
		if warm {
			name = "warm"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size(files))
			b.ReportAllocs()
			for b.Loop() {
				if !warm {
					b.StopTimer()
					clear(memo.known)
					b.StartTimer()
				}
				extractAll(files)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	files := benchTree(b)
	b.SetBytes(size(files))
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			s := scanner{src: f.src, facts: new(Facts)}
			s.file()
		}
	}
}

// BenchmarkBuild makes a graph from facts and binds every file.
func BenchmarkBuild(b *testing.B) {
	changes := extractAll(benchTree(b))
	b.ReportAllocs()
	for b.Loop() {
		g := New(Options{}).Update(changes)
		g.Dependents()
	}
}

// BenchmarkUpdate changes one file, without and with a change of its imports,
// and asks for the reach of an entry.
func BenchmarkUpdate(b *testing.B) {
	files := benchTree(b)
	changes := extractAll(files)
	g := New(Options{}).Update(changes)
	at := len(files) / 2
	entry := Entry{File: files[at].path}
	g.Reach(entry)
	g.Dependents()
	same := []Change{{files[at].path, Extract(files[at].src)}}
	other := []Change{{files[at].path, Extract(append([]byte("import os, sys, argparse\n"), files[at].src...))}}
	fresh := []Change{{"a_new_module.py", Extract([]byte("import os"))}}
	for name, change := range map[string][]Change{"same": same, "imports": other, "create": fresh} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Update(change).Reach(entry)
			}
		})
	}
}

// BenchmarkReach searches from the file that reaches most, and back from the
// one that most reach.
func BenchmarkReach(b *testing.B) {
	files := benchTree(b)
	g := New(Options{}).Update(extractAll(files))
	var widest, deepest string
	most := 0
	for _, f := range files {
		if n := g.Reach(Entry{File: f.path}).Len(); n > most {
			most, widest = n, f.path
		}
	}
	most = 0
	for _, f := range files {
		if n := g.Dependents(f.path).Len(); n > most {
			most, deepest = n, f.path
		}
	}
	b.Run("forward", func(b *testing.B) {
		b.ReportAllocs()
		v := g.view(g.rootsOf(Entry{File: widest}))
		for b.Loop() {
			clear(v.spreads)
			g.Reach(Entry{File: widest})
		}
		b.ReportMetric(float64(g.Reach(Entry{File: widest}).Len()), "files")
	})
	b.Run("back", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Dependents(deepest)
		}
		b.ReportMetric(float64(most), "files")
	})
}

// BenchmarkCheck parses a file of some 100 kB whole.
func BenchmarkCheck(b *testing.B) {
	var largest benchFile
	for _, f := range benchTree(b) {
		if len(f.src) > len(largest.src) && len(f.src) < 120_000 {
			largest = f
		}
	}
	b.SetBytes(int64(len(largest.src)))
	b.ReportAllocs()
	for b.Loop() {
		Check(largest.src)
	}
}
