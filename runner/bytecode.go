package runner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// CPython takes a .pyc for current when the whole second of the source's mtime
// and its size are those it was compiled from (cpython#75953). An edit of the
// same size within the same second therefore runs old code. So the bytecode of
// what changed is removed before a start.
//
// Where it cannot be removed, as on a read-only mount or in the tree of another
// user, it stays, and most of it does no harm: its header names another second or
// another size, or it is checked by hash. If there is some that could be taken for
// current, the service is started where Python finds no bytecode at all.

// noBytecode has Python neither find nor write bytecode: below that no file can
// be.
const noBytecode = envCachePrefix + "=" + os.DevNull

// envCachePrefix has Python, from 3.8 on, keep its bytecode in another directory.
const envCachePrefix = "PYTHONPYCACHEPREFIX"

// dropBytecode removes the bytecode of sources, paths below dir, for a process
// that starts in cwd with env. It returns those of sources of which bytecode stays
// that could be taken for current, and an error that says why it does.
func dropBytecode(dir, cwd string, env, sources []string) (doubtful []string, err error) {
	prefix := ""
	if p := variable(env, envCachePrefix); p != "" {
		prefix = absolute(cwd, p)
	}
	wanted := make(map[string]map[string]string) // cache directory -> stem -> source
	unread := make(map[string]bool)              // by the process
	note := func(cache, stem, source string) {
		if wanted[cache] == nil {
			wanted[cache] = make(map[string]string)
		}
		wanted[cache][stem] = source
	}
	for _, source := range sources {
		path := absolute(dir, filepath.FromSlash(source))
		stem, ok := strings.CutSuffix(filepath.Base(path), ".py")
		if !ok {
			continue
		}
		beside := filepath.Join(filepath.Dir(path), "__pycache__")
		if note(beside, stem, source); prefix != "" {
			unread[beside] = true
			note(filepath.Join(prefix, filepath.Dir(path)), stem, source)
		}
	}
	var errs []error
	stays := func(cache, source string, err error) {
		if !unread[cache] {
			doubtful, errs = append(doubtful, source), append(errs, err)
		}
	}
	for _, cache := range sortedKeys(wanted) {
		entries, err := os.ReadDir(cache)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
			for _, stem := range sortedKeys(wanted[cache]) {
				stays(cache, wanted[cache][stem], err)
			}
		}
		for _, e := range entries {
			source, ok := wanted[cache][bytecodeOf(e.Name())]
			if !ok {
				continue
			}
			pyc := filepath.Join(cache, e.Name())
			err := os.Remove(pyc)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && couldPass(absolute(dir, filepath.FromSlash(source)), pyc) {
				stays(cache, source, err)
			}
		}
	}
	if len(errs) == 0 {
		return nil, nil
	}
	slices.Sort(doubtful)
	err = fmt.Errorf("cannot remove bytecode that may be older than its source: %w", errs[0])
	if more := len(errs) - 1; more > 0 {
		err = fmt.Errorf("%w (and %d more)", err, more)
	}
	return slices.Compact(doubtful), err
}

// couldPass reports whether CPython could take a bytecode file for current of a
// source that has changed since it was made.
func couldPass(source, pyc string) bool {
	info, err := os.Stat(source)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // without a source nothing looks there
	}
	f, err := os.Open(pyc)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	h, ok := readHeader(f)
	return ok && (h.matches(info) || h.flags == uncheckedHash)
}

// header is what CPython knows the source of a bytecode file by, see PEP 552.
type header struct{ flags, second, size uint32 }

// The flags of a header: checked by the second and the size that are in it, or by
// a hash of the source that is there in their place, or not at all.
const (
	timestamped   = 0
	uncheckedHash = 1
)

// readHeader reads a magic number and the header; false for what CPython takes for
// no bytecode.
func readHeader(f io.Reader) (header, bool) {
	var b [16]byte // little endian
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return header{}, false
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
	return header{word(1), word(2), word(3)}, true
}

// matches reports whether the header is one of a time and a size, and these are
// the source's.
func (h header) matches(source fs.FileInfo) bool {
	at := source.ModTime()
	// As a float, as CPython has it: the last nanoseconds of a second are the next.
	second := int64(float64(at.Unix()) + 1e-9*float64(at.Nanosecond()))
	return h.flags == timestamped && h.second == uint32(second) && h.size == uint32(source.Size())
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
//
// Where it could not be dropped, only what speaks against the times of the files
// counts: all of an image, or of a copy that keeps times, has changed just now.
func RacyBytecode(dir string, files []string) []string {
	caches := make(map[string]map[string][]string) // directory -> stem -> pycs
	drops := make(map[string]bool)                 // directory -> files in it can be removed
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
			drops[cache] = len(entries) > 0 && mayRemoveIn(cache)
		}
		if len(caches[cache][stem]) == 0 {
			continue
		}
		source, err := os.Stat(path)
		if err != nil {
			continue
		}
		for _, pyc := range caches[cache][stem] {
			if isRacy(source, pyc, drops[cache]) {
				racy = append(racy, file)
				break
			}
		}
	}
	return racy
}

// isRacy looks at one bytecode file, which can be removed or has to be lived with.
func isRacy(source fs.FileInfo, pyc string, removable bool) bool {
	f, err := os.Open(pyc)
	if err != nil {
		return false
	}
	defer f.Close()
	if h, ok := readHeader(f); !ok || !h.matches(source) {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	switch made := info.ModTime(); {
	case made.Before(source.ModTime().Add(racyTime)):
		return true
	case removable:
		return made.Before(changeTime(source).Add(racyTime))
	}
	// The source was put there, with an older time, well after the bytecode was.
	return changeTime(info).Add(racyTime).Before(changeTime(source))
}

// errNotDir is what reading a file as a directory gives.
var errNotDir error = syscall.ENOTDIR
