package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The lock of a project is in a state directory, of which each user has one, and
// more with XDG_STATE_HOME. What all share is the kernel's table of abstract
// sockets: whoever has bound the name of a directory has its project until the
// process ends, however it does. The name has the directory's device and inode,
// so that two of the same path in two mount namespaces are two, and the process
// namespace, so that agents that cannot see each other's processes can share a
// directory, as containers do that mount the same sources.
//
// Roads not taken: flock of the directory itself, which is held up by any program
// that locks it, and between machines and containers; a file in a directory that
// all may write to, where anybody can leave one that others cannot open.

// Claim takes the project in dir for this process until it is closed, or returns
// a *[TakenError]. Where the system has no such thing, nothing is taken.
func Claim(dir string) (io.Closer, error) {
	name, err := claimName(dir)
	if err != nil {
		return nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	for until := time.Now().Add(forkTime); errors.Is(err, syscall.EADDRINUSE); {
		taken := claimant(name)
		if taken.lives() {
			return nil, taken
		}
		if time.Now().After(until) {
			break // whoever has kept it is no agent
		}
		time.Sleep(forkPause)
		ln, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	}
	if err != nil {
		return noClaim{}, nil // the lock in the state directory holds
	}
	c := &claim{ln: ln}
	c.wg.Go(c.answer)
	return c, nil
}

// A process that was killed while it started another one has left a copy of its
// descriptors to that, until it executes its program. It is waited for so long, and
// looked at so often.
const forkTime, forkPause = time.Second, 5 * time.Millisecond

// lives reports whether the process is there that has taken the project.
func (e *TakenError) lives() bool { return e.PID > 0 && unix.Kill(e.PID, 0) != unix.ESRCH }

// claimName is the name of a directory; the @ stands for the NUL of an abstract
// one.
func claimName(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(real, &st)
	}
	if err != nil {
		return "", fmt.Errorf("cannot find project %q: %w", dir, err)
	}
	space, _ := os.Readlink("/proc/self/ns/pid") // without /proc all are one
	return fmt.Sprintf("@bounce/%s/%x:%x", space, st.Dev, st.Ino), nil
}

// claimant says who has a name.
func claimant(name string) *TakenError {
	taken := &TakenError{UID: -1}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return taken // it is ending, or does not listen
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return taken
	}
	_ = raw.Control(func(fd uintptr) { // an error leaves it unknown
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			taken.PID, taken.UID = int(who.Pid), int(who.Uid)
		}
	})
	return taken
}

type claim struct {
	ln *net.UnixListener
	wg sync.WaitGroup
}

// acceptPause is the time between two attempts to take a connection.
const acceptPause = 100 * time.Millisecond

// answer lets those go that have asked who we are, which the kernel has told
// them.
func (c *claim) answer() {
	for {
		conn, err := c.ln.Accept()
		switch {
		case err == nil:
			conn.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(acceptPause) // there is no descriptor to be had
		}
	}
}

func (c *claim) Close() error {
	err := c.ln.Close()
	c.wg.Wait()
	return err
}

// noClaim is where the system has no abstract sockets.
type noClaim struct{}

func (noClaim) Close() error { return nil }
