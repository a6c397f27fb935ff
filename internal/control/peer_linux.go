package control

import (
	"bytes"
	"net"
	"os"
	"strconv"

	"bounce/internal/unixcred"
)

// stoppedPeer returns the process that listens at the other end of conn if it
// is stopped, by Ctrl-Z say: the system takes connections for it, and nobody
// would ever answer. Else, and where it cannot be known, it returns 0.
func stoppedPeer(conn net.Conn) int {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	who, err := unixcred.Peer(c)
	if err != nil || who.Pid <= 0 { // it is in another process namespace
		return 0
	}
	pid := int(who.Pid)
	// The state stands behind the name, which is in brackets and may have some.
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if i := bytes.LastIndexByte(stat, ')'); i >= 0 && bytes.HasPrefix(stat[i+1:], []byte(" T")) {
		return pid
	}
	return 0
}
