package runner

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A server that is told to end drops what it has accepted and not yet read:
// uvicorn resets such connections. So before a generation that runs is ended
// for another one, new connections are led to a second socket, which only the
// next generation will accept from, and the old one is given a moment for those
// that it has. Both sockets are of one SO_REUSEPORT group, whose program always
// chooses the newest. The port is not shared but for that moment, and only with
// what this process binds: a stranger finds it taken.

const (
	// settleTime is how long there must be nothing unread: time enough for a
	// request to follow its connection.
	settleTime = 50 * time.Millisecond
	settleLook = 10 * time.Millisecond
)

// succeed opens the socket of the next generation and leads new connections
// to it; without effect where the system refuses.
func (h *held) succeed() {
	if h.next != nil || h.spec.Unix != "" {
		return
	}
	if option(h.file, unix.SO_REUSEPORT, 1) != nil {
		return
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		err2 := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err == nil {
			err = err2
		}
		return err
	}}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(context.Background(), "tcp", h.address)
	if err != nil {
		return
	}
	defer listener.Close()
	next, err := listener.(*net.TCPListener).File()
	if err != nil {
		return
	}
	// The newest is behind the one before it.
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 1}}
	filter := unix.SockFprog{Len: 1, Filter: &program[0]}
	var failed error
	err = control(next, func(fd int) {
		failed = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &filter)
	})
	if err != nil || failed != nil {
		next.Close()
		return
	}
	h.next = next
}

// supplant puts the socket of the next generation in the place of the old one,
// of which nobody has a copy any more.
func (h *held) supplant() {
	if h.next == nil {
		return
	}
	h.file.Close()
	h.file, h.next = h.next, nil
	_ = option(h.file, unix.SO_REUSEPORT, 0)
}

// control calls f with the descriptor of a socket. File.Fd would do, but has
// the socket block, for the server too that has it just now.
func control(socket *os.File, f func(fd int)) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}

func option(socket *os.File, name, value int) error {
	var failed error
	err := control(socket, func(fd int) { failed = unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, value) })
	return errors.Join(err, failed)
}

// queued is how many connections wait to be accepted.
func queued(socket *os.File) (n uint32) {
	_ = control(socket, func(fd int) {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = info.Unacked // that is what it says of one that listens
		}
	})
	return n
}

// settle waits until nothing has waited in the sockets, and nothing that was
// accepted has been unread, for a while, or limit is over or force closed.
func settle(old []*os.File, limit time.Duration, force <-chan struct{}) {
	var ports []uint16
	for _, s := range old {
		_ = control(s, func(fd int) {
			switch addr, _ := unix.Getsockname(fd); addr := addr.(type) {
			case *unix.SockaddrInet4:
				ports = append(ports, uint16(addr.Port))
			case *unix.SockaddrInet6:
				ports = append(ports, uint16(addr.Port))
			}
		})
	}
	ticker := time.NewTicker(settleLook)
	defer ticker.Stop()
	begin := time.Now()
	for quiet := begin; time.Since(begin) < limit && time.Since(quiet) < settleTime; {
		busy := slices.ContainsFunc(old, func(s *os.File) bool { return queued(s) > 0 })
		for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
			data, err := os.ReadFile(name)
			busy = busy || err == nil && unread(string(data), ports)
		}
		if busy {
			quiet = time.Now()
		}
		select {
		case <-ticker.C:
		case <-force:
			return
		}
	}
}

// unread reports whether a table as in /proc/net/tcp has a connection to one of
// the ports that was accepted and has not been read to its end. One that
// nobody has accepted has no inode: it is for the next generation, or in the
// queue of a socket, whose line has its length in the place of what is unread.
func unread(table string, ports []uint16) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[9] == "0" || strings.HasSuffix(fields[4], ":00000000") {
			continue
		}
		if addr, ok := parseAddr(fields[1]); ok && fields[3] != listenState && slices.Contains(ports, addr.Port()) {
			return true
		}
	}
	return false
}
