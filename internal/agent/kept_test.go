package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"bounce/treesitter"
	"bounce/watcher"
)

// TestProjectsFromKeptFacts: a project says the same of itself when no module
// of it was read.
func TestProjectsFromKeptFacts(t *testing.T) {
	eachArchive(t, "project", func(t *testing.T, file string, ar *txtar.Archive) {
		t.Parallel()
		interview(t, keptProject(t, openArchive(t, ar)), ar)
	})
}

// keptProject returns the project that a start finds when the one before left
// old behind.
func keptProject(t *testing.T, old *Project) *Project {
	t.Helper()
	k := newFactsKeeper(t.TempDir(), old)
	if err := k.write(old.view, old.factHashes()); err != nil {
		t.Fatal(err)
	}
	p, err := newProject(old.config)
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	p.content.kept = k.read(&reading)
	reading.Wait()
	b := watcher.Batch{Initial: true}
	for path, hash := range old.files {
		if !p.content.Recall(path, hash) {
			t.Errorf("%s has to be read", path)
		}
		b.Changes = append(b.Changes, watcher.Change{Path: path, Kind: watcher.Created, New: hash})
	}
	answers, asked := p.startSearches(t.Context())
	defer asked.Wait()
	p.update(t.Context(), b)
	p.searched(<-answers)
	if n := p.content.found.Load(); n > 0 {
		t.Errorf("%d modules were read", n)
	}
	return p
}

// TestFactsAreThoseOfTheBatch: a file may be read again while a batch is on
// offer. The batch brings what the file held then, and the newer facts come with
// the next one; if that finds the file as it was, they never do.
func TestFactsAreThoseOfTheBatch(t *testing.T) {
	for _, cosmetic := range []string{"restart", "skip"} {
		p := openArchive(t, &txtar.Archive{Files: []txtar.File{
			{Name: "bounce.yaml", Data: []byte("cosmetic: " + cosmetic + "\nservices: {a: {run: python a.py}}\n")},
			{Name: "a.py", Data: []byte("import b\n")},
			{Name: "b.py", Data: nil},
			{Name: "c.py", Data: nil},
		}})
		old := p.files["a.py"]
		read := func(text string) watcher.Hash {
			if err := os.WriteFile(filepath.Join(p.config.Dir, "a.py"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := p.content.Read("a.py")
			if err != nil {
				t.Fatal(err)
			}
			return c.Hash
		}
		says := func(when string, hash watcher.Hash, imports ...string) {
			t.Helper()
			var got []string
			for _, edge := range p.view.graph.Edges("a.py") {
				got = append(got, edge.To)
			}
			if is := p.factHashes()["a.py"].bytes; is != hash || !slices.Equal(got, imports) {
				t.Errorf("%s: %x imports %q, want %x and %q", when, is[:3], got, hash[:3], imports)
			}
		}
		take := func(old, now watcher.Hash) {
			p.update(t.Context(), watcher.Batch{Changes: []watcher.Change{{Path: "a.py", Kind: watcher.Modified, Old: old, New: now}}})
		}
		says("at first", old, "b.py")
		second := read("import b, c\n")
		third := read("import c\n") // while the batch is on offer
		take(old, second)
		says("the batch that was on offer", second, "b.py", "c.py")
		take(second, third)
		says("the next one", third, "c.py")

		fourth := read("import b\n")
		read("import b, c\n")
		read("import b\n") // undone before anybody looked
		take(third, fourth)
		says("undone meanwhile", fourth, "b.py")
		if left := p.content.pending["a.py"]; len(left) > 0 {
			t.Errorf("%d revisions are left", len(left))
		}
	}
}

func TestKeptFactsThatAreNoGood(t *testing.T) {
	good := encodeFacts("this", map[watcher.Hash]facts{hashOf(1): {imports: treesitter.Extract([]byte("import os\n")), code: hashOf(2)}})
	want := map[watcher.Hash]facts{hashOf(1): {hash: hashOf(1), imports: treesitter.Extract([]byte("import os\n")), code: hashOf(2)}}
	if got, err := decodeFacts(good, "this"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v", err, got)
	}
	for name, data := range map[string][]byte{
		"empty":        nil,
		"cut short":    good[:len(good)-1],
		"too long":     append(bytes.Clone(good), 0),
		"changed":      bytes.Replace(good, []byte("os"), []byte("is"), 1),
		"another kind": bytes.Replace(good, []byte("facts 1"), []byte("facts 0"), 1),
		"of no build":  bytes.Replace(good, []byte("this "), nil, 1),
	} {
		if got, err := decodeFacts(data, "this"); err == nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := decodeFacts(good, "that"); err == nil || got != nil {
		t.Errorf("of another build: %v, %v", got, err)
	}
}

// FuzzFacts: any bytes are read without harm, sealed or not.
func FuzzFacts(f *testing.F) {
	good := encodeFacts("this", map[watcher.Hash]facts{hashOf(1): {imports: treesitter.Extract([]byte("import os\n"))}})
	f.Add(good)
	_, body, _ := bytes.Cut(good, []byte("\n"))
	f.Add(body)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, b := range [][]byte{data, sealFacts("this", data)} {
			if got, err := decodeFacts(b, "this"); (err == nil) != (got != nil) {
				t.Errorf("%v, %v", got, err)
			}
		}
	})
}
