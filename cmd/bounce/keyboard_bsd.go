//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// heedKeys has a terminal in raw mode send signals for Ctrl-C and its like, and
// begin a line of output where others write only a line end: the log is written
// to it as well.
func heedKeys(fd int) error {
	mode, err := unix.IoctlGetTermios(fd, unix.TIOCGETA)
	if err != nil {
		return err
	}
	mode.Lflag |= unix.ISIG
	mode.Oflag |= unix.OPOST
	return unix.IoctlSetTermios(fd, unix.TIOCSETA, mode)
}
