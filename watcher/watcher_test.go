package watcher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSource is fed by a test. limit is how many directories it can watch.
type fakeSource struct {
	events  chan event
	limit   int
	ordered bool

	mu   sync.Mutex // guards dirs
	dirs map[string]bool
}

func newFake() *fakeSource {
	return &fakeSource{events: make(chan event), limit: 1 << 30, dirs: make(map[string]bool)}
}

func (s *fakeSource) Watch(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirs) >= s.limit && !s.dirs[dir] {
		return &fs.PathError{Op: "inotify_add_watch", Path: dir, Err: syscall.ENOSPC}
	}
	s.dirs[dir] = true
	return nil
}

func (s *fakeSource) Unwatch(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dirs, dir)
}

func (s *fakeSource) watches(dir string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirs[dir]
}

func (s *fakeSource) Events() <-chan event { return s.events }
func (s *fakeSource) Ordered() bool        { return s.ordered }
func (s *fakeSource) Close() error         { return nil }

// open starts a watcher on a fake source, with a tree in a temporary directory.
func open(t *testing.T, src source, o Options, files ...string) *Watcher {
	t.Helper()
	o.Dir = t.TempDir()
	for _, f := range files {
		put(t, o.Dir, f, "1")
	}
	if o.Audit == 0 {
		o.Audit = -1
	}
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := start(context.Background(), o, src, choice{backend: FSNotify, wanted: FSNotify, why: "test"}, pulse{})
	t.Cleanup(func() { w.Close() })
	return w
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, b Batch, want string) {
	t.Helper()
	if got := format(b); got != want {
		t.Errorf("batch: %s, want %s", got, want)
	}
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		w := open(t, src, Options{Quiet: 20 * time.Millisecond, Max: time.Second, Absent: 400 * time.Millisecond}, "a.py", "b.py", "c.py")
		dir := w.options.Dir
		<-w.Batches()
		hit := func(name string) { src.events <- event{op: touched, path: filepath.Join(dir, name)} }

		began := time.Now()
		put(t, dir, "a.py", "2")
		hit("a.py")
		b := <-w.Batches()
		expect(t, b, "~a.py")
		if took := time.Since(began); took != 20*time.Millisecond || b.First != began || b.Closed != began.Add(took) {
			t.Errorf("one save took %v; %+v", took, b)
		}

		// A busy tree. No event falls on the deadline.
		began = time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 250 {
				put(t, dir, "a.py", fmt.Sprint("busy", i))
				hit("a.py")
				<-time.After(7 * time.Millisecond)
			}
		}()
		expect(t, <-w.Batches(), "~a.py")
		if took := time.Since(began); took != time.Second {
			t.Errorf("a busy tree gave its batch after %v, want the deadline", took)
		}
		expect(t, <-w.Batches(), "~a.py")
		<-done

		put(t, dir, "a.py", "3")
		began = time.Now()
		go func() {
			hit("a.py")
			for range 10 {
				<-time.After(10 * time.Millisecond)
				hit("a.pyc")
				hit("nowhere/x.py")
			}
		}()
		expect(t, <-w.Batches(), "~a.py")
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("events about ignored paths extended the batch to %v", took)
		}

		// A file that is gone waits alone, once.
		synctest.Wait()
		<-time.After(time.Second)
		began = time.Now()
		os.Remove(filepath.Join(dir, "b.py"))
		put(t, dir, "c.py", "2")
		hit("b.py")
		hit("c.py")
		expect(t, <-w.Batches(), "~c.py")
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("the others waited %v", took)
		}
		go func() { // more events about it do not extend
			for range 5 {
				<-time.After(100 * time.Millisecond)
				hit("b.py")
			}
		}()
		expect(t, <-w.Batches(), "-b.py")
		if took := time.Since(began); took < 420*time.Millisecond || took > 440*time.Millisecond {
			t.Errorf("the deletion took %v", took)
		}
		<-time.After(time.Second)

		// Emptied, and written 100ms later: not waited for any longer.
		began = time.Now()
		put(t, dir, "a.py", "")
		hit("a.py")
		<-time.After(100 * time.Millisecond)
		put(t, dir, "a.py", "4")
		hit("a.py")
		expect(t, <-w.Batches(), "~a.py")
		if took := time.Since(began); took != 120*time.Millisecond {
			t.Errorf("the emptied file took %v", took)
		}
	})
}

