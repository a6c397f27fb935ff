package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/unixdiag"
)

// A server that is told to end drops what it has accepted and not yet read:
// uvicorn resets such connections. So before a generation that runs is ended
// for another one, new connections are led to a second socket, which only the
// next generation will accept from, and the old one is given a moment for those
// that it has. A rolling restart opens the second socket long before: until the
// next generation has proved itself, only its probes come there.
//
// Both sockets of a port are of one SO_REUSEPORT group, whose program chooses.
// The port is not shared with others: a stranger finds it taken. Those of a path
// are bound to two names, which are exchanged at once: a client finds one or the
// other, and never none.

// found makes a group of a socket that was just opened, by another one that
// listens for a moment: only a group can have a program, and that must be there
// before the socket of a successor is. Without effect where the system refuses.
func (h *held) found() {
	if twin, _, err := h.another(); err == nil {
		twin.Close()
	}
	h.alone()
}

// alone ends what the option does on the socket that is left: a group is asked
// only where it is set.
func (h *held) alone() {
	if h.spec.Unix == "" {
		_ = option(h.file, unix.SO_REUSEPORT, 0)
	}
}

// another opens one more socket of the group, or beside the path, and says what
// that is bound to.
func (h *held) another() (*os.File, fs.FileInfo, error) {
	if h.spec.Unix != "" {
		twin, err := holdUnix(Listen{Unix: h.spare(), Mode: h.spec.Mode})
		if err != nil {
			return nil, nil, err
		}
		return twin.file, twin.place, nil
	}
	if err := option(h.file, unix.SO_REUSEPORT, 1); err != nil {
		return nil, nil, err
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
	listener, err := config.Listen(context.Background(), h.spec.network(), h.address)
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	return file, nil, err
}

// succeed opens the socket of the next generation and leads new connections
// to it; without effect where the system refuses.
func (h *held) succeed() {
	if h.open() == nil && h.choose(true) != nil {
		h.abandon()
	}
}

// beside opens the socket of the next generation. Connections go on coming to
// the old one, but for those that steer prepares.
func (h *held) beside() error {
	err := h.choose(false)
	if err == nil {
		err = h.open()
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %s for two generations at once: %w", h.address, causeOf(err))
	}
	return nil
}

// open opens the socket of the next generation, if it is not there.
func (h *held) open() error {
	if h.next != nil {
		return nil
	}
	next, at, err := h.another()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next, h.nextIn = next, at
	return nil
}

// lead has new connections come to the socket of the next generation, or to
// the old one.
func (h *held) lead(next bool) {
	if h.next != nil {
		_ = h.choose(next) // as beside could
	}
}

// supplant puts the socket of the next generation in the place of the old one,
// of which nobody has a copy any more.
func (h *held) supplant() {
	if h.next == nil {
		return
	}
	h.lead(true)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.file.Close()
	h.file, h.next = h.next, nil
	h.place, h.nextIn = h.nextIn, nil
	h.alone()
	h.clear()
}

// abandon closes the socket of a next generation that is no more.
func (h *held) abandon() {
	if h.next == nil {
		return
	}
	h.lead(false)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next.Close()
	if h.next = nil; h.led {
		h.place = nil // its file was removed, and it cannot have another one
	}
	h.nextIn = nil
	h.alone()
	h.clear()
}

// clear removes the file of a socket that is closed, once its path is that of
// the other one. h.mu is held.
func (h *held) clear() {
	if h.spec.Unix != "" {
		_ = os.Remove(h.spare()) // gone is fine
		h.led = false
	}
}

// choose sets the program of the group: to the newest socket, or to the one
// before it but for what steer has prepared. It gives the path to that socket.
func (h *held) choose(newest bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.spec.Unix != "" {
		if h.led == newest {
			return nil
		}
		flags := uint(unix.RENAME_EXCHANGE)
		if h.lost() {
			// Somebody has removed it, or has put another one there, which stays.
			flags = unix.RENAME_NOREPLACE
		}
		if err := unix.Renameat2(unix.AT_FDCWD, h.spare(), unix.AT_FDCWD, h.spec.Unix, flags); err != nil {
			return err
		}
		h.led = newest
		return nil
	}
	h.led, h.steered = newest, nil
	return h.program()
}

// maxSteered is how many probes may be under way at once.
const maxSteered = 8

// steer binds a socket that is about to connect and leads it to the next
// generation. It is called on the goroutine of a probe.
func (h *held) steer(network, _ string, raw syscall.RawConn) error {
	var failed error
	port := 0
	err := raw.Control(func(fd uintptr) {
		var any unix.Sockaddr = &unix.SockaddrInet4{}
		if network == "tcp6" {
			any = &unix.SockaddrInet6{}
		}
		if failed = unix.Bind(int(fd), any); failed != nil {
			return
		}
		var at unix.Sockaddr
		if at, failed = unix.Getsockname(int(fd)); failed != nil {
			return
		}
		switch at := at.(type) {
		case *unix.SockaddrInet4:
			port = at.Port
		case *unix.SockaddrInet6:
			port = at.Port
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next == nil {
		return nil // there is one generation by now
	}
	h.steered = append(h.steered, uint32(port))
	h.steered = h.steered[max(0, len(h.steered)-maxSteered):]
	return h.program()
}

// program attaches to the group what chooses the socket of a connection, by its
// number in the group. h.mu is held.
func (h *held) program() error {
	// Where the headers of the packet begin, see SKF_NET_OFF in
	// linux/filter.h. Options of IPv4 and extensions of IPv6 are not expected:
	// the packet is from this machine to itself.
	const (
		header = 0xfff00000
		inV4   = header + 20
		inV6   = header + 40
	)
	usual := uint32(0)
	if h.led {
		usual = 1
	}
	var code []unix.SockFilter
	if !h.led && len(h.steered) > 0 {
		// The port that it comes from.
		code = []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: header},
			{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 4},
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 4, Jf: 2},
			{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: inV4},
			{Code: unix.BPF_JMP | unix.BPF_JA, K: 1},
			{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: inV6},
		}
		for _, port := range h.steered {
			code = append(code,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: port, Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 1})
		}
	}
	code = append(code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: usual})
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	var failed error
	err := control(h.file, func(fd int) {
		failed = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &filter)
	})
	return errors.Join(err, failed)
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

