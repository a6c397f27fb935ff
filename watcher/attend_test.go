package watcher

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// stirredBy opens a watcher, and returns what waits for it to tell of a stir.
func stirredBy(t *testing.T, o Options, dirs ...string) (w *Watcher, await func(what string)) {
	t.Helper()
	stirred := make(chan struct{}, 1)
	o.Dir = t.TempDir()
	o.Stirred = func() {
		select {
		case stirred <- struct{}{}:
		default:
		}
	}
	w, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if b := <-w.Batches(); !b.Initial {
		t.Fatalf("the first batch is %+v", b)
	}
	w.Attend(dirs)
	return w, func(what string) {
		t.Helper()
		select {
		case <-stirred:
		case <-time.After(10 * time.Second):
			t.Fatalf("nobody is told: %s", what)
		}
	}
}

// Directories outside of the tree are listened to, also when they were removed
// and made again, and what is in them comes in no batch.
func TestAttend(t *testing.T) {
	top := t.TempDir()
	dir, other := filepath.Join(top, "site-packages"), filepath.Join(top, "other")
	for _, d := range []string{dir, other} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w, await := stirredBy(t, Options{Backend: FSNotify, Audit: -1}, top, dir)
	put(t, dir, "new/x.py", "1")
	await("an entry came")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	await("it was removed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	await("it is there again")
	w.Attend([]string{dir})
	put(t, other, "x", "1")
	put(t, dir, "again", "1")
	await("an entry came again")
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case b := <-w.Batches():
		t.Errorf("there is a batch: %+v", b)
	default:
	}
}

// Where there are no events each look tells of a stir, and so does each audit.
func TestAttendWithoutEvents(t *testing.T) {
	_, await := stirredBy(t, Options{Backend: Poll, PollInterval: 10 * time.Millisecond}, t.TempDir())
	await("a look")
	_, await = stirredBy(t, Options{Backend: FSNotify, Audit: 10 * time.Millisecond}, t.TempDir())
	await("an audit")
}
