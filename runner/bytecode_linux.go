package runner

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// changeTime is when content or metadata last changed, which no program can
// set back.
func changeTime(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Ctim.Unix())
	}
	return info.ModTime()
}

// mayRemoveIn reports whether files in a directory can be removed, as far as its
// mode and its file system tell.
func mayRemoveIn(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