// option sets an option of a TCP socket.
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
	if pathed(socket) {
		b, _ := unixdiag.Of(socket) // unknown is none
		n = uint32(b.Waiting)
	}
	return n
}

// isBound reports whether a socket is bound to a file; where the kernel does not
// tell, it is taken to be.
func isBound(socket *os.File, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	inode, err := unixdiag.Bound(socket)
	return !ok || err != nil || inode == uint32(stat.Ino)
}

// pathed reports whether a socket is one of a path.
func pathed(socket *os.File) (is bool) {
	_ = control(socket, func(fd int) {
		at, _ := unix.Getsockname(fd)
		_, is = at.(*unix.SockaddrUnix)
	})
	return is
}

// engaged reports whether a connection that came by a path is open; where the
// kernel does not tell, it may be.
func engaged(socket *os.File) bool {
	if !pathed(socket) {
		return false
	}
	b, err := unixdiag.Of(socket)
	return err != nil || b.Open > 0
}

// settle waits until nothing has waited in the sockets, where queues says so,
// and nothing that was accepted has been unread, for a while, or limit is over
// or force closed. mine, if not nil, are the inodes that count of a port to which
// another generation may have connections too. That one begins meanwhile and takes
// its share of the machine, so more is under way in the old one when it is told
// to end, and nobody waits for the old one: it gets partingTime to answer all.
func settle(old []*os.File, queues bool, mine func() map[string]bool, limit time.Duration, force <-chan struct{}) {
	var ports []uint16
	var paths []*os.File
	for _, s := range old {
		if pathed(s) {
			paths = append(paths, s)
		}
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
		all := mine != nil && queues && time.Since(begin) < partingTime
		busy := queues && slices.ContainsFunc(old, func(s *os.File) bool { return queued(s) > 0 })
		for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
			data, err := os.ReadFile(name)
			if err != nil || busy {
				continue
			}
			if left := accepted(string(data), ports, all); len(left) > 0 {
				busy = mine == nil || anyOf(left, mine())
			}
		}
		busy = busy || slices.ContainsFunc(paths, func(s *os.File) bool {
			b, _ := unixdiag.Of(s) // unknown is none
			return b.Unread > 0 || all && b.Open > 0
		})
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

// anyOf reports whether one of the inodes is there; nil are all of them.
func anyOf(inodes []string, there map[string]bool) bool {
	return there == nil || slices.ContainsFunc(inodes, func(inode string) bool { return there[inode] })
}

// accepted returns the inodes of connections to one of the ports, in a table as in
// /proc/net/tcp, that were accepted and, unless all are asked for, have not been
// read to their end. One that nobody has accepted has no inode: it is for the next
// generation, or in the queue of a socket, whose line has its length in the place
// of what is unread.
func accepted(table string, ports []uint16, all bool) (inodes []string) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[9] == "0" || !all && strings.HasSuffix(fields[4], ":00000000") {
			continue
		}
		if addr, ok := parseAddr(fields[1]); ok && fields[3] != listenState && slices.Contains(ports, addr.Port()) {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}
