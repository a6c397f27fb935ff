package unixcred

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// Pass has the messages that come over a socket name their senders.
func Pass(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	})
	return errors.Join(err, failed)
}

// Room returns a buffer for what comes beside a message: its sender, and no
// descriptors. The kernel closes those that come along.
func Room() []byte { return make([]byte, unix.CmsgSpace(unix.SizeofUcred)) }

// Sender returns the process that has sent a message, by what came beside it;
// false where that does not say, as of a process in a name space that is not seen
// from here.
func Sender(beside []byte) (pid int, ok bool) {
	messages, err := unix.ParseSocketControlMessage(beside)
	if err != nil {
		return 0, false
	}
	for _, m := range messages {
		if who, err := unix.ParseUnixCredentials(&m); err == nil && who.Pid > 0 {
			return int(who.Pid), true
		}
	}
	return 0, false
}

// Peer returns the process at the other end of a connection, and its user, as they
// were when it connected or began to listen. The PID is 0 where that is in a name
// space that is not seen from here.
func Peer(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var who *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { who, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return who, errors.Join(err, failed)
}
