package logfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// loss is one call of Options.Lost, at a time since the test began.
type loss struct {
	at    time.Duration
	lines int
	why   string
}

// sink is a file whose writes are answered by the test.
type sink struct {
	bytes.Buffer
	write func(p []byte) (int, error) // nil: takes everything
}

func (s *sink) Write(p []byte) (int, error) {
	if s.write != nil {
		n, err := s.write(p)
		s.Buffer.Write(p[:n])
		return n, err
	}
	return s.Buffer.Write(p)
}

func (s *sink) Close() error { return nil }

// losses collects what is lost.
func losses() (told func() []loss, tell func(int, error)) {
	var mu sync.Mutex
	var all []loss
	begin := time.Now()
	told = func() []loss {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
	return told, func(n int, why error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, loss{time.Since(begin), n, why.Error()})
	}
}

func TestStuckDiskHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, tell := losses()
		gate := make(chan struct{})
		s := &sink{write: func(p []byte) (int, error) { <-gate; return len(p), nil }}
		f := open(s, Options{Lost: tell})
		line := strings.Repeat("x", 999)
		const lines = 100 << 10 // 100 MiB
		f.Line(line)
		synctest.Wait() // it hangs in this one
		for range lines - 1 {
			f.Line(line)
		}
		time.Sleep(2 * time.Second)
		close(gate)
		f.Close()
		got := bytes.Count(s.Bytes(), []byte("\n"))
		lost := told()
		if len(lost) != 1 || lost[0].lines != lines-got || lost[0].why != ErrSlow.Error() || lost[0].at != firstWord {
			t.Errorf("%d of %d lines were written, and these told as lost: %+v", got, lines, lost)
		}
		if held := got * 1000; held > maxQueued+chunk {
			t.Errorf("%d bytes were kept for the disk", held)
		}
	})
}

func TestFullDiskIsToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, tell := losses()
		full := errors.New("no space left on device")
		room := 7
		s := &sink{}
		s.write = func(p []byte) (int, error) {
			n := min(room, len(p))
			room -= n
			if n < len(p) {
				return n, full
			}
			return n, nil
		}
		f := open(s, Options{Lost: tell})
		for i := range 100 {
			f.Line(fmt.Sprintf("line %d", i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		room = 1 << 20
		f.Line("last")
		f.Close()
		// Seven bytes held the first line but for its end... which is the
		// seventh: it stands, and nothing was cut.
		if got, want := s.String(), "line 0\nlast\n"; got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
		total, lost := 0, told()
		for i, l := range lost {
			total += l.lines
			if l.why != full.Error() || i > 0 && i < len(lost)-1 && l.at-lost[i-1].at != between {
				t.Errorf("told %+v", lost)
			}
		}
		if total != 99 || len(lost) > 5 {
			t.Errorf("%d lines were lost, in %d words: %+v", total, len(lost), lost)
		}
	})
}

func TestWriteThatEndsWithinALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, tell := losses()
		s := &sink{}
		cut := 9
		s.write = func(p []byte) (int, error) {
			if cut == 0 {
				return len(p), nil
			}
			n := min(cut, len(p))
			cut = 0
			return n, errors.New("interrupted")
		}
		f := open(s, Options{Lost: tell})
		f.Write([]byte("first\nsecond\nthird\n"))
		synctest.Wait()
		f.Line("fourth")
		f.Close()
		if got, want := s.String(), "first\nsec\nfourth\n"; got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
		if lost := told(); len(lost) != 1 || lost[0].lines != 2 {
			t.Errorf("lost %+v, want 2 lines", lost)
		}
	})
}

func TestCloseGivesUpOnAStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := open(&sink{write: func(p []byte) (int, error) { <-gate; return len(p), nil }}, Options{})
		f.Line("x")
		begin := time.Now()
		f.Close()
		if took := time.Since(begin); took != flushTime {
			t.Errorf("it took %v", took)
		}
		close(gate)
		<-f.done
	})
}

