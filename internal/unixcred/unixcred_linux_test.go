package unixcred

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestTheSenderIsNamed(t *testing.T) {
	at := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := Pass(conn); err != nil {
		t.Fatal(err)
	}
	sender, err := net.DialUnix("unixgram", nil, at)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if _, err := sender.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	text, beside := make([]byte, 16), Room()
	_, n, _, _, err := conn.ReadMsgUnix(text, beside)
	if err != nil {
		t.Fatal(err)
	}
	if pid, ok := Sender(beside[:n]); !ok || pid != os.Getpid() {
		t.Errorf("sent by %d, %v; want %d", pid, ok, os.Getpid())
	}
}

func TestNobodyIsNamed(t *testing.T) {
	for _, beside := range [][]byte{nil, {1, 2, 3}, make([]byte, len(Room()))} {
		if pid, ok := Sender(beside); ok {
			t.Errorf("%v: sent by %d", beside, pid)
		}
	}
}

func TestThePeerIsNamed(t *testing.T) {
	at := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	listener, err := net.ListenUnix("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.DialUnix("unix", nil, at)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := Peer(conn); err != nil || int(who.Pid) != os.Getpid() || int(who.Uid) != os.Getuid() {
		t.Errorf("%+v, %v; want %d of user %d", who, err, os.Getpid(), os.Getuid())
	}
	conn.Close()
	if who, err := Peer(conn); err == nil {
		t.Errorf("at the end of what is closed: %+v", who)
	}
}
