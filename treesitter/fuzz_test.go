package treesitter

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// seeds calls add with the sources of testdata/treesitter.
func seeds(f *testing.F, add func(src []byte)) {
	for _, s := range snippets(f, 99) {
		add([]byte(strings.Join(s.lines, "\n") + "\n"))
	}
	names, err := filepath.Glob("../testdata/treesitter/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".py") {
				add([]byte(unescape(file.Data)))
			}
		}
	}
	checks, err := os.ReadFile("../testdata/treesitter/check.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range bytes.Split(checks, []byte("--\n")) {
		add(c)
	}
}

// FuzzExtract takes any bytes for a file.
func FuzzExtract(f *testing.F) {
	seeds(f, func(src []byte) { f.Add(src) })
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<16 {
			return // time is bounded elsewhere
		}
		before := bytes.Clone(src)
		facts := Extract(src)
		if !bytes.Equal(src, before) {
			t.Fatal("the source was written to")
		}
		lines := 1 + countLines(src)
		last := 0
		for _, r := range facts.Refs {
			if r.Line < last || r.Line > lines {
				t.Errorf("%s: line %d after %d, of %d", format(r.Statement), r.Line, last, lines)
			}
			last = r.Line
		}
		if facts.Partial && facts.Err == nil {
			t.Error("partial without an error")
		}
		again := Extract(before)
		clear(before) // as if the next file were read into it
		if !reflect.DeepEqual(facts, again) {
			t.Errorf("%+v, then %+v", facts, again)
		}
		Check(src)
		// Other line ends say the same, if there are no strings to hold them.
		if facts.Err == nil && !bytes.ContainsAny(src, "\r\\\"'\x00") {
			crlf := Extract(bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")))
			if !slices.Equal(statementsOf(facts), statementsOf(crlf)) {
				t.Errorf("CRLF: %q, LF: %q", statementsOf(crlf), statementsOf(facts))
			}
		}
		g := New(Options{}).Update([]Change{{"a/b.py", facts}, {"a/__init__.py", facts}, {"c.py", new(Facts)}})
		g.Reach(Entry{Module: "a.b"})
		g.Dependents("c.py")
	})
}

// FuzzGraph takes bytes for a list of changes and compares the graph after
// them with one built from scratch.
func FuzzGraph(f *testing.F) {
	f.Add([]byte("a/__init__.py\x00import a.b\x01a/b.py\x00from . import c\x02a/b.py\x00\x02a/c.py\x00from a import *"))
	f.Add([]byte("src/a.py\x00import b\x01b.py\x00__all__ = ['x']\x02src/b.py\x00from .a import y\x02b.py\x00-"))
	f.Add([]byte("p/__init__.py\x00iter_modules(__path__)\x02p/q.py\x00x = ['p']\x02p/q.py\x00-\x02p/q.so\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			return
		}
		opts := Options{Roots: []string{".", "src"}}
		g := New(opts)
		tree := make(map[string]string)
		// \x02 parts updates, \x01 parts changes, \x00 path and source; a
		// source of "-" deletes.
		for _, step := range bytes.Split(script, []byte{2}) {
			var changes []Change
			for _, change := range bytes.Split(step, []byte{1}) {
				p, src, _ := strings.Cut(string(change), "\x00")
				if !filepath.IsLocal(p) || filepath.Clean(p) != p || p == "." {
					continue
				}
				if src == "-" {
					delete(tree, p)
					changes = append(changes, Change{Path: p})
					continue
				}
				if Extract([]byte(src)).Err != nil {
					continue // such a file remembers what it was
				}
				tree[p] = src
				changes = append(changes, Change{p, extract(p, src)})
			}
			g = g.Update(changes)
			entries := []Entry{{Module: "a.b"}, {File: "a/b.py"}, {Module: "b", Roots: []string{"src"}}}
			paths := []string{"a/b.py", "b.py", "a/__init__.py"}
			if got, want := dump(g, entries, paths), dump(fresh(opts, tree), entries, paths); got != want {
				t.Fatalf("after %q the graph says\n%s\nafresh\n%s", step, got, want)
			}
		}
	})
}
