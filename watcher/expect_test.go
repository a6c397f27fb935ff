package watcher

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file is expected when the event comes: here no batch ever closes.
func TestExpectComesBeforeTheBatch(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("ignored.py\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expected := make(chan string, 64)
	w, err := Open(t.Context(), Options{
		Dir: dir, Backend: FSNotify, Quiet: time.Hour, Max: time.Hour,
		Expect: func(path string) {
			select {
			case expected <- path:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if b := <-w.Batches(); !b.Initial {
		t.Fatalf("the first batch is %+v", b)
	}
	for _, name := range []string{"ignored.py", "a.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x = 1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case path := <-expected:
		if path != "a.py" {
			t.Errorf("expected is %q, not a.py alone", path)
		}
	case b := <-w.Batches():
		t.Errorf("a batch came first: %+v", b)
	case <-time.After(10 * time.Second):
		t.Error("nothing is expected")
	}
}
