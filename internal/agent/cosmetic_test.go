package agent

import (
	"os"
	"path/filepath"
	"testing"

	"bounce/configs"
	"bounce/decider"
	"bounce/watcher"
)

// TestCosmetic edits a module step by step: is the service as it was after the
// step before, and does the batch call itself cosmetic?
func TestCosmetic(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("bounce.yaml", "cosmetic: skip\nservices: {api: {run: python3 api.py}}\n")
	write("api.py", "X = 1\n")
	cfg, err := configs.Load(filepath.Join(dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	read := func() watcher.Hash {
		c, err := p.content.Read("api.py")
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash
	}
	step := func(what string, hash watcher.Hash, same, cosmetic bool) {
		t.Helper()
		last := p.view.services["api"].version
		c := watcher.Change{Path: "api.py", Kind: watcher.Modified, Old: p.files["api.py"], New: hash}
		if hash == (watcher.Hash{}) {
			c.Kind = watcher.Deleted
		}
		_, after, _ := p.update(t.Context(), watcher.Batch{Seq: 1, Changes: []watcher.Change{c}})
		if got := len(decider.Diff(last, after.services["api"].version)) == 0; got != same || after.cosmetic["api.py"] != cosmetic {
			t.Errorf("%s: the same code: %t, cosmetic: %t; want %t, %t", what, got, after.cosmetic["api.py"], same, cosmetic)
		}
	}
	for _, c := range []struct {
		what, text     string
		same, cosmetic bool
	}{
		{"a comment", "X = 1  # one\n", true, true},
		{"blank lines", "\n\nX = 1  # one\n", true, true},
		{"layout", "X   =   1\n", true, true},
		{"a value", "X = 2\n", false, false},
		{"half-written", "X = (2\n", false, false},
		{"other half", "X = (2  # two\n", false, false},
		{"a bracket", "X = (2)\n", false, false},
		{"a comment behind it", "X = (2)  # two\n", true, true},
	} {
		write("api.py", c.text)
		step(c.what, read(), c.same, c.cosmetic)
	}
	step("gone", watcher.Hash{}, false, false)
	write("api.py", "X = 3\n")
	step("there again", read(), false, false)

	// Written and read once more while the batch is handed on: each batch goes by
	// the text that it speaks of.
	write("api.py", "X = 4\n")
	older := read()
	write("api.py", "X = 3  # three\n")
	newer := read()
	step("read again", older, false, false)
	step("told again", newer, false, false)
	write("api.py", "X = 5\n")
	step("and then code", read(), false, false)
}
