package control

import (
	"bytes"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stoppedPeer returns the process that listens at the other end of conn if it
// is stopped, by Ctrl-Z say: the system takes connections for it, and nobody
// would ever answer. Else, and where it cannot be known, it returns 0.
func stoppedPeer(conn net.Conn) int {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) { // an error leaves 0
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(who.Pid)
		}
	})
	if pid <= 0 { // it is in another process namespace
		return 0
	}
	// The state stands behind the name, which is in brackets and may have some.
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if i := bytes.LastIndexByte(stat, ')'); i >= 0 && bytes.HasPrefix(stat[i+1:], []byte(" T")) {
		return pid
	}
	return 0
}