// halfReader says that files which end in "(" are half-written.
type halfReader struct{ abs func(string) string }

func (r halfReader) Read(path string) (Content, error) {
	b, err := ReadFile(r.abs(path))
	if err != nil {
		return Content{}, err
	}
	if strings.HasPrefix(string(b), "denied") {
		return Content{}, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	return Content{sha256.Sum256(b), int64(len(b)), strings.HasSuffix(string(b), "(")}, nil
}

func TestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		notes := make(chan string, 10)
		var dir string
		w := open(t, src, Options{
			Reader: halfReader{func(p string) string { return filepath.Join(dir, p) }},
			Note:   func(n Note) { notes <- n.Text },
		})
		dir = w.options.Dir
		expect(t, <-w.Batches(), "")
		<-notes
		hit := func(name string) { src.events <- event{op: touched, path: filepath.Join(dir, name)} }

		began := time.Now()
		put(t, dir, "a.py", "f(")
		hit("a.py")
		expect(t, <-w.Batches(), "+a.py")
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("a new half-written file took %v: nobody runs an older one", took)
		}
		put(t, dir, "a.py", "f(1, g(")
		hit("a.py")
		<-time.After(100 * time.Millisecond)
		put(t, dir, "a.py", "f(1, g())")
		hit("a.py")
		began = time.Now()
		expect(t, <-w.Batches(), "~a.py")
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("the finished file took %v", took)
		}

		// Unreadable for a while: one note, no batch.
		for range 3 {
			put(t, dir, "a.py", "denied")
			hit("a.py")
			<-time.After(100 * time.Millisecond)
		}
		if got := <-notes; got != `cannot read "a.py": permission denied` || len(notes) != 0 {
			t.Errorf("notes: %q and %d more", got, len(notes))
		}
		put(t, dir, "a.py", "f(2)")
		hit("a.py")
		expect(t, <-w.Batches(), "~a.py")
	})
}

// TestLost: after lost events the difference is found, and no more than that.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		w := open(t, src, Options{}, "a.py", "b.py", "p/c.py", "q/d.py")
		dir := w.options.Dir
		<-w.Batches()
		put(t, dir, "a.py", "22")
		os.RemoveAll(filepath.Join(dir, "q"))
		put(t, dir, "r/s/e.py", "1")
		src.events <- event{op: lost}
		b := <-w.Batches()
		expect(t, b, "~a.py +r/s/e.py")
		if b.Cause != "rescan after overflow" {
			t.Errorf("cause %q", b.Cause)
		}
		expect(t, <-w.Batches(), "-q/d.py")
		if !src.watches(filepath.Join(dir, "r", "s")) || src.watches(filepath.Join(dir, "q")) {
			t.Errorf("watched: %v", src.dirs)
		}

		// Lost again and again: the walks are spaced.
		began, before := time.Now(), w.Status().Rescans
		for time.Since(began) < 10*time.Second {
			src.events <- event{op: lost}
			<-time.After(5 * time.Millisecond)
		}
		put(t, dir, "b.py", "22")
		src.events <- event{op: lost}
		expect(t, <-w.Batches(), "~b.py")
		if n := w.Status().Rescans - before; n < 3 || n > 10 {
			t.Errorf("%d walks in ten seconds", n)
		}
		<-time.After(10 * time.Second)
		src.events <- event{op: lost}
		if err := w.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFlushAfterLost: what a walk finds after lost events was written before a
