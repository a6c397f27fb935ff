//go:build unix

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The sockets of a service are held by the agent and lent to each generation:
// while one ends and the next begins nobody accepts, and connections queue in
// the kernel in place of being refused.

// held is a socket that is listened on for a service.
type held struct {
	spec Listen
	// address is what a client connects to: with the port that the system
	// chose for port 0.
	address string

	// next takes the place of file when nothing of the generation is left that
	// has file; nil most of the time. The service's goroutine writes these two
	// under mu, and those of its probes read them.
	mu      sync.Mutex
	file    *os.File
	next    *os.File
	place   fs.FileInfo // what file is bound to, of a path; nil when that is gone
	nextIn  fs.FileInfo // likewise of next
	led     bool        // new connections come to next
	steered []uint32    // the ports of probes that are led to next
}

// takenError says who is in the way of a socket. It may pass at any time.
type takenError struct{ text string }

func (e *takenError) Error() string { return e.text }

// hold opens a socket.
func hold(l Listen) (*held, error) {
	if l.Unix != "" {
		return holdUnix(l)
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false) // what servers of all kinds expect
	listener, err := config.Listen(context.Background(), l.network(), l.TCP)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, takenPort(l.TCP)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", l.TCP, causeOf(err))
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", l.TCP, err)
	}
	return &held{spec: l, file: file, address: listener.Addr().String()}, nil
}

// network is that of a TCP address: one of IPv4 or of IPv6 is of that alone, that
// of all interfaces too. Without a host it is both.
func (l Listen) network() string {
	host, _, _ := net.SplitHostPort(l.TCP)
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return "tcp" // a name, or none
	case addr.Unmap().Is4():
		return "tcp4"
	}
	return "tcp6"
}

func takenPort(address string) error {
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port) // it was listened on, so it is one
	who := holder(host, number)
	if who.pid == 0 {
		return &takenError{fmt.Sprintf("cannot listen on %s: it is taken, and this system does not say by whom", address)}
	}
	return &takenError{fmt.Sprintf("cannot listen on %s: it is taken by pid %d (%s)", address, who.pid, who.command)}
}

// holdUnix opens a unix socket in place of one that nobody listens on any more.
func holdUnix(l Listen) (*held, error) {
	fail := func(err error) (*held, error) {
		return nil, fmt.Errorf("cannot listen on %s: %w", l.Unix, causeOf(err))
	}
	info, err := os.Lstat(l.Unix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fail(err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("cannot listen on %s: there is something else of that name", l.Unix)
	default:
		if err := abandoned(l.Unix); err != nil {
			return nil, err
		}
		if err := os.Remove(l.Unix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fail(err)
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if l.Mode == 0 {
			return nil
		}
		// So that there is no moment in which others may connect; Linux takes
		// the mode of the file from the socket.
		return raw.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), uint32(l.Mode)) })
	}}
	listener, err := config.Listen(context.Background(), "unix", l.Unix)
	if err != nil {
		return fail(err)
	}
	defer listener.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if l.Mode != 0 {
		if err := os.Chmod(l.Unix, l.Mode); err != nil {
			return fail(err)
		}
	}
	file, err := listener.(*net.UnixListener).File()
	if err != nil {
		return fail(err)
	}
	at, err := os.Lstat(l.Unix)
	if err != nil {
		file.Close()
		return fail(err)
	}
	return &held{spec: l, file: file, address: l.Unix, place: at}, nil
}

// abandoned returns an error that says what is in the way, unless it is certain
// that nobody listens on a socket any more.
func abandoned(path string) error {
	conn, err := net.Dial("unix", path)
	taken := func(how string) error {
		return &takenError{fmt.Sprintf("cannot listen on %s: it is taken%s", path, how)}
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EAGAIN):
		return taken(", by a process that does not accept connections just now")
	case errors.Is(err, syscall.EPROTOTYPE):
		return taken(", by a socket of another kind")
	case err != nil:
		return &takenError{fmt.Sprintf("cannot listen on %s: whether it is taken cannot be found out: %v", path, causeOf(err))}
	}
	defer conn.Close()
	if pid := listenerOf(conn); pid != 0 {
		return taken(fmt.Sprintf(" by pid %d (%s)", pid, commandLine(pid)))
	}
	return taken("")
}

// recognise finds out where the socket of an earlier runner is.
func (h *held) recognise() {
	if h.spec.Unix == "" {
		return
	}
	if info, err := os.Lstat(h.spec.Unix); err == nil && isBound(h.file, info) {
		h.place = info
	}
}

// here is what is to be found at the path: of the socket that connections come to.
func (h *held) here() fs.FileInfo {
	if h.led {
		return h.nextIn
	}
	return h.place
}

// lost reports whether nobody can connect to the socket any more, since its file
// was removed or another one has its path.
func (h *held) lost() bool {
	if h.spec.Unix == "" {
		return false
	}
	info, err := os.Lstat(h.spec.Unix)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, h.here())
}

// block makes accept wait again. The flag belongs to the socket, not to the
// descriptor: a generation that has cleared it for itself, as asyncio does, has
// cleared it for all.
func block(socket *os.File) { _ = unix.SetNonblock(int(socket.Fd()), false) }

// spare is where the socket of a path is while another one has it.
func (h *held) spare() string { return h.spec.Unix + "~" }

// leave closes our end of the socket.
func (h *held) leave() {
	h.file.Close()
	if h.next != nil {
		h.next.Close()
	}
}

// release closes the socket and removes its file.
func (h *held) release() {
	h.leave()
	if h.spec.Unix != "" {
		if !h.lost() {
			_ = os.Remove(h.spec.Unix) // gone is fine
		}
		if h.next != nil {
			_ = os.Remove(h.spare())
		}
	}
}
