package git

import (
	"os"
	"path/filepath"
)

// isOpen reports whether a process that we may look at has the file open.
func isOpen(name string) bool {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return false
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well-formed
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == name {
			return true
		}
	}
	return false
}
