package unixdiag

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestBehind compares what is told of a socket with what was done to it, beside
// another one of the same name that was moved away.
func TestBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	listen := func() (*net.UnixListener, *os.File) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		file, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close(); file.Close() })
		return l, file
	}
	old, oldFile := listen()
	expect := func(file *os.File, what string, want Behind) {
		t.Helper()
		if got, err := Of(file); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
		}
	}
	dial := func() net.Conn {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	expect(oldFile, "at first", Behind{})
	first, _ := dial(), dial()
	if _, err := first.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	expect(oldFile, "two wait", Behind{Waiting: 2})

	if err := os.Rename(path, path+"~"); err != nil {
		t.Fatal(err)
	}
	_, newFile := listen()
	dial()
	expect(newFile, "one for the new one", Behind{Waiting: 1})
	expect(oldFile, "none more for the old one", Behind{Waiting: 2})

	old.SetDeadline(time.Now().Add(10 * time.Second))
	accepted, err := old.Accept()
	if err != nil {
		t.Fatal(err)
	}
	expect(oldFile, "one accepted", Behind{Waiting: 1, Unread: 1, Open: 1})
	if _, err := accepted.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	expect(oldFile, "and read", Behind{Waiting: 1, Open: 1})
	accepted.Close()
	expect(oldFile, "and closed", Behind{Waiting: 1})
	expect(newFile, "still one for the new one", Behind{Waiting: 1})
}

func TestOfWhatDoesNotListen(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := Of(file); err == nil {
		t.Errorf("%+v", got)
	}
}

// FuzzParse checks that no answer makes the parser fail otherwise than by saying
// so.
func FuzzParse(f *testing.F) {
	f.Add(request())
	f.Add([]byte{20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{48, 0, 0, 0, 20, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 10, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 1, 0, 9, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, _, err := parse(data)
		if err != nil && len(all) > 0 {
			t.Errorf("%d sockets and %v", len(all), err)
		}
		_, _ = behind(all, 7)
	})
}

// TestBound compares what a socket is bound to with what is at the path.
func TestBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	want := uint32(info.Sys().(*syscall.Stat_t).Ino)
	for _, what := range []string{"there", "removed"} {
		if got, err := Bound(file); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", what, got, err, want)
		}
		_ = os.Remove(path)
	}
	pipe, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer end.Close()
	if got, err := Bound(pipe); err == nil {
		t.Errorf("a pipe is bound to %d", got)
	}
}
