package decider

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"bounce/watcher"
)

func TestDiff(t *testing.T) {
	old := Version{
		Files: FilesOf(map[string]watcher.Hash{"a": {1}, "b": {1}, "c": {1}, "gone": {}, "e": {1}}),
		Start: map[string]string{"command": "x", "cwd": "/", "user": ""},
		Packages: map[string]Package{
			"gone": {Version: "1"}, "lib": {Version: "1"}, "rebuilt": {Version: "1", Sum: watcher.Hash{1}}, "same": {Version: "1"},
		},
	}
	new := Version{
		Files: FilesOf(map[string]watcher.Hash{"a": {1}, "c": {2}, "d": {1}, "gone": {1}, "e": {}, "none": {}}),
		Start: map[string]string{"command": "y", "cwd": "/", "environment": ""},
		Packages: map[string]Package{
			"came": {Version: "3"}, "lib": {Version: "2"}, "rebuilt": {Version: "1", Sum: watcher.Hash{2}}, "same": {Version: "1"},
		},
	}
	want := []Difference{
		{Path: "b", Change: "deleted"}, {Path: "c", Change: "modified"}, {Path: "d", Change: "created"},
		{Path: "e", Change: "deleted"}, {Path: "gone", Change: "created"},
		{Package: "came", Change: "created", New: "3"}, {Package: "gone", Change: "deleted", Old: "1"},
		{Package: "lib", Change: "modified", Old: "1", New: "2"}, {Package: "rebuilt", Change: "modified", Old: "1", New: "1"},
		{Change: "command"}, {Change: "environment"}, {Change: "user"},
	}
	if got := Diff(old, new); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := Diff(old, old); got != nil {
		t.Errorf("a version differs from itself: %v", got)
	}
	if got := Diff(Version{}, Version{Files: FilesOf(map[string]watcher.Hash{"x": {}})}); got != nil {
		t.Errorf("a file that is not there makes a difference: %v", got)
	}
}

// Equal fingerprints and an empty difference are the same thing.
func TestFingerprint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "ab", "", "f"}
	version := func() Version {
		files := make(map[string]watcher.Hash)
		for range rng.IntN(3) {
			files[names[rng.IntN(len(names))]] = watcher.Hash{byte(rng.IntN(3))}
		}
		v := Version{Files: FilesOf(files), Start: make(map[string]string)}
		for range rng.IntN(2) {
			v.Start[names[rng.IntN(len(names))]] = names[rng.IntN(len(names))]
		}
		for range rng.IntN(2) {
			name, version := names[rng.IntN(len(names))], names[rng.IntN(len(names))]
			v.Packages = map[string]Package{name: {Version: version, Sum: watcher.Hash{byte(rng.IntN(2))}}}
		}
		return v
	}
	equal := 0
	for range 20_000 {
		a, b := version(), version()
		same := a.Fingerprint() == b.Fingerprint()
		if diff := Diff(a, b); same != (diff == nil) {
			t.Fatalf("fingerprints equal: %t, but the difference between\n%v and\n%v is %v", same, a, b, diff)
		}
		if same {
			equal++
		}
	}
	if equal == 0 || equal == 20_000 {
		t.Fatalf("%d of 20000 pairs are equal: the test says nothing", equal)
	}
}

func BenchmarkDiff(b *testing.B) {
	files := func() Files {
		m := make(map[string]watcher.Hash)
		for i := range 300 {
			m[fmt.Sprintf("shop/module%d.py", i)] = watcher.Hash{byte(i), 1}
		}
		return FilesOf(m)
	}
	one, other := Version{Files: files()}, Version{Files: files()}
	b.Run("the same files", func(b *testing.B) {
		for b.Loop() {
			Diff(one, one)
		}
	})
	b.Run("equal files", func(b *testing.B) {
		for b.Loop() {
			Diff(one, other)
		}
	})
}
