package agent

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/installed"
	"bounce/treesitter"
	"bounce/watcher"
)

// TestViewFollowsAsFromScratch edits, adds and removes modules and data at
// random, and compares what follow says of each service with a new look.
func TestViewFollowsAsFromScratch(t *testing.T) {
	dir := t.TempDir()
	const config = `services:
  graph: {run: ["true"], entry: [m0]}
  globs: {run: ["true"], entry: [m1], watch: ["data/*", "m7.py"]}
  any: {run: ["true"]}
`
	if err := os.WriteFile(filepath.Join(dir, "bounce.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := configs.Load(filepath.Join(dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var installs []*service
	for _, r := range p.view.services {
		s := *r.service
		s.search.installed = someEnvironment(t)
		installs = append(installs, &s)
	}
	p.replace(installs...)
	// Services go by something else than the bytes, as with cosmetic: skip; but
	// what a glob names counts by its bytes.
	v, files, code := p.view, tree{}, tree{}
	if !v.services["any"].all {
		t.Fatal("the entry of the service any is known: the case is not tried")
	}
	kept, patched, packed := 0, 0, 0
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		b, changes := randomBatch(random, files, n)
		files.apply(b)
		code.apply(b)
		for _, c := range changes {
			if hash, ok := code[c.Path]; ok {
				hash[0]++
				code[c.Path] = hash
			}
		}
		next := v.update(code, b, changes)
		for name, r := range next.services {
			fresh := next.look(r.service, code, r.watched)
			if d := decider.Diff(fresh.version, r.version); d != nil || r.version.Files.Len() != fresh.version.Files.Len() {
				t.Fatalf("batch %d %v: of what %s loads differ %v, or the number", n, b.Changes, name, d)
			}
			if got, want := r.packages.imported, fresh.packages.imported; !maps.Equal(got, want) {
				t.Fatalf("batch %d %v: %s imports packages %v, from scratch %v", n, b.Changes, name, got, want)
			}
			if len(decider.Diff(decider.Version{Packages: v.services[name].packages.all}, decider.Version{Packages: r.packages.all})) > 0 {
				packed++
			}
			was := v.services[name].version.Files
			if was == r.version.Files {
				kept++
			} else {
				patched++
			}
		}
		v = next
	}
	if kept < 100 || patched < 100 || packed < 100 {
		t.Errorf("%d maps were kept and %d changed, packages %d times: the edits try too little", kept, patched, packed)
	}
}

// someEnvironment has the distributions p0 to p5, of which p1 needs p2 and p3.
func someEnvironment(t *testing.T) *installed.Environment {
	site := t.TempDir()
	for n := range 6 {
		info := filepath.Join(site, fmt.Sprintf("p%d-1.dist-info", n))
		if err := os.Mkdir(info, 0o755); err != nil {
			t.Fatal(err)
		}
		metadata, record := fmt.Sprintf("Name: p%d\nVersion: 1\n", n), fmt.Sprintf("p%d.py,sha256=a,1\n", n)
		if n == 1 {
			metadata += "Requires-Dist: p2\nRequires-Dist: p3; extra == 'x'\n"
		}
		for name, text := range map[string]string{"METADATA": metadata, "RECORD": record} {
			if err := os.WriteFile(filepath.Join(info, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return installed.NewEnvironment(installed.Read(site, nil))
}

// randomBatch changes up to three of ten modules and four other files. Half of
// the edits of a module keep its imports, as most edits do.
func randomBatch(random *rand.Rand, files tree, n int) (watcher.Batch, []treesitter.Change) {
	b := watcher.Batch{Seq: uint64(n + 1)}
	var changes []treesitter.Change
	for _, i := range random.Perm(14)[:1+random.IntN(3)] {
		path := fmt.Sprintf("m%d.py", i)
		if i >= 10 {
			path = fmt.Sprintf("data/d%d", i)
		}
		old, there := files[path]
		c := watcher.Change{Path: path, Kind: watcher.Created, Old: old}
		switch {
		case there && random.IntN(4) == 0:
			c.Kind = watcher.Deleted
		case there:
			c.Kind = watcher.Modified
		}
		var src []byte
		if c.Kind != watcher.Deleted {
			seed := random.IntN(2) * n
			src = fmt.Appendf(nil, "import m%d, p%d\nimport m%d\nN = %d\n", (i+1+seed%3)%10, seed%17, (i+2)%10, n)
			c.New = sha256.Sum256(src)
		}
		b.Changes = append(b.Changes, c)
		if i >= 10 {
			continue
		}
		change := treesitter.Change{Path: path}
		if src != nil {
			change.Facts = treesitter.Extract(src)
		}
		changes = append(changes, change)
	}
	return b, changes
}
