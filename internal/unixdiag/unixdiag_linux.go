// Package unixdiag tells what is behind a unix socket that listens: /proc/net
// says of such connections that they are there, and not whether anything waits
// in them. It asks the kernel by sock_diag(7), which needs no privilege.
package unixdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Behind is what came of the connections to a socket that listens.
type Behind struct {
	// Waiting are those that nobody has accepted, Unread the accepted ones that
	// have something to read, Open all accepted ones.
	Waiting, Unread, Open int
}

// The parts of linux/unix_diag.h and linux/sock_diag.h that are needed.
const (
	byFamily   = 20 // SOCK_DIAG_BY_FAMILY
	showFile   = 1 << 1
	showQueues = 1 << 4

	attrFile   = 1 // struct unix_diag_vfs: inode, device
	attrQueues = 4 // struct unix_diag_rqlen: to read, to write

	established = 1 // TCP_ESTABLISHED
	listens     = 10

	requestSize = 24
	messageSize = 16
)

// Of tells what is behind a unix socket that listens on a path.
func Of(listener *os.File) (Behind, error) {
	all, inode, err := look(listener)
	if err != nil {
		return Behind{}, fmt.Errorf("cannot look behind a socket: %w", err)
	}
	return behind(all, inode)
}

// Bound returns the inode, as far as 32 bits go, of the file that a unix socket
// which listens is bound to, whether that has a name left or not.
func Bound(listener *os.File) (uint32, error) {
	all, inode, err := look(listener)
	if err != nil {
		return 0, fmt.Errorf("cannot find the file of a socket: %w", err)
	}
	for _, s := range all {
		if s.state == listens && s.inode == inode && s.file != 0 {
			return s.file, nil
		}
	}
	return 0, errors.New("cannot find the file of a socket: it does not listen on a path")
}

// look returns all sockets and the inode of one.
func look(listener *os.File) ([]socket, uint32, error) {
	info, err := listener.Stat()
	if err != nil {
		return nil, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, 0, errors.New("it has no inode")
	}
	all, err := dump()
	return all, uint32(stat.Ino), err
}

// behind finds the listener of an inode among the sockets of the machine, and
// counts those that came of it: they are bound to its file.
func behind(all []socket, inode uint32) (b Behind, err error) {
	var file uint32
	for _, s := range all {
		if s.state == listens && s.inode == inode {
			file, b.Waiting = s.file, int(s.queue)
		}
	}
	if file == 0 {
		return Behind{}, errors.New("cannot look behind a socket: it does not listen on a path")
	}
	for _, s := range all {
		// One that nobody has accepted has no inode.
		if s.state == established && s.file == file && s.inode != 0 {
			b.Open++
			if s.queue > 0 {
				b.Unread++
			}
		}
	}
	return b, nil
}

// socket is one that the kernel tells of.
type socket struct {
	state byte
	inode uint32
	file  uint32 // the inode of the path that it is bound to, 0 for none
	// queue is how many connections wait in one that listens, how many bytes in
	// any other.
	queue uint32
}

// dump asks for all sockets that listen or are connected.
func dump() ([]socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	// The kernel answers as it is asked: this is for one that does not.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return nil, err
	}
	if err := unix.Sendto(fd, request(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var all []socket
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		}
		some, done, err := parse(buffer[:n])
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); done {
			return all, nil
		}
	}
}

// request asks for files and queues of the sockets in two states.
func request() []byte {
	order := binary.NativeEndian
	b := make([]byte, unix.SizeofNlMsghdr+requestSize)
	order.PutUint32(b[0:], uint32(len(b)))
	order.PutUint16(b[4:], byFamily)
	order.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := b[unix.SizeofNlMsghdr:]
	body[0] = unix.AF_UNIX
	order.PutUint32(body[4:], 1<<established|1<<listens)
	order.PutUint32(body[12:], showFile|showQueues)
	return b
}

// parse reads one answer; done is true for the last one.
func parse(data []byte) (all []socket, done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return nil, false, err
	}
	order := binary.NativeEndian
	for _, m := range messages {
		switch {
		case m.Header.Type == unix.NLMSG_DONE:
			return all, true, nil
		case m.Header.Type == unix.NLMSG_ERROR:
			if len(m.Data) < 4 {
				return nil, false, errors.New("an answer is cut off")
			}
			return nil, false, syscall.Errno(-int32(order.Uint32(m.Data)))
		case m.Header.Type != byFamily || len(m.Data) < messageSize:
			continue
		}
		s := socket{state: m.Data[2], inode: order.Uint32(m.Data[4:])}
		for rest := m.Data[messageSize:]; len(rest) >= 4; {
			size, kind := int(order.Uint16(rest)), order.Uint16(rest[2:])
			if size < 4 || size > len(rest) {
				break
			}
			if value := rest[4:size]; len(value) >= 4 {
				switch kind {
				case attrFile:
					s.file = order.Uint32(value)
				case attrQueues:
					s.queue = order.Uint32(value)
				}
			}
			rest = rest[min(len(rest), (size+3)&^3):]
		}
		all = append(all, s)
	}
	return all, false, nil
}
