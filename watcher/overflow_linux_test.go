package watcher

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// blockingReader stops at one file until told to go on, and with it the loop:
// meanwhile the kernel's queue fills.
type blockingReader struct {
	diskReader
	at, on chan struct{}
}

func (r blockingReader) Read(path string) (Content, error) {
	if path == "stop.py" {
		r.at <- struct{}{}
		<-r.on
	}
	return r.diskReader.Read(path)
}

// TestOverflow fills the real queue of inotify. What was lost must be found,
// and nothing else reported.
func TestOverflow(t *testing.T) {
	for _, b := range []Backend{FSNotify, Notify} {
		t.Run(string(b), func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "a.py", "1")
			put(t, dir, "same.py", "1")
			put(t, dir, "p/b.py", "1")
			r := blockingReader{diskReader{func(p string) string { return filepath.Join(dir, p) }}, make(chan struct{}), make(chan struct{})}
			w, err := Open(context.Background(), Options{Dir: dir, Backend: b, Reader: r, Audit: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			<-w.Batches()
			put(t, dir, "stop.py", "1")
			<-r.at
			fillQueue(t, filepath.Join(dir, "same.py"))
			put(t, dir, "a.py", "2")
			put(t, dir, "p/b.py", "2")
			put(t, dir, "q/new.py", "1")
			c := collect(w)
			go func() {
				for range r.at { // the file may be looked at again
					r.on <- struct{}{}
				}
			}()
			r.on <- struct{}{}
			if err := w.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, batch := range c.batches() {
				all = append(all, strings.Fields(format(batch))...)
			}
			slices.Sort(all)
			if got, want := strings.Join(all, " "), "+q/new.py +stop.py ~a.py ~p/b.py"; got != want {
				t.Errorf("batches %q, want %q", got, want)
			}
			// Without order, news of the loss may come after the look of a Flush.
			for late := time.After(20 * time.Second); w.Status().Rescans == 0; {
				if err := w.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				select {
				case <-late:
					t.Fatal("no walk: the queue did not overflow")
				default:
				}
			}
		})
	}
}

// TestOverflowAgain fills the queue again and again while what was lost before
// is looked for: each time the walk has been made and its batch has not. The
// walks come ever less often, nothing is missed, and they come to an end.
func TestOverflowAgain(t *testing.T) {
	for _, b := range []Backend{FSNotify, Notify} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, dir, "same.py", "1")
			r := blockingReader{diskReader{func(p string) string { return filepath.Join(dir, p) }}, make(chan struct{}), make(chan struct{})}
			walks := make(chan time.Time, 100)
			// Nothing is looked at before all that the queue has was taken.
			o := Options{Dir: dir, Backend: b, Reader: r, Audit: -1, Quiet: 100 * time.Millisecond, Max: time.Minute}
			o.Note = func(n Note) {
				if strings.HasPrefix(n.Text, "events were lost") {
					walks <- time.Now()
				}
			}
			w, err := Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			table := make(map[string]Hash)
			if err := addUp(table, <-w.Batches()); err != nil {
				t.Fatal(err)
			}
			c := collect(w)
			const rounds = 3
			for i := range rounds {
				put(t, dir, "stop.py", fmt.Sprint(i))
				<-r.at
				fillQueue(t, filepath.Join(dir, "same.py"))
				put(t, dir, fmt.Sprintf("p%d/q/new.py", i), "1")
				// Looked at once more when the loss is dealt with, which is
				// where the next round stops it.
				put(t, dir, "stop.py", fmt.Sprint(i, "again"))
				r.on <- struct{}{}
			}
			go func() {
				for range r.at {
					r.on <- struct{}{}
				}
			}()
			if err := w.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, batch := range c.batches() {
				if err := addUp(table, batch); err != nil {
					t.Error(err)
				}
			}
			want, err := walk(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(table, want) {
				t.Errorf("batches add up to %v\nthe tree has %v", keys(table), keys(want))
			}
			if b != FSNotify {
				return // news of a loss may come any time later
			}
			if n := w.Status().Rescans; n < 2 || n > rounds {
				t.Errorf("%d walks for %d overflows", n, rounds)
			}
			w.Close() // nothing is noted after
			close(walks)
			last := time.Time{}
			for at := range walks {
				if at.Sub(last) < minSpacing {
					t.Errorf("a walk %v after the one before", at.Sub(last))
				}
				last = at
			}
		})
	}
}

// fillQueue gives more events than the kernel keeps. Two kinds take turns: of
// equal ones in a row it keeps one.
func fillQueue(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range queueLength() {
		if _, err := f.WriteAt([]byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Chmod(0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoInstance: without an inotify instance the watcher polls, and says why.
func TestNoInstance(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// Every descriptor in use: a new one is past the limit.
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o, err := Options{Dir: t.TempDir(), PollInterval: 10e6}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	none := old
	none.Cur = 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	src, chosen := choose(o)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	w := start(context.Background(), o, src, chosen, pulse{})
	defer w.Close()
	<-w.Batches()
	if s := w.Status(); s.Backend != Poll || !s.Degraded || !strings.Contains(s.Why, "ulimit -n is ") {
		t.Errorf("status %+v", s)
	}
	put(t, o.Dir, "a.py", "1")
	expect(t, <-w.Batches(), "+a.py")
}

func TestLimitHint(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: fmt.Sprintf("fs.inotify.max_user_watches is %d, of which this program holds 7", sysctl("fs.inotify.max_user_watches")),
		syscall.EMFILE: fmt.Sprintf("fs.inotify.max_user_instances is %d", sysctl("fs.inotify.max_user_instances")),
		syscall.EIO:    "input/output error",
	} {
		if got := limitHint(err, 7); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// TestOneInstance: however much is watched, it takes one inotify instance.
func TestOneInstance(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, ".git/HEAD", "")
	for i := range 20 {
		put(t, dir, fmt.Sprintf("d%d/a.py", i), "1")
	}
	before := instances(t)
	w, err := Open(context.Background(), Options{Dir: dir, Backend: FSNotify, Gate: &fileGate{filepath.Join(dir, ".git")}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	<-w.Batches()
	if now := instances(t); now != before+1 {
		t.Errorf("%d instances, %d before", now, before)
	}
}

// instances counts the inotify instances of this process.
func instances(t *testing.T) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && target == "anon_inode:inotify" {
			n++
		}
	}
	return n
}
