package runner

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// socket is a TCP socket as /proc/net shows it.
type socket struct {
	addr    netip.AddrPort // the local one
	inode   string
	listens bool
}

// owner looks for the listener of a port in the network that the command sees.
func (p *proc) owner(host string, port int) ownership {
	sockets, err := listeners(p.pid())
	if err != nil {
		// A process that ends sees no network any more: ask for ours.
		if sockets, err = listeners(os.Getpid()); err != nil {
			return ownership{unknown: true}
		}
	}
	inodes := serving(sockets, host, port)
	if len(inodes) == 0 {
		return ownership{}
	}
	denied := false
	for _, s := range p.live(make(map[identity]bool)) {
		switch has, err := holdsSocket(s.pid, inodes); {
		case has:
			return ownership{ours: true}
		case os.IsPermission(err):
			// So is what ends, for a moment.
			if _, alive := readStat(s.pid); alive {
				denied = true
			}
		}
	}
	if denied {
		return ownership{unknown: true}
	}
	return holding(inodes)
}

// holder looks for the listener of a port in our own network.
func holder(host string, port int) ownership {
	sockets, err := listeners(os.Getpid())
	if err != nil {
		return ownership{unknown: true}
	}
	return holding(serving(sockets, host, port))
}

// holding looks through all processes for one that has one of the sockets.
func holding(inodes map[string]bool) ownership {
	for _, name := range names("/proc") {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if has, _ := holdsSocket(pid, inodes); has {
			return ownership{pid: pid, command: commandLine(pid)}
		}
	}
	return ownership{}
}

// serving returns the inodes of the sockets that a connection to host and port
// may reach: those bound to the very address, else those bound to any.
func serving(sockets []socket, host string, port int) map[string]bool {
	want, err := netip.ParseAddr(host)
	named := err == nil && !want.IsUnspecified()
	exact, any := make(map[string]bool), make(map[string]bool)
	for _, s := range sockets {
		if !s.listens || int(s.addr.Port()) != port {
			continue
		}
		switch bound := s.addr.Addr().Unmap(); {
		case bound.IsUnspecified() || !named:
			any[s.inode] = true
		case bound == want.Unmap():
			exact[s.inode] = true
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return any
}

// listenState is the state of a socket that listens, as /proc/net/tcp has it.
const listenState = "0A"

// listeners reads the TCP sockets of a process's network namespace, those that
// listen among them.
func listeners(pid int) ([]socket, error) {
	var all []socket
	var failed error
	read := 0
	for _, name := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "net", name))
		if err != nil {
			failed = err // there may be no IPv6
			continue
		}
		read++
		all = append(all, parseSockets(string(data))...)
	}
	if read == 0 {
		return nil, failed
	}
	return all, nil
}

// parseSockets reads /proc/net/tcp or tcp6: a header, then a line for each
// socket with the local address in the second field, the state in the fourth
// and the inode in the tenth.
func parseSockets(table string) []socket {
	var found []socket
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 {
			continue
		}
		if addr, ok := parseAddr(fields[1]); ok {
			found = append(found, socket{addr: addr, inode: fields[9], listens: fields[3] == listenState})
		}
	}
	return found
}

// parseAddr reads "0100007F:1F90": the address in 32-bit words of the
// machine's byte order, the port in network order.
func parseAddr(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	bytes, err2 := hex.DecodeString(host)
	if !ok || err != nil || err2 != nil {
		return netip.AddrPort{}, false
	}
	for i := 0; i+4 <= len(bytes); i += 4 {
		binary.NativeEndian.PutUint32(bytes[i:], binary.BigEndian.Uint32(bytes[i:]))
	}
	addr, ok := netip.AddrFromSlice(bytes)
	return netip.AddrPortFrom(addr, uint16(number)), ok
}

// holdsSocket reports whether a process has one of the sockets open.
func holdsSocket(pid int, inodes map[string]bool) (bool, error) {
	if _, err := os.ReadDir(fdDir(pid)); err != nil {
		return false, err
	}
	return holdsFile(pid, func(link string, _ fs.FileMode) bool {
		inode, ok := strings.CutPrefix(link, "socket:[")
		return ok && inodes[strings.TrimSuffix(inode, "]")]
	}), nil
}
