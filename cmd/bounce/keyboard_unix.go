//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// keyboard is the terminal of this process in raw mode: every key is read as it
// is typed, Ctrl-C too. It is put back into the mode that it was in when the
// keyboard is closed, while this process is stopped, and, by a process that does
// nothing else, when this one is killed.
type keyboard struct {
	tty    *os.File // opened for this alone, so that its mode of reading is its own
	before *term.State
	mine   bool     // the keys that send signals do, to this process
	ended  chan int // the number of a signal that asks to end

	guard   *exec.Cmd
	line    *os.File // its other end is the guard's; closed by whatever ends us
	signals chan os.Signal
	stop    chan struct{}
	done    chan struct{}
}

// openKeyboard takes over the terminal. resized is told its size, now and when
// it changes. With mine, the keys that send signals, such as Ctrl-C, still do.
func openKeyboard(resized func(rows, columns int) error, mine bool) (*keyboard, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("it needs a terminal: %w", err)
	}
	k := &keyboard{
		tty: tty, mine: mine, ended: make(chan int, 1), signals: make(chan os.Signal, 4),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := k.hire(); err != nil {
		tty.Close()
		return nil, err
	}
	signal.Notify(k.signals, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := k.raw(); err != nil {
		signal.Stop(k.signals)
		k.dismiss()
		tty.Close()
		return nil, err
	}
	k.size(resized)
	go k.watch(resized)
	return k, nil
}

// fd calls f with the descriptor: Fd would make reads of it block.
func (k *keyboard) fd(f func(fd int)) {
	if conn, err := k.tty.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { f(int(fd)) })
	}
}

func (k *keyboard) raw() (err error) {
	k.fd(func(fd int) {
		var before *term.State
		if before, err = term.MakeRaw(fd); k.before == nil {
			k.before = before
		}
		if err == nil && k.mine {
			err = heedKeys(fd)
		}
	})
	if err != nil {
		return fmt.Errorf("cannot set up the terminal: %w", err)
	}
	return nil
}

func (k *keyboard) restore() {
	k.fd(func(fd int) { _ = term.Restore(fd, k.before) }) // it may be gone
}

func (k *keyboard) size(resized func(rows, columns int) error) {
	k.fd(func(fd int) {
		if columns, rows, err := term.GetSize(fd); err == nil {
			_ = resized(rows, columns) // who reads finds out
		}
	})
}

// watch heeds signals until the keyboard is closed.
func (k *keyboard) watch(resized func(rows, columns int) error) {
	defer close(k.done)
	for {
		select {
		case s := <-k.signals:
			switch s {
			case syscall.SIGWINCH:
				k.size(resized)
			case syscall.SIGTSTP:
				k.restore()
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // now, or a moment later
			case syscall.SIGCONT:
				if k.raw() == nil {
					k.size(resized)
				}
			default:
				select {
				case k.ended <- int(s.(syscall.Signal)):
				default:
				}
			}
		case <-k.stop:
			return
		}
	}
}

// close gives the terminal back. reading says that copyTo has not returned, and
// typed that it has.
func (k *keyboard) close(reading bool, typed <-chan error) {
	if reading && k.tty.SetReadDeadline(time.Now()) == nil {
		<-typed // else it cannot be given up, and ends with the process
	}
	signal.Stop(k.signals)
	close(k.stop)
	<-k.done
	k.restore()
	k.dismiss()
	k.tty.Close()
}

// hire starts the guard, and returns when it knows how the terminal was.
func (k *keyboard) hire() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot guard the terminal: %w", err)
	}
	line, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot guard the terminal: %w", err)
	}
	defer line.Close()
	k.line = ours
	k.guard = exec.Command(self, guardVerb)
	k.guard.Stdin, k.guard.ExtraFiles = line, []*os.File{nil}
	// Another file for the same terminal: what Fd does to ours would not do.
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		defer tty.Close()
		k.guard.ExtraFiles[0] = tty
	}
	// A session of its own: a signal for the group of the terminal is not for
	// it, and it may set the terminal up whoever has the foreground.
	k.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ready, err := k.guard.StdoutPipe()
	if err == nil {
		err = k.guard.Start()
	}
	if err != nil {
		ours.Close()
		return fmt.Errorf("cannot guard the terminal: %w", err)
	}
	if n, err := ready.Read(make([]byte, 1)); n == 0 {
		k.dismiss()
		return fmt.Errorf("cannot guard the terminal: %w", errors.Join(err, errors.New("its guard has ended")))
	}
	return nil
}

// dismiss ends the guard, which leaves the terminal alone.
func (k *keyboard) dismiss() {
	_, _ = k.line.Write([]byte{1}) // it may be gone
	k.line.Close()
	_ = k.guard.Wait()
}

// guardTerminal is the guard: it restores the terminal, descriptor 3, once the
// process on the other end of its input is gone without a word.
func guardTerminal() error {
	const fd = 3
	before, err := term.GetState(fd)
	if err != nil {
		return fmt.Errorf("cannot guard the terminal: %w", err)
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGTTOU)
	if _, err := os.Stdout.Write([]byte{1}); err != nil {
		return fmt.Errorf("cannot guard the terminal: %w", err)
	}
	if n, _ := os.Stdin.Read(make([]byte, 1)); n > 0 {
		return nil
	}
	_ = term.Restore(fd, before) // it may be gone
	tty := os.NewFile(fd, "/dev/tty")
	_, _ = tty.WriteString(calm + "\r\n")
	return nil
}
