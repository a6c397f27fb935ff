//go:build !linux

package watcher

import (
	"errors"
	"syscall"
)

func queueLength() int64 { return 1 << 14 }

// exhausted reports whether err says that a limit was reached.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOSPC)
}

func limitHint(err error) string {
	return err.Error() + "; every watched file takes a descriptor here: raise ulimit -n"
}

// silent cannot be told here.
func silent(string) string { return "" }
