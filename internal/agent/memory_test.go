package agent

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bounce/configs"
	"bounce/decider"
	"bounce/watcher"
)

func hashOf(b byte) watcher.Hash { return watcher.Hash{b} }

// aMemory has all that one can have.
func aMemory() memory {
	return memory{
		Project: "/srv/shop",
		Scope:   hashOf(9),
		Files:   map[string]watcher.Hash{"a.py": hashOf(1), "new\nline \xff": hashOf(2)},
		Named:   map[string]bool{"a.py": true},
		Owed: decider.Debts{{
			Step: decider.Step{Kind: decider.RunAction, Name: "install", Order: 10, Reasons: []decider.Reason{{
				Path: "new\nline \xff", Change: "modified", Rule: "*", Chain: []decider.Link{{From: "a.py", Line: 3, To: "new\nline \xff"}},
			}}},
			Since: map[string]watcher.Hash{"new\nline \xff": {}},
			Begun: true,
		}},
	}
}

func TestMemoryIsReadAsItWasWritten(t *testing.T) {
	k := &keeper{file: filepath.Join(t.TempDir(), memoryName), project: "/srv/shop"}
	if _, err := k.read(); !errors.Is(err, errNoMemory) {
		t.Errorf("before the first: %v", err)
	}
	want := aMemory()
	if err := k.write(2, want); err != nil {
		t.Fatal(err)
	}
	if got, err := k.read(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	// An older one that comes late is left out, a newer one is not.
	later := want
	later.Owed = nil
	for _, c := range []struct {
		number uint64
		owed   int
	}{{1, 1}, {2, 1}, {3, 0}} {
		if err := k.write(c.number, later); err != nil {
			t.Fatal(err)
		}
		if got, err := k.read(); err != nil || len(got.Owed) != c.owed {
			t.Errorf("after number %d: %+v, %v", c.number, got.Owed, err)
		}
	}
	info, err := os.Stat(k.file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(k.file + ".*"); len(left) > 0 {
		t.Errorf("%q are left", left)
	}

	k.project = "/srv/other"
	if _, err := k.read(); err == nil || !strings.HasSuffix(err.Error(), "it is that of the project in /srv/shop") {
		t.Errorf("another project's: %v", err)
	}
	k.file = filepath.Join(k.file, "x")
	if err := k.write(9, want); err == nil || !strings.HasPrefix(err.Error(), "cannot remember what is owed: ") {
		t.Errorf("where nothing can be written: %v", err)
	}
}

// A memory is whole or none: no byte of it can be lost or changed.
func TestDamagedMemoryIsNone(t *testing.T) {
	data := encodeMemory(aMemory())
	if _, err := decodeMemory(data); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := decodeMemory(data[:n]); err == nil {
			t.Errorf("cut after %d bytes it is read", n)
		}
		flipped := bytes.Clone(data)
		flipped[n] ^= 1 << rand.IntN(8)
		if _, err := decodeMemory(flipped); err == nil {
			t.Errorf("with another byte %d it is read", n)
		}
	}
	if _, err := decodeMemory(append(data, 0)); err == nil {
		t.Error("with more behind it is read")
	}
}

func FuzzDecodeMemory(f *testing.F) {
	f.Add(encodeMemory(aMemory()))
	f.Add([]byte(memoryHead + "\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeMemory(data); err == nil && !bytes.HasPrefix(data, []byte(memoryHead)) {
			t.Errorf("%q is read as %+v", data, m)
		}
	})
}

func TestWhatChangedSinceAMemory(t *testing.T) {
	m := memory{Scope: hashOf(1), Files: map[string]watcher.Hash{"same": hashOf(1), "edited": hashOf(1), "gone": hashOf(1)}}
	p := &Project{files: tree{"same": hashOf(1), "edited": hashOf(2), "new": hashOf(3)}, view: &view{}}
	edited := watcher.Change{Path: "edited", Kind: watcher.Modified, Old: hashOf(1), New: hashOf(2)}
	want := []watcher.Change{edited,
		{Path: "gone", Kind: watcher.Deleted, Old: hashOf(1)},
		{Path: "new", Kind: watcher.Created, New: hashOf(3)}}
	if got := m.changed(p, hashOf(1)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// With other ignore rules, files come and go without a change.
	if got := m.changed(p, hashOf(2)); !reflect.DeepEqual(got, []watcher.Change{edited}) {
		t.Errorf("got %+v", got)
	}
}

// Files that are looked at since services load them, and are ignored otherwise,
// come and go without a change as well.
func TestWhatIsNamedSinceAMemory(t *testing.T) {
	for _, c := range []struct {
		name       string
		was, is    bool // the file was, is there
		knew, know bool // it was, is looked at for its name
		sighted    bool // it would be
		want       watcher.Kind
	}{
		{"named since", false, true, false, true, true, 0},
		{"named ever since, and written since", false, true, true, true, true, watcher.Created},
		{"named no more", true, false, true, false, false, 0},
		{"named, and deleted since", true, false, true, false, true, watcher.Deleted},
		{"never named, and written", false, true, false, false, false, watcher.Created},
		{"never named, and deleted", true, false, false, false, false, watcher.Deleted},
		{"was named, and counts by itself since", true, true, true, false, true, 0},
	} {
		m := memory{Files: map[string]watcher.Hash{}, Named: map[string]bool{"a.py": c.knew}}
		p := &Project{files: tree{}, named: map[string]bool{"a.py": c.know}, view: &view{}}
		if c.was {
			m.Files["a.py"] = hashOf(1)
		}
		if c.is {
			p.files["a.py"] = hashOf(1)
		}
		if c.sighted {
			p.view.seen = map[string]*sightings{"api": {Files: map[string]sighting{"a.py": {}}}}
		}
		var kind watcher.Kind
		for _, change := range m.changed(p, watcher.Hash{}) {
			kind = change.Kind
		}
		if kind != c.want {
			t.Errorf("%s: %v, want %v", c.name, kind, c.want)
		}
	}
}

// BenchmarkMemory is what a run of an action costs twice, beside a sync of the
// disk: on the loop the copy, off it the encoding.
func BenchmarkMemory(b *testing.B) {
	for _, files := range []int{10_000, 65_000} {
		a := &Agent{}
		a.inPlace.Store(&setup{config: &configs.Config{}, project: &Project{files: tree{}}, keeper: &keeper{}})
		for n := range files {
			a.project().files[fmt.Sprintf("src/package%d/sub/module%d.py", n%100, n)] = sha256.Sum256([]byte{byte(n), byte(n >> 8)})
		}
		b.Run(fmt.Sprintf("files=%d/copy", files), func(b *testing.B) {
			for b.Loop() {
				a.remember()
			}
		})
		b.Run(fmt.Sprintf("files=%d/encode", files), func(b *testing.B) {
			_, m := a.remember()
			for b.Loop() {
				b.SetBytes(int64(len(encodeMemory(m))))
			}
		})
	}
}