// Flush that came after the loss, although other events came in between.
func TestFlushAfterLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		src.ordered = true
		scratch := filepath.Join(t.TempDir(), "cookies")
		w := open(t, src, Options{Scratch: scratch}, "a.py")
		<-w.Batches()
		put(t, w.options.Dir, "a.py", "22")
		src.events <- event{op: lost}
		flushed := make(chan error, 1)
		go func() { flushed <- w.Flush(context.Background()) }()
		synctest.Wait()
		src.events <- event{op: came, path: filepath.Join(scratch, "1")}
		src.events <- event{op: left, path: filepath.Join(scratch, "1")}
		<-time.After(time.Second) // nobody takes the batch
		synctest.Wait()
		select {
		case err := <-flushed:
			t.Fatalf("flushed before its batch was taken: %v", err)
		default:
		}
		expect(t, <-w.Batches(), "~a.py")
		if err := <-flushed; err != nil {
			t.Error(err)
		}
	})
}

// TestAudit finds what gave no event.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFake()
		w := open(t, src, Options{Audit: time.Minute}, "a.py", "p/b.py")
		dir := w.options.Dir
		<-w.Batches()
		began := time.Now()
		put(t, dir, "p/b.py", "a longer one")
		b := <-w.Batches()
		expect(t, b, "~p/b.py")
		if took := time.Since(began); took > time.Minute+20*time.Millisecond || b.Cause != "audit" {
			t.Errorf("after %v: %+v", took, b)
		}
		// Another directory under the same name is watched anew.
		if err := os.Rename(filepath.Join(dir, "p"), filepath.Join(dir, "..", filepath.Base(dir)+"-old")); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(filepath.Join(dir, "..", filepath.Base(dir)+"-old"))
		put(t, dir, "p/b.py", "another")
		src.Unwatch(filepath.Join(dir, "p"))
		expect(t, <-w.Batches(), "~p/b.py")
		if !src.watches(filepath.Join(dir, "p")) {
			t.Error("the new directory is not watched")
		}
	})
}

// TestLimit: what cannot be watched is polled, with a word about it.
func TestLimit(t *testing.T) {
	src := newFake()
	src.limit = 3
	notes := make(chan Note, 100)
	w := open(t, src, Options{PollInterval: 10 * time.Millisecond, Audit: time.Hour, Note: func(n Note) { notes <- n }},
		"a.py", "p/b.py", "q/c.py", "q/r/d.py", "q/s/e.py")
	dir := w.options.Dir
	<-w.Batches()
	<-notes
	n := <-notes
	if !n.Degraded || !strings.Contains(n.Text, "2 of 5 directories") || !strings.Contains(n.Text, "max_user_watches") ||
		!strings.Contains(n.Text, "q (3 directories), p (1 directories): watch.ignore: [/q/, /p/]") {
		t.Errorf("note %+v", n)
	}
	if s := w.Status(); !s.Degraded || s.Polled != 2 || s.Dirs != 5 {
		t.Errorf("status %+v", s)
	}
	// The source stays silent: only polling can find these.
	for _, f := range []string{"a.py", "p/b.py", "q/c.py", "q/r/d.py", "q/s/e.py"} {
		if !src.watches(filepath.Dir(filepath.Join(dir, f))) {
			put(t, dir, f, "found by polling")
		}
	}
	got := make(map[string]bool)
	for len(got) < 2 {
		for _, c := range (<-w.Batches()).Changes {
			got[c.Path] = true
		}
	}
}

