package watcher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// openDir is a directory that is open, to look at what is in it. The kernel is
// called directly: polling looks at every file of a tree again and again, and
// os.ReadDir and os.Lstat take twice the time, half of it for garbage.
type openDir struct {
	fd   int
	name string
}

func openDirectory(name string) (openDir, error) {
	fd, err := openRaw(name, unix.O_DIRECTORY)
	return openDir{fd, name}, err
}

func (o openDir) close() { unix.Close(o.fd) }

// id returns the sig of the directory itself.
func (o openDir) id() (sig, error) {
	var st unix.Stat_t
	err := unix.Fstat(o.fd, &st)
	return sigOf(&st, o.name, err)
}

// lstat looks at an entry.
func (o openDir) lstat(name string) (sig, error) {
	return statAt(o.fd, name, unix.AT_SYMLINK_NOFOLLOW)
}

// each calls f for every entry; name is only good for the call. buf is room to
// work in.
func (o openDir) each(buf []byte, f func(name []byte, t fs.FileMode)) error {
	for {
		n, err := unix.Getdents(o.fd, buf)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return &fs.PathError{Op: "readdirent", Path: o.name, Err: err}
		case n == 0:
			return nil
		}
		for rest := buf[:n]; len(rest) > 0; {
			// struct linux_dirent64: inode and offset, 8 bytes each, the length
			// of the record, 2 bytes, the type, 1 byte, the name up to a NUL.
			size := binary.NativeEndian.Uint16(rest[16:])
			kind, name := rest[18], rest[19:size]
			rest = rest[size:]
			if i := bytes.IndexByte(name, 0); i >= 0 {
				name = name[:i]
			}
			if string(name) == "." || string(name) == ".." {
				continue
			}
			f(name, o.mode(kind, name))
		}
	}
}

// mode returns the type of an entry.
func (o openDir) mode(kind byte, name []byte) fs.FileMode {
	switch kind {
	case unix.DT_REG:
		return regular.mode()
	case unix.DT_DIR:
		return directory.mode()
	case unix.DT_LNK:
		return symlink.mode()
	case unix.DT_UNKNOWN: // some file systems leave it to us
		if s, err := o.lstat(string(name)); err == nil {
			return s.kind.mode()
		}
	}
	return other.mode()
}
