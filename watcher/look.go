package watcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxRead is the size above which a file is compared by size, time and inode
// instead of its bytes: data, not source.
const maxRead = 16 << 20

// fewPaths is how many files are read on the loop's own goroutine; starting
// workers costs more than that many reads.
const fewPaths = 16

// maxReaders is how many files are read at once.
const maxReaders = 8

type kind uint8

const (
	nothing kind = iota
	regular
	directory
	symlink
	other
)

// mode is the type that a listing gives.
func (k kind) mode() fs.FileMode {
	switch k {
	case regular:
		return 0
	case directory:
		return fs.ModeDir
	case symlink:
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}

// sig is what a look without reading tells. Two equal sigs mean equal bytes,
// but for what racy says.
type sig struct {
	kind         kind
	size         int64
	mtime, ctime int64 // Unix nanoseconds
	inode, dev   uint64
}

// same reports whether s and t are the same file or directory.
func (s sig) same(t sig) bool { return s.kind == t.kind && s.inode == t.inode && s.dev == t.dev }

// racy reports whether the file, read at the given time, may have been written
// again since without a change of its times: within the grain of the clock
// that stamps files, or within the two seconds that old file systems know.
func (s sig) racy(read time.Time) bool {
	grain := 20 * time.Millisecond
	if s.mtime%int64(time.Second) == 0 {
		grain = 2 * time.Second
	}
	return read.UnixNano()-max(s.mtime, s.ctime) < int64(grain)
}

// found is what a look at one path found.
type found struct {
	sig    sig // of the file itself, behind a symbolic link; kind nothing: no file
	link   string
	hash   Hash
	size   int64
	part   bool // looks half-written
	moved  bool // changed while it was read
	read   time.Time
	err    error // there, but cannot be read
	isLink bool
	sure   bool // what was found is meant to be, however it looks
}

// look reads one path.
func (w *Watcher) look(path string) found {
	name := w.abs(path)
	var f found
	var err error
	if f.sig, err = lstat(name); err == nil && f.sig.kind == symlink {
		f.isLink = true
		if f.sig, err = stat(name); err == nil {
			// The error of EvalSymlinks for a circle has no type; but what
			// it cannot resolve has just changed, and is not there.
			if f.link, err = filepath.EvalSymlinks(name); err != nil {
				err = fs.ErrNotExist
			}
		}
	}
	switch {
	case err != nil && gone(err), err == nil && f.sig.kind != regular:
		f.sig = sig{}
		return f
	case err != nil:
		f.err = err
		return f
	}
	f.read = time.Now()
	f.size = f.sig.size
	if f.size > maxRead {
		f.hash = f.sig.stamp()
		return f
	}
	c, err := w.reader.Read(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return found{isLink: f.isLink, link: f.link}
		}
		f.err = err
		return f
	}
	f.hash, f.size, f.part = c.Hash, c.Size, c.Partial
	after, err := stat(name)
	f.moved = err != nil || after != f.sig
	return f
}

// lookAll reads many paths, in parallel where that pays. It stops early, with
// the rest not looked at, once stop is closed.
func (w *Watcher) lookAll(paths []string, stop <-chan struct{}) []found {
	out := make([]found, len(paths))
	workers := 1
	if len(paths) > fewPaths {
		workers = min(2*runtime.GOMAXPROCS(0), maxReaders)
	}
	var next atomic.Int64
	work := func(who int) {
		defer w.silence.done(who)
		for {
			i := int(next.Add(1)) - 1
			if i >= len(paths) {
				return
			}
			select {
			case <-stop:
				return
			default:
				w.silence.step(who, &paths[i])
				out[i] = w.look(paths[i])
			}
		}
	}
	var wg sync.WaitGroup
	for i := range workers - 1 {
		wg.Go(func() { work(2 + i) })
	}
	work(1)
	wg.Wait()
	return out
}

// stamp stands for the bytes of a file that is too large to read.
func (s sig) stamp() Hash {
	var b bytes.Buffer
	b.WriteString("stamp")
	for _, n := range []uint64{uint64(s.size), uint64(s.mtime), s.inode} {
		b.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	return sha256.Sum256(b.Bytes())
}

// gone reports whether err says that there is no such file. Everything else
// (permission, I/O error, stale handle) says nothing about the file.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// tooLong reports whether err says that a path has more bytes than the system
// takes. Nobody can open such a file by its path, so it is no part of the tree.
func tooLong(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }

// ReadFile returns the bytes of a regular file. Unlike [os.ReadFile] it never
// waits: a FIFO, a socket or a device is an error. A [Reader] should use it.
func ReadFile(name string) ([]byte, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	size, err := f.size()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("cannot read %q: not a regular file: %w", name, err)
		}
		return nil, err
	}
	b := make([]byte, 0, size+1) // one more tells that there is no more
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = slices.Grow(b, len(b))
		case int64(len(b)) == size:
			return b, nil // what grows now is another change
		}
	}
}

// diskReader is the default Reader.
type diskReader struct{ abs func(string) string }

func (r diskReader) Read(path string) (Content, error) {
	f, err := openFile(r.abs(path))
	if err != nil {
		return Content{}, err
	}
	defer f.close()
	size, err := f.size()
	if err != nil {
		return Content{}, err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	c := Content{}
	h := sha256.New()
	for {
		n, err := f.Read(*buf)
		h.Write((*buf)[:n])
		c.Size += int64(n)
		switch {
		case err == io.EOF, err == nil && c.Size == size:
			h.Sum(c.Hash[:0])
			return c, nil
		case err != nil:
			return Content{}, err
		}
	}
}

// buffers saves one allocation of this size per file.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
