//go:build unix

package watcher

import (
	"os"
	"syscall"
)

// openFile opens without waiting for the other end of a FIFO, and without
// taking a terminal: what is there may have changed since it was looked at.
func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}