// TestProbe: a root from which no events come is polled after a while.
func TestProbe(t *testing.T) {
	for _, hears := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			src := newFake()
			o := Options{Dir: t.TempDir(), PollInterval: 100 * time.Millisecond, Audit: -1}
			put(t, o.Dir, "a.py", "1")
			o, err := o.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			var notes []string
			o.Note = func(n Note) { notes = append(notes, n.Text) }
			w := start(context.Background(), o, src, choice{backend: FSNotify, probe: true}, pulse{})
			defer w.Close()
			<-w.Batches()
			if hears {
				src.events <- event{op: touched, path: o.Dir}
			}
			<-time.After(2 * probePatience)
			synctest.Wait()
			if s := w.Status(); s.Degraded == hears || (s.Polled > 0) == hears {
				t.Errorf("heard %v: %+v", hears, s)
			}
			if hears {
				return
			}
			put(t, o.Dir, "a.py", "two")
			expect(t, <-w.Batches(), "~a.py")
			if last := notes[len(notes)-1]; !strings.Contains(last, "no events come from .") {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// TestWatchesFreed: an audit gives polled directories back to the source.
func TestWatchesFreed(t *testing.T) {
	src := newFake()
	src.limit = 1
	w := open(t, src, Options{PollInterval: time.Hour, Audit: 10 * time.Millisecond}, "p/b.py")
	<-w.Batches()
	src.mu.Lock()
	src.limit = 10
	src.mu.Unlock()
	for w.Status().Degraded { // the audit comes every 10ms
		if err := w.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.Status(); s.Polled != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestClose(t *testing.T) {
	for _, b := range []Backend{FSNotify, Notify, Poll} {
		t.Run(string(b), func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "a.py", "1")
			w, err := Open(context.Background(), Options{Dir: dir, Backend: b})
			if err != nil {
				t.Fatal(err)
			}
			// Nobody takes the first batch: Flush waits for it.
			failed := make(chan error)
			go func() { failed <- w.Flush(context.Background()) }()
			for !w.Status().Scanned {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				if err := w.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("flush before the first batch: %v", err)
				}
				cancel()
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if err := <-failed; !errors.Is(err, ErrClosed) {
				t.Errorf("flush over Close: %v", err)
			}
			if _, open := <-w.Batches(); open {
				t.Error("a batch after Close")
			}
			if err := w.Flush(context.Background()); !errors.Is(err, ErrClosed) {
				t.Errorf("flush after Close: %v", err)
			}
			if w.Override(); w.Close() != nil {
				t.Error("closing twice")
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w, err := Open(ctx, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	<-w.Batches()
	cancel()
	for range w.Batches() {
	}
}

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	put(t, dir, "file", "1")
	for _, c := range []struct {
		Options
		want string
	}{
		{Options{Dir: "relative"}, "must be absolute"},
		{Options{Dir: filepath.Join(dir, "none")}, "no such file"},
		{Options{Dir: file}, "not a directory"},
		{Options{Dir: dir, Quiet: -1}, "Quiet"},
		{Options{Dir: dir, Backend: "inotify"}, "want auto, fsnotify, notify or poll"},
		{Options{Dir: dir, Roots: []string{"/abs"}}, "must be relative"},
	} {
		if _, err := Open(context.Background(), c.Options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open(%+v): %v, want %q", c.Options, err, c.want)
		}
	}
}

func TestBackendVariable(t *testing.T) {
	for value, want := range map[string]Backend{"poll": Poll, "notify": Notify, "fsnotify": FSNotify, "": FSNotify, "nonsense": FSNotify} {
		t.Setenv(BackendVariable, value)
		w, err := Open(context.Background(), Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		<-w.Batches()
		if s := w.Status(); s.Backend != want || value != "" && !strings.Contains(s.Why, value) {
			t.Errorf("%s=%s: %+v", BackendVariable, value, s)
		}
		w.Close()
	}
}

func TestOutermost(t *testing.T) {
	for in, want := range map[string]string{
		". src":               ".",
		"src src/a lib":       "lib src",
		"src srcs":            "src srcs",
		".. src":              "..",
		"../lib src ../lib/x": "../lib src",
		"../.. .. .":          "../..",
		"../lib ../lib2 .":    ". ../lib ../lib2",
	} {
		if got := strings.Join(outermost(strings.Fields(in)), " "); got != want {
			t.Errorf("outermost(%s) = %s, want %s", in, got, want)
		}
	}
}

// TestLargeFile: past the limit a file is not read.
func TestLargeFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "big", "1")
	big := filepath.Join(dir, "big")
	if err := os.Truncate(big, maxRead+1); err != nil {
		t.Fatal(err)
	}
	w, err := Open(context.Background(), Options{Dir: dir, Reader: refuse{}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	expect(t, <-w.Batches(), "+big")
	if err := os.Truncate(big, maxRead+2); err != nil {
		t.Fatal(err)
	}
	expect(t, <-w.Batches(), "~big")
}

type refuse struct{}

func (refuse) Read(string) (Content, error) { return Content{}, errors.New("not to be read") }
