package decider

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"bounce/watcher"
)

// TestFiles changes sets at random, and compares them with maps: what they hold,
// how each differs from one made before it, and that none changes afterwards.
func TestFiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	type both struct {
		files Files
		want  map[string]watcher.Hash
	}
	all := []both{{Files{}, map[string]watcher.Hash{}}}
	for n := range 500 {
		from := all[rng.IntN(len(all))]
		next := both{want: maps.Clone(from.want)}
		changes := make(map[string]watcher.Hash)
		for range rng.IntN(20) {
			path := fmt.Sprintf("m%d.py", rng.IntN(300))
			changes[path] = watcher.Hash{byte(rng.IntN(4))}
			if next.want[path] = changes[path]; changes[path] == (watcher.Hash{}) {
				delete(next.want, path)
			}
		}
		next.files = from.files.With(changes)
		all = append(all, next)
		other := all[rng.IntN(len(all))]
		want := make(map[string]string)
		for path, hash := range next.want {
			switch was, ok := other.want[path]; {
			case !ok:
				want[path] = created
			case was != hash:
				want[path] = modified
			}
		}
		for path := range other.want {
			if _, ok := next.want[path]; !ok {
				want[path] = deleted
			}
		}
		if got := maps.Collect(next.files.since(other.files)); !maps.Equal(got, want) {
			t.Fatalf("set %d differs by %v, want %v", n, got, want)
		}
	}
	for n, b := range all {
		if got := maps.Collect(b.files.All()); !maps.Equal(got, b.want) || b.files.Len() != len(b.want) {
			t.Fatalf("set %d holds %d: %v, want %v", n, b.files.Len(), got, b.want)
		}
		for path, hash := range b.want {
			if !b.files.Has(path) || b.files.Hash(path) != hash {
				t.Fatalf("set %d has %x for %s, want %x", n, b.files.Hash(path), path, hash)
			}
		}
		if b.files.Has("none.py") {
			t.Fatalf("set %d has a file that it does not have", n)
		}
	}
}
