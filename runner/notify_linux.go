package runner

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"

	"bounce/internal/unixcred"
)

// ear is the socket on which one generation reports. The kernel says which
// process has sent a message (SCM_CREDENTIALS), so what strangers send is
// dropped, whoever may open the socket.
type ear struct {
	conn *net.UnixConn // nil when a shim has it
	// address is what NOTIFY_SOCKET says.
	address string
}

// maxSocketPath is how long the path of a unix socket may be.
const maxSocketPath = 107

// openEar makes a socket in dir or in the abstract name space of the network:
// where its path would be too long, or others than we are to reach it.
func openEar(dir string, others bool) (*ear, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	name := fmt.Sprintf("bounce-notify-%d-%016x", os.Getpid(), rand.Uint64())
	address := filepath.Join(dir, name)
	if len(address) > maxSocketPath || others {
		address = "@" + name
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen for notices: %w", err)
	}
	if err := unixcred.Pass(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot listen for notices: %w", err)
	}
	return &ear{conn, address}, nil
}

// listen calls heard for each message and the process that sent it, until the
// ear is closed.
func (e *ear) listen(heard func(pid int, text string)) {
	text := make([]byte, 64<<10)
	about := unixcred.Room()
	for {
		n, oob, _, _, err := e.conn.ReadMsgUnix(text, about)
		if err != nil {
			return
		}
		if pid, ok := unixcred.Sender(about[:oob]); ok {
			heard(pid, string(text[:n]))
		}
	}
}

// close ends listen and removes the socket.
func (e *ear) close() {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.address[0] != '@' {
		_ = os.Remove(e.address) // Go has, unless somebody else did
	}
}

// listenerOf returns the process that made the other end of a unix connection
// listen, 0 when it is of another pid namespace.
func listenerOf(conn net.Conn) int {
	who, err := unixcred.Peer(conn.(*net.UnixConn))
	if err != nil {
		return 0
	}
	return int(who.Pid)
}

// elsewhere reports whether a shim listens, or has: we cannot.
func (e *ear) elsewhere() bool { return e.conn == nil }

// running reports whether there is a process of this number.
func running(pid int) bool {
	_, alive := readStat(pid)
	return alive
}
