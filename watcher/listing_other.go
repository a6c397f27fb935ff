//go:build !linux

package watcher

import (
	"io/fs"
	"os"
	"path/filepath"
)

// openDir is a directory that is open, to look at what is in it.
type openDir struct{ *os.File }

func openDirectory(name string) (openDir, error) {
	f, err := os.Open(name)
	return openDir{f}, err
}

func (o openDir) close() { o.Close() }

// id returns the sig of the directory itself.
func (o openDir) id() (sig, error) { return sigOf(o.Stat()) }

// lstat looks at an entry.
func (o openDir) lstat(name string) (sig, error) { return lstat(filepath.Join(o.Name(), name)) }

// each calls f for every entry; name is only good for the call.
func (o openDir) each(_ []byte, f func(name []byte, t fs.FileMode)) error {
	entries, err := o.ReadDir(-1)
	for _, e := range entries {
		f([]byte(e.Name()), e.Type())
	}
	return err
}
