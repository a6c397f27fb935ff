package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Place is a file or directory that a program relies on.
type Place struct {
	// What it is for, and where.
	What  string `json:"what"`
	Path  string `json:"path"`
	There bool   `json:"there"`
	// Mode is as ls shows it, Owner the user's number, -1 where there is none.
	Mode  string `json:"mode,omitempty"`
	Owner int    `json:"owner"`
	// FreeMB is how much room its file system has, in MiB, and FreeFiles for how
	// many files; -1 when not known.
	FreeMB    int64 `json:"free_mb"`
	FreeFiles int64 `json:"free_files"`
	// Problem says what is wrong with it, "" for nothing.
	Problem string `json:"problem,omitempty"`
}

// Kind is what a place must be.
type Kind int

const (
	// Private is a directory that nobody else may enter, and that can be
	// written. One that is not there can be made.
	Private Kind = iota
	// Socket is a socket that nobody else may open.
	Socket
	// File is a regular file that can be written, or made.
	File
)

// LookAt looks at a place that must be of a kind, if it is there.
func LookAt(what, path string, kind Kind) Place {
	p := Place{What: what, Path: path, Owner: -1, FreeMB: -1, FreeFiles: -1}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		p.Problem = unmakable(filepath.Dir(path))
		p.FreeMB, p.FreeFiles = free(nearest(path))
		return p
	}
	if err != nil {
		p.Problem = "it cannot be looked at: " + cause(err)
		return p
	}
	p.There, p.Mode, p.Owner = true, info.Mode().String(), owner(info)
	p.FreeMB, p.FreeFiles = free(path)
	switch {
	case kind == Private && !info.IsDir():
		p.Problem = "it is no directory"
	case kind == Socket && info.Mode().Type() != fs.ModeSocket:
		p.Problem = "it is no socket"
	case kind == File && !info.Mode().IsRegular():
		p.Problem = "it is no regular file"
	case p.Owner >= 0 && p.Owner != os.Geteuid():
		p.Problem = fmt.Sprintf("it belongs to user %d, and this is user %d", p.Owner, os.Geteuid())
	case kind != File && info.Mode().Perm()&0o077 != 0:
		p.Problem = fmt.Sprintf("others may use it, by its mode %04o", info.Mode().Perm())
	default:
		p.Problem = unwritable(path)
	}
	return p
}

// unmakable says why nothing can be made below a directory, or the nearest one
// above it that is there; "" if it can.
func unmakable(dir string) string {
	dir = nearest(dir)
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "it cannot be made: " + dir + " is no directory"
	}
	if why := unwritable(dir); why != "" {
		return "it cannot be made: " + dir + ": " + why
	}
	return ""
}

// nearest returns the path, or what is nearest above it that is there.
func nearest(path string) string {
	for {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

// cause is what went wrong, without the name of the file.
func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
