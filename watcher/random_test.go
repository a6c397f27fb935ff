package watcher

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bounce/internal/soak"
)

// TestRandom does random things to a tree, of which a part is ignored and has a
// link to a directory that is followed, and names other files of that now and then. After each Flush the batches must add up to
// what an independent walk finds, and none may name a path whose content did not
// change. Now and then the watcher is replaced by another, which goes on from
// what the one before it kept.
func TestRandom(t *testing.T) {
	for _, b := range []Backend{FSNotify, Notify, Poll} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("d\nr/\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			o := Options{
				Dir: dir, Backend: b, Audit: -1, Follow: []string{"l"}, Cache: filepath.Join(t.TempDir(), "kept"),
				Quiet: 2 * time.Millisecond, Absent: 5 * time.Millisecond, PollInterval: 20 * time.Millisecond, share: 0.5,
			}
			var w *Watcher
			var c *collector
			var table map[string]Hash
			taken := 0
			open := func() {
				var err error
				if w, err = Open(context.Background(), o); err != nil {
					t.Fatal(err)
				}
				c, table, taken = collect(w), make(map[string]Hash), 0
			}
			check := func(round int, log []string) {
				if err := w.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				all := c.batches()
				for _, batch := range all[taken:] {
					if err := addUp(table, batch); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
					for _, c := range batch.Changes {
						if c.Named && (!ignoredAtRandom(c.Path) || c.Kind == Modified) {
							t.Fatalf("round %d: %q is said to come or go for its name", round, c.Path)
						}
					}
				}
				taken = len(all)
				want, err := walk(dir)
				if err != nil {
					t.Fatal(err)
				}
				if to, err := filepath.EvalSymlinks(filepath.Join(dir, "l")); err == nil {
					behind, err := walk(to)
					if err != nil {
						t.Fatal(err)
					}
					for p, h := range behind {
						want["l/"+p] = h
					}
				}
				maps.DeleteFunc(want, func(p string, _ Hash) bool {
					return ignoredAtRandom(p) && !slices.Contains(o.Named, p)
				})
				if !maps.Equal(table, want) {
					t.Fatalf("round %d: after %q\nbatches add up to %v\nthe tree has %v", round, log, keys(table), keys(want))
				}
			}
			open()
			defer func() { w.Close() }()
			for round := range soak.Times(700, 5000) {
				var log []string
				again := r.IntN(8) == 0
				if again {
					w.Close()
					log = append(log, "close")
				}
				for range 1 + r.IntN(30) {
					log = append(log, randomOp(r, dir))
				}
				if r.IntN(3) == 0 {
					o.Named = randomNames(r)
					log = append(log, fmt.Sprintf("name %q", o.Named))
					if !again {
						w.Name(o.Named)
					}
				}
				if again {
					open()
				}
				check(round, log)
				if r.IntN(4) == 0 { // whether all is watched still
					rewriteAll(t, dir, round)
					check(round, append(log, "rewrite all"))
				}
			}
		})
	}
}

// rewriteAll gives every file another content, but those that decide what is
// ignored.
func rewriteAll(t *testing.T, dir string, round int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == ".gitignore" {
			return err
		}
		return os.WriteFile(p, fmt.Appendf(nil, "round %d", round), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// randomNames returns paths as randomOp has them.
func randomNames(r *rand.Rand) []string {
	var names []string
	for range r.IntN(6) {
		p := []string{"a", "d", "d.new"}[r.IntN(3)]
		for range r.IntN(5) {
			p = string(rune('p'+r.IntN(3))) + "/" + p
		}
		names = append(names, p)
	}
	return names
}

// ignoredAtRandom judges by the .gitignore of TestRandom.
func ignoredAtRandom(p string) bool {
	return path.Base(p) == "d" || slices.Contains(strings.Split(path.Dir(p), "/"), "r")
}

// randomOp does one thing; that it may fail is part of the game.
func randomOp(r *rand.Rand, dir string) string {
	name := func() string {
		p := dir
		for range r.IntN(5) {
			p = filepath.Join(p, string(rune('p'+r.IntN(3))))
		}
		return filepath.Join(p, string(rune('a'+r.IntN(4))))
	}
	folder := func() string {
		p := filepath.Join(dir, string(rune('p'+r.IntN(3))))
		for range r.IntN(4) {
			p = filepath.Join(p, string(rune('p'+r.IntN(3))))
		}
		return p
	}
	a, b, f, g := name(), name(), folder(), folder()
	text := fmt.Sprint(r.IntN(5))
	var what string
	var err error
	switch r.IntN(14) {
	case 0, 1, 2:
		what, err = "write "+a, os.WriteFile(a, []byte(text), 0o644)
	case 3:
		what, err = "remove "+a, os.Remove(a)
	case 4:
		what, err = "rename "+a+" "+b, os.Rename(a, b)
	case 5:
		what, err = "mkdir "+f, os.MkdirAll(f, 0o755)
	case 6:
		what, err = "mkdir and write "+f, os.MkdirAll(f, 0o755)
		_ = os.WriteFile(filepath.Join(f, "a"), []byte(text), 0o644)
	case 7:
		what, err = "rename "+f+" "+g, os.Rename(f, g)
	case 8:
		what, err = "remove "+f, os.RemoveAll(f)
	case 9:
		what, err = "touch "+a, os.Chtimes(a, time.Now(), time.Now())
	case 10:
		what, err = "replace "+a, os.WriteFile(a+".new", []byte(text), 0o644)
		if err == nil {
			err = os.Rename(a+".new", a)
		}
	case 11:
		// What is written where nobody watches gives no event.
		b = dir + strings.ReplaceAll(strings.TrimPrefix(b, dir), "r", "q")
		what, err = "link "+a+" "+b, os.Symlink(b, a)
	case 12: // into one that is found before the event of this
		h := filepath.Join(g, filepath.Base(f))
		what, err = "make "+g+" anew and rename "+f+" "+h, os.RemoveAll(g)
		if err == nil {
			err = os.MkdirAll(g, 0o755)
		}
		if err == nil {
			err = os.Rename(f, h)
		}
	case 13: // the link that is followed
		turned := filepath.Join(dir, "turned")
		what, err = "turn to "+f, os.Symlink(f, turned)
		if err == nil {
			err = os.Rename(turned, filepath.Join(dir, "l"))
		}
	}
	if err != nil {
		what += " (failed)"
	}
	return what
}

// addUp applies a batch to a table of what was handed on. It must fit, and
// name nothing that did not change.
func addUp(table map[string]Hash, b Batch) error {
	for _, c := range b.Changes {
		if table[c.Path] != c.Old || c.Old == c.New {
			return fmt.Errorf("%q: from %x to %x, known %x", c.Path, c.Old[:3], c.New[:3], table[c.Path])
		}
		if c.New == (Hash{}) {
			delete(table, c.Path)
		} else {
			table[c.Path] = c.New
		}
	}
	return nil
}

// walk is the other opinion.
func walk(dir string) (map[string]Hash, error) {
	table := make(map[string]Hash)
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := os.Stat(p); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		table[filepath.ToSlash(rel)] = sha256.Sum256(data)
		return err
	})
	return table, err
}

func keys(m map[string]Hash) map[string]string {
	out := make(map[string]string)
	for p, h := range m {
		out[p] = fmt.Sprintf("%x", h[:2])
	}
	return out
}
