package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bounce/configs"
	"bounce/treesitter"
	"bounce/watcher"
)

// TestFactsOfNoBatchGo: a file that was read and turned out to be the same, or
// was there for a moment, leaves nothing behind; what a batch names a while
// after it was read is there.
func TestFactsOfNoBatchGo(t *testing.T) {
	dir := t.TempDir()
	c := newContent(dir)
	read := func(name string) watcher.Change {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("import "+name[:1]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := c.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return watcher.Change{Path: name, Kind: watcher.Created, New: found.Hash}
	}
	take := func(changes ...watcher.Change) {
		t.Helper()
		got, _, _ := c.take(watcher.Batch{Changes: changes}, func(string) bool { return false })
		c.tidy()
		for _, ch := range got {
			if len(ch.Facts.Refs) != 1 {
				t.Errorf("%s: %+v", ch.Path, ch.Facts)
			}
		}
	}
	for i := range 3 {
		read(fmt.Sprintf("t%d.py", i))
		later := read(fmt.Sprintf("l%d.py", i))
		take(read(fmt.Sprintf("n%d.py", i)))
		take(later)
	}
	take()
	if len(c.pending) > 0 {
		t.Errorf("%d are left", len(c.pending))
	}
}

// TestFactsWaitForTheirBatch: turns without a batch, and one that is taken in two
// parts, leave what was read there.
func TestFactsWaitForTheirBatch(t *testing.T) {
	dir := t.TempDir()
	p := &Project{
		config: &configs.Config{Dir: dir}, content: newContent(dir), files: tree{}, named: map[string]bool{},
		view: emptyView(treesitter.Options{}),
	}
	p.code = p.files
	for round := range 3 {
		var b watcher.Batch
		for _, name := range []string{"a.py", "b.py"} {
			if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "import x%d\n", round), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := p.content.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			b.Changes = append(b.Changes, watcher.Change{Path: name, Kind: watcher.Modified, New: found.Hash})
		}
		for range 3 {
			p.update(t.Context(), watcher.Batch{})
		}
		part, rest := b, b
		part.Changes, rest.Changes = b.Changes[:1], b.Changes[1:]
		_, p.view, _ = p.take(part)
		p.update(t.Context(), rest)
		for _, name := range []string{"a.py", "b.py"} {
			if refs := p.view.graph.Facts(name).Refs; len(refs) != 1 || refs[0].Names[0].Name != fmt.Sprintf("x%d", round) {
				t.Errorf("round %d: %s has %+v", round, name, refs)
			}
		}
	}
}

// TestNamesThatAreGoneGo: an agent that runs for days does not remember every
// name that a file ever had.
func TestNamesThatAreGoneGo(t *testing.T) {
	dir, there := t.TempDir(), tree{"kept.py": hashOf(1)}
	s, g := newStamps(time.Unix(0, 0)), newGenerations()
	for i := range 3 * spareNames {
		name := fmt.Sprintf("t%d.py", i)
		s.seen[name] = stamp{1, 1}
		g.touch([]string{"api"}, map[string]bool{name: true, "kept.py": false})
		g.prune(there)
	}
	if err := os.WriteFile(filepath.Join(dir, "kept.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.note(dir, watcher.Batch{Changes: []watcher.Change{{Path: "kept.py", Kind: watcher.Modified}}})
	s.prune(there)
	touched := g.get("api").touched
	if len(s.seen) != 1 || len(touched) > spareNames+2*len(there) {
		t.Errorf("%d stamps, %d touched", len(s.seen), len(touched))
	}
	if _, ok := touched["kept.py"]; !ok {
		t.Error("a file that is there was forgotten")
	}
}
