//go:build darwin || freebsd || netbsd

package watcher

import (
	"io/fs"
	"syscall"
)

func identity(info fs.FileInfo) (dev, inode uint64, ctime int64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino, st.Ctimespec.Nano()
	}
	return 0, 0, 0
}
