package runner

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestUnread(t *testing.T) {
	archive, err := txtar.ParseFile("../testdata/runner/unread.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		name, want, _ := strings.Cut(f.Name, ": ")
		if got := unread(string(f.Data), []uint16{80, 8000}); got != (want == "true") {
			t.Errorf("%s: %t", name, got)
		}
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
