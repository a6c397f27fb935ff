//go:build !unix

package watcher

import (
	"io/fs"
	"os"
)

// rawFile is a file that is open for reading.
type rawFile struct{ *os.File }

func openFile(name string) (rawFile, error) {
	f, err := os.Open(name)
	return rawFile{f}, err
}

// size returns the size of a regular file; anything else is no file.
func (f rawFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fs.ErrNotExist
	}
	return info.Size(), nil
}

func (f rawFile) close() { f.Close() }
