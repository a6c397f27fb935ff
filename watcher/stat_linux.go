package watcher

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// lstat and stat call the kernel directly: os.Lstat allocates twice per file,
// which is a third of the time of a look at a large tree.
func lstat(name string) (sig, error) { return statAt(unix.AT_FDCWD, name, unix.AT_SYMLINK_NOFOLLOW) }
func stat(name string) (sig, error)  { return statAt(unix.AT_FDCWD, name, 0) }

// statAt looks at a name in an open directory.
func statAt(dir int, name string, flags int) (sig, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, flags)
	for errors.Is(err, syscall.EINTR) {
		err = unix.Fstatat(dir, name, &st, flags)
	}
	return sigOf(&st, name, err)
}

func sigOf(st *unix.Stat_t, name string, err error) (sig, error) {
	if err != nil {
		return sig{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	s := sig{
		size:  st.Size,
		mtime: st.Mtim.Nano(),
		ctime: st.Ctim.Nano(),
		inode: st.Ino,
		dev:   uint64(st.Dev),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.kind = regular
	case unix.S_IFDIR:
		s.kind = directory
	case unix.S_IFLNK:
		s.kind = symlink
	default:
		s.kind = other
	}
	return s, nil
}
