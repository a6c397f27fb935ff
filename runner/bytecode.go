package runner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// CPython takes a .pyc for current when the whole second of the source's mtime
// and its size are those it was compiled from (cpython#75953). An edit of the
// same size within the same second therefore runs old code. So the bytecode of
// what changed is removed before a start.

// dropBytecode removes the bytecode of sources, paths below dir, for a process
// that starts in cwd with env. It returns an error when old bytecode stays.
func dropBytecode(dir, cwd string, env, sources []string) error {
	prefix := ""
	if p := variable(env, "PYTHONPYCACHEPREFIX"); p != "" {
		prefix = absolute(cwd, p)
	}
	wanted := make(map[string]map[string]bool) // cache directory -> stems
	note := func(cache, stem string) {
		if wanted[cache] == nil {
			wanted[cache] = make(map[string]bool)
		}
		wanted[cache][stem] = true
	}
	for _, source := range sources {
		path := absolute(dir, filepath.FromSlash(source))
		stem, ok := strings.CutSuffix(filepath.Base(path), ".py")
		if !ok {
			continue
		}
		note(filepath.Join(filepath.Dir(path), "__pycache__"), stem)
		if prefix != "" {
			note(filepath.Join(prefix, filepath.Dir(path)), stem)
		}
	}
	var errs []error
	for cache, stems := range wanted {
		entries, err := os.ReadDir(cache)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if !stems[bytecodeOf(e.Name())] {
				continue
			}
			if err := os.Remove(filepath.Join(cache, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("cannot remove old bytecode: %w", errors.Join(errs...))
	}
	return nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// bytecodeOf returns the stem that a file in a cache directory was compiled
// from: "m" for m.cpython-312.pyc and m.cpython-312.opt-1.pyc, "" for others.
func bytecodeOf(name string) string {
	rest, ok := strings.CutSuffix(name, ".pyc")
	if !ok {
		return ""
	}
	if i := strings.LastIndexByte(rest, '.'); i >= 0 && strings.HasPrefix(rest[i:], ".opt-") {
		rest = rest[:i]
	}
	i := strings.LastIndexByte(rest, '.')
	if i < 0 {
		return ""
	}
	return rest[:i]
}

// racyTime is how far apart a source and its bytecode must have been written
// for whole seconds to tell them apart, with a second to spare for file systems
// that round.
const racyTime = 2 * time.Second

// RacyBytecode returns those of files, paths below dir, whose bytecode CPython
// would take for current although it may be of an older source: mtime and size
// in its header match, and it was written less than two seconds after the
// source last changed, or before that. An agent that was not there when they
// changed drops it before its first starts.
func RacyBytecode(dir string, files []string) []string {
	caches := make(map[string]map[string][]string) // directory -> stem -> pycs
	var racy []string
	for _, file := range files {
		path := absolute(dir, filepath.FromSlash(file))
		stem, ok := strings.CutSuffix(filepath.Base(path), ".py")
		if !ok {
			continue
		}
		cache := filepath.Join(filepath.Dir(path), "__pycache__")
		if _, ok := caches[cache]; !ok {
			caches[cache] = make(map[string][]string)
			entries, _ := os.ReadDir(cache) // none: nothing to doubt
			for _, e := range entries {
				s := bytecodeOf(e.Name())
				caches[cache][s] = append(caches[cache][s], filepath.Join(cache, e.Name()))
			}
		}
		if len(caches[cache][stem]) == 0 {
			continue
		}
		source, err := os.Stat(path)
		if err != nil {
			continue
		}
		for _, pyc := range caches[cache][stem] {
			if isRacy(source, pyc) {
				racy = append(racy, file)
				break
			}
		}
	}
	return racy
}

// isRacy looks at one bytecode file.
func isRacy(source fs.FileInfo, pyc string) bool {
	f, err := os.Open(pyc)
	if err != nil {
		return false
	}
	defer f.Close()
	// Magic number, flags, mtime and size of the source, 32 bits each, little
	// endian; flags other than 0 mean that it is checked by hash (PEP 552).
	var header [16]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return false
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(header[4*i:]) }
	if word(1) != 0 || word(2) != uint32(source.ModTime().Unix()) || word(3) != uint32(source.Size()) {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	changed := source.ModTime()
	if c := changeTime(source); c.After(changed) {
		changed = c
	}
	return info.ModTime().Before(changed.Add(racyTime))
}

// errNotDir is what reading a file as a directory gives.
var errNotDir error = syscall.ENOTDIR
