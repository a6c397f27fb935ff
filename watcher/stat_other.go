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
	switch t := info.Mode().Type(); {
	case t.IsRegular():
		s.kind = regular
	case t.IsDir():
		s.kind = directory
	case t == fs.ModeSymlink:
		s.kind = symlink
	default:
		s.kind = other
	}
	return s, nil
}
