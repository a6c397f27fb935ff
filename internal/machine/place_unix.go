//go:build unix

package machine

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func owner(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// unwritable says why this process may not write a path; "" if it may.
func unwritable(path string) string {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return err.Error()
	}
	return ""
}
