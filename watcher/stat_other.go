//go:build !linux

package watcher

import (
	"io/fs"
	"os"
)

func lstat(name string) (sig, error) { return sigOf(os.Lstat(name)) }
func stat(name string) (sig, error)  { return sigOf(os.Stat(name)) }

func sigOf(info fs.FileInfo, err error) (sig, error) {
	if err != nil {
		return sig{}, err
	}
	s := sig{size: info.Size(), mtime: info.ModTime().UnixNano()}
	s.dev, s.inode, s.ctime = identity(info)
	s.kind = kindOf(info.Mode().Type())
	return s, nil
}

// kindOf is the inverse of mode.
func kindOf(t fs.FileMode) kind {
	for _, k := range []kind{regular, directory, symlink} {
		if t == k.mode() {
			return k
		}
	}
	return other
}
