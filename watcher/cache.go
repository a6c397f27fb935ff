package watcher

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What was read is kept on disk, so that the next watcher of the same directory
// reads only what has changed since. A file counts as unchanged by the rule of
// git's index, but stricter: size, both times, inode and device are what they
// were, and the last change lay so far before the file was read that a later
// one would have another time. A file whose times were put back still has
// another time of change of its inode. Where files are polled nothing is
// recalled: what their file system says of a file may be old.
//
// The file is a hint like any other. It may be missing, damaged, or of another
// version or directory: then everything is read. So it need not be flushed to
// the disk when it is written.
//
// Road not taken: the table of git's index, which has its own hashes and knows
// nothing of files that git does not.

// A Recaller is a [Reader] that can do without the bytes of a file when it is
// told their hash.
type Recaller interface {
	// Recall is asked instead of Read about a file that has not changed since
	// an earlier Reader found this hash in it. Read follows where it returns
	// false. It may be called from several goroutines.
	Recall(path string, hash Hash) bool
}

// Recall implements [Recaller].
func (diskReader) Recall(string, Hash) bool { return true }

// loadCache reads Options.Cache.
func loadCache(o Options) cache {
	if o.Cache == "" {
		return nil
	}
	data, err := os.ReadFile(o.Cache)
	if err != nil {
		return nil
	}
	dir, c, err := decodeCache(data)
	if err != nil || dir != o.Dir {
		return nil
	}
	return c
}

// saveCache writes Options.Cache if much, or at the end anything, was read
// since that was done last. The writing itself is not waited for.
func (w *Watcher) saveCache(end bool) {
	if w.options.Cache == "" || !w.scanned || w.unkept == 0 || !end && 8*w.unkept < len(w.files) {
		return
	}
	w.unkept = 0
	data := encodeCache(w.options.Dir, w.dirs)
	w.saving.Wait() // the one before was a minute ago
	w.saving.Go(func() {
		// Without it the next start takes longer, and that is all.
		_ = replaceFile(w.options.Cache, data)
	})
}

// replaceFile puts data in the place of a file.
func replaceFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what matters has been said
	}
	return err
}

// cacheHead begins the file; the SHA-256 of what comes after the line follows.
// What comes is the directory, then for each directory in it its path and its
// records. Paths, names and the records of a directory stand behind their
// length, in 4 bytes. A record is the numbers of a sig, 8 bytes each, the hash
// and the name.
const cacheHead = "bounce watch 2 "

// A cache has the records of each directory, by its path.
type cache map[string][]byte

// keepable reports whether a file that looks the same to the next watcher will
// hold the same bytes.
func (f *file) keepable() bool {
	return f.seen != (Hash{}) && f.link == "" && f.sig.kind == regular && f.sig.size <= maxRead &&
		f.sig.ctime != 0 && !f.sig.racy(f.read)
}

// encodeCache returns the content of the file.
func encodeCache(top string, dirs map[string]*dir) []byte {
	b := appendText(nil, top)
	for p, d := range dirs {
		b = appendText(b, p)
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		for name, f := range d.files {
			if f.keepable() {
				b = appendText(append(appendSig(b, f.sig), f.seen[:]...), name)
			}
		}
		binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return sealed(b)
}

// sealed puts the head before a body.
func sealed(body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%x\n", cacheHead, sha256.Sum256(body)), body...)
}

// decodeCache is the inverse of encodeCache. It takes any bytes.
func decodeCache(data []byte) (top string, c cache, err error) {
	head, rest, _ := bytes.Cut(data, []byte("\n"))
	text, ok := strings.CutPrefix(string(head), cacheHead)
	if !ok {
		return "", nil, errors.New("it was not written by this version of bounce")
	}
	if sum := sha256.Sum256(rest); text != hex.EncodeToString(sum[:]) {
		return "", nil, errors.New("it is damaged")
	}
	dir, rest := cutText(rest)
	c = make(cache)
	for len(rest) > 0 {
		var p, records []byte
		p, rest = cutText(rest)
		records, rest = cutText(rest)
		c[string(p)] = records
	}
	return string(dir), c, nil
}

// kept is what an earlier watcher knew of a file.
type kept struct {
	sig  sig
	hash Hash
}

// keptIn yields the files of one directory by name, which is only good for the
// call.
func keptIn(records []byte) func(yield func([]byte, kept) bool) {
	return func(yield func([]byte, kept) bool) {
		for len(records) >= sigSize+len(Hash{}) {
			var k kept
			k.sig, records = cutSig(records)
			records = records[copy(k.hash[:], records):]
			var name []byte
			if name, records = cutText(records); !yield(name, k) {
				return
			}
		}
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// cutText is the inverse of appendText. Where there is less than there should
// be, that is all.
func cutText(b []byte) (text, rest []byte) {
	if len(b) < 4 {
		return nil, nil
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	n, b = min(n, uint64(len(b)-4)), b[4:]
	return b[:n:n], b[n:]
}

const sigSize = 5 * 8

func appendSig(b []byte, s sig) []byte {
	for _, n := range [...]uint64{uint64(s.size), uint64(s.mtime), uint64(s.ctime), s.inode, s.dev} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// cutSig is the inverse of appendSig, for regular files.
func cutSig(b []byte) (s sig, rest []byte) {
	next := func() (n uint64) {
		n, b = binary.LittleEndian.Uint64(b), b[8:]
		return n
	}
	s.kind = regular
	s.size, s.mtime, s.ctime = int64(next()), int64(next()), int64(next())
	s.inode, s.dev = next(), next()
	return s, b
}
