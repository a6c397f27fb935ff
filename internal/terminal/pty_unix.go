//go:build unix

package terminal

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openPty makes a pseudo-terminal. The library leaves the agent's end in
// blocking mode, where a read cannot be given up; so it is opened anew without.
func openPty() (master, tty *os.File, err error) {
	blocking, tty, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		if err = unix.SetNonblock(fd, true); err == nil {
			return os.NewFile(uintptr(fd), blocking.Name()), tty, nil
		}
		unix.Close(fd)
	}
	tty.Close()
	return nil, nil, err
}

// resize says how large a terminal is.
func resize(master *os.File, s size) error {
	conn, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: s.rows, Col: s.columns})
	})
	if err != nil {
		return err
	}
	return failed
}
