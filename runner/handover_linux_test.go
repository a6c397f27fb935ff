package runner

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestAccepted(t *testing.T) {
	archive, err := txtar.ParseFile("../testdata/runner/unread.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		name, want, _ := strings.Cut(f.Name, ": ")
		unread, open := accepted(string(f.Data), []uint16{80, 8000}, false), accepted(string(f.Data), []uint16{80, 8000}, true)
		if len(unread) > 0 != (want == "true") || len(open) > 0 != (want != "false") {
			t.Errorf("%s: unread %v, open %v", name, unread, open)
		}
	}
}

// TestBeside opens a socket for a successor: what comes goes to the old one, but
// for what is steered, until it is led.
func TestBeside(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		h, err := hold(Listen{TCP: address})
		if err != nil {
			t.Fatal(err)
		}
		h.found()
		var conns []net.Conn
		dial := func(d net.Dialer, n int) {
			t.Helper()
			for range n {
				conn, err := d.Dial("tcp", h.address)
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
			}
		}
		expect := func(what string, old, next uint32) {
			t.Helper()
			if got, got2 := queued(h.file), queued(h.next); got != old || got2 != next {
				t.Errorf("%s: %s: %d for the old one and %d for the next, want %d and %d", address, what, got, got2, old, next)
			}
		}
		for range 2 { // the second time after one that was not to be
			if err := h.beside(); err != nil {
				t.Fatal(err)
			}
			before := queued(h.file)
			dial(net.Dialer{}, 10)
			expect("at first", before+10, 0)
			dial(net.Dialer{Control: h.steer}, 5)
			expect("steered", before+10, 5)
			dial(net.Dialer{}, 10)
			expect("afterwards", before+20, 5)
			h.lead(true)
			dial(net.Dialer{}, 10)
			expect("led", before+20, 15)
			h.lead(false)
			dial(net.Dialer{}, 10)
			expect("led back", before+30, 15)
			h.abandon()
			dial(net.Dialer{Control: h.steer}, 1)
		}
		if _, err := hold(Listen{TCP: h.address}); err == nil {
			t.Errorf("%s: the port can be taken by others", address)
		}
		for _, conn := range conns {
			conn.Close()
		}
		h.release()
	}
}

// TestBesideAPath is TestBeside for a path, and sees that each generation but the
// last leaves nothing.
func TestBesideAPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sock")
	h, err := hold(Listen{Unix: path, Mode: 0o620})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(n int) {
		t.Helper()
		for range n {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
		}
	}
	expect := func(what string, old, next uint32) {
		t.Helper()
		if got, got2 := queued(h.file), queued(h.next); got != old || got2 != next {
			t.Errorf("%s: %d for the old one and %d for the next, want %d and %d", what, got, got2, old, next)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Perm() != 0o620 {
			t.Errorf("%s: %v %v", what, info, err)
		}
	}
	for range 3 {
		if err := h.beside(); err != nil {
			t.Fatal(err)
		}
		dial(3)
		expect("at first", 3, 0)
		h.lead(true)
		dial(2)
		expect("led", 3, 2)
		h.lead(false)
		dial(1)
		expect("led back", 4, 2)
		h.abandon()
		dial(1)
		if n := queued(h.file); n != 5 {
			t.Errorf("abandoned: %d, want 5", n)
		}
		h.succeed()
		dial(1)
		expect("succeeded", 5, 1)
		h.supplant()
		if n := queued(h.file); n != 1 {
			t.Errorf("supplanted: %d, want 1", n)
		}
		if left := entries(t, dir); len(left) != 1 {
			t.Errorf("left: %v", left)
		}
		// The next round begins with none.
		h.succeed()
		h.supplant()
	}
	h.release()
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestHandOver accepts from the socket of each generation in turn: what was
// there before stays, what comes afterwards is for the next, and the port is
// taken for everybody else.
func TestHandOver(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		h, err := hold(Listen{TCP: address})
		if err != nil {
			t.Fatal(err)
		}
		fds := len(entries(t, "/proc/self/fd"))
		dial := func() net.Conn {
			conn, err := net.Dial("tcp", h.address)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		accept := func(l net.Listener, client net.Conn) {
			t.Helper()
			l.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if conn.RemoteAddr().String() != client.LocalAddr().String() {
				t.Errorf("%s: accepted %s, want %s", address, conn.RemoteAddr(), client.LocalAddr())
			}
			conn.Close()
			client.Close()
		}
		for range 5 {
			old, err := net.FileListener(h.file)
			if err != nil {
				t.Fatal(err)
			}
			early := dial()
			h.succeed()
			if h.next == nil {
				t.Fatalf("%s: no socket for the next generation", address)
			}
			late := []net.Conn{dial(), dial(), dial()}
			accept(old, early)
			if n := queued(h.file); n != 0 {
				t.Errorf("%s: %d connections too many for the old generation", address, n)
			}
			old.Close()
			h.supplant()
			l, err := net.FileListener(h.file)
			if err != nil {
				t.Fatal(err)
			}
			for _, client := range late {
				accept(l, client)
			}
			l.Close()
			if _, err := hold(Listen{TCP: h.address}); err == nil {
				t.Errorf("%s: the port can be taken by others", address)
			}
		}
		if n := len(entries(t, "/proc/self/fd")); n > fds {
			t.Errorf("%s: %d descriptors, then %d", address, fds, n)
		}
		h.release()
	}
}
