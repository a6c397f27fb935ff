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

	"bounce/internal/unixcred"
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
// a *[TakenError]. One that is about to be let go of is waited for. Where the
// system has no such thing, nothing is taken.
func Claim(dir string) (io.Closer, error) {
	name, err := claimName(dir)
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); ; time.Sleep(claimLook) {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err == nil {
			c := &claim{ln: ln}
			c.wg.Go(c.answer)
			return c, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return noClaim{}, nil // the lock in the state directory holds
		}
		taken, waited := claimant(name), time.Since(begun)
		switch {
		case !taken.dead() && waited > endTime:
			return nil, taken
		case waited > forkTime:
			return noClaim{}, nil // whoever has kept it is no agent
		}
	}
}

const (
	// endTime is how long an agent is waited for, which may have been killed and
	// have let go of its lock, and not yet of its claim.
	endTime = 300 * time.Millisecond
	// forkTime is how long one is waited for that is dead. It was killed while it
	// started a process: that has a copy of its descriptors until it executes its
	// program.
	forkTime = time.Second
	// claimLook is the time between two looks.
	claimLook = 10 * time.Millisecond
)

// dead reports whether the process is known and gone that has taken the project.
func (e *TakenError) dead() bool { return e.PID > 0 && unix.Kill(e.PID, 0) == unix.ESRCH }

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
	if who, err := unixcred.Peer(conn); err == nil {
		taken.PID, taken.UID = int(who.Pid), int(who.Uid)
	}
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
