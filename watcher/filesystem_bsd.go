//go:build darwin || freebsd

package watcher

import "golang.org/x/sys/unix"

// fileSystemOf asks the system whether the file system is this machine's own.
func fileSystemOf(path string) fileSystem {
	var st unix.Statfs_t
	fs := fileSystem{name: "this file system"}
	if err := unix.Statfs(path, &st); err != nil {
		return fs
	}
	fs.name = unix.ByteSliceToString(st.Fstypename[:])
	if st.Flags&unix.MNT_LOCAL == 0 {
		fs.silent = elsewhere
	}
	return fs
}