// TestRotation writes more than the files may hold: those that are kept have
// the newest lines, whole and in order.
func TestRotation(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprintf("compress %v", compress), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run", "logs")
			path := filepath.Join(dir, "api.log")
			told, tell := losses()
			f := Open(Options{Path: path, MaxSize: 1, Keep: 2, Compress: compress, Lost: tell})
			const lines = 50_000 // 5 MB
			for i := range lines {
				f.Line(fmt.Sprintf("%08d %s", i, strings.Repeat("x", 90)))
				if i%10_000 == 0 {
					wait(t, f)
				}
			}
			f.Close()
			<-f.done // the disk may be busy
			if lost := told(); len(lost) > 0 {
				t.Fatalf("lost %+v", lost)
			}
			got := readAll(t, dir)
			if len(got) < 20_000 || len(got) > 35_000 {
				t.Errorf("%d lines are kept, of 3 MiB at most", len(got))
			}
			first := 0
			fmt.Sscanf(got[0], "%d", &first)
			for i, line := range got {
				if len(line) != 99 || line[:8] != fmt.Sprintf("%08d", first+i) {
					t.Fatalf("line %d of the files is %q", i, line)
				}
			}
			if first+len(got) != lines {
				t.Errorf("the newest line is %d", first+len(got))
			}
		})
	}
}

// Lines go on elsewhere, or as others are kept, and none is lost on the way.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	told, tell := losses()
	o := Options{Path: filepath.Join(dir, "a", "api.log"), Lost: tell}
	f := Open(o)
	const lines = 20_000 // 2 MB
	write := func(round int) {
		for i := range lines {
			f.Line(fmt.Sprintf("%d%07d %s", round, i, strings.Repeat("x", 90)))
		}
		wait(t, f)
	}
	reopen := func() {
		f.Reopen(o)
		for taken := false; !taken; {
			f.mu.Lock()
			taken = f.next == nil
			f.mu.Unlock()
		}
	}
	write(1)
	o.MaxSize = 1
	reopen()
	write(2)
	o.Path = filepath.Join(dir, "b", "api.log")
	reopen()
	write(3)
	f.Close()
	<-f.done // the disk may be busy
	f.Reopen(o)
	if lost := told(); len(lost) > 0 {
		t.Fatalf("lost %+v", lost)
	}
	for name, want := range map[string]int{"a": 2 * lines, "b": lines} {
		if got := readAll(t, filepath.Join(dir, name)); len(got) != want {
			t.Errorf("%s has %d lines, want %d", name, len(got), want)
		}
	}
	if files, err := os.ReadDir(filepath.Join(dir, "a")); err != nil || len(files) < 3 {
		t.Errorf("4 MB are in %d files of 1 MB at most: %v", len(files), err)
	}
}

// wait returns when nothing is queued.
func wait(t *testing.T, f *File) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		f.mu.Lock()
		n := len(f.queue)
		f.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the queue does not empty")
		}
	}
}

// readAll returns the lines of all files, the oldest first.
func readAll(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files [][]string
	for _, e := range entries {
		file, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = file
		if strings.HasSuffix(e.Name(), ".gz") {
			if r, err = gzip.NewReader(file); err != nil {
				t.Fatal(err)
			}
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		files = append(files, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
	}
	slices.SortFunc(files, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return slices.Concat(files...)
}

// TestFileThatIsTakenAwayIsBegunAnew takes it away in ways that people and
// programs have, while lines come.
func TestFileThatIsTakenAwayIsBegunAnew(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed":            os.Remove,
		"moved":              func(path string) error { return os.Rename(path, path+".1") },
		"with its directory": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"another in its place": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("theirs\n"), 0o600), os.Rename(path+".new", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "logs", "api.log")
			synctest.Test(t, func(t *testing.T) {
				f := Open(Options{Path: path, Lost: func(n int, why error) { t.Errorf("%d lines are lost: %v", n, why) }})
				defer f.Close()
				f.Line("before")
				synctest.Wait()
				if err := take(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(lookEvery)
				f.Line("after")
				synctest.Wait()
				got, err := os.ReadFile(path)
				if err != nil || !strings.HasSuffix(string(got), "after\n") || strings.Contains(string(got), "before") {
					t.Errorf("%q, %v: want a file that ends with what came after", got, err)
				}
			})
		})
	}
}
