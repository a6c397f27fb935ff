// Package logfile writes lines to a file that is rotated by size.
//
// What is promised: whoever writes never waits for the disk. What the disk is
// too slow for, or refuses, is left out line by line, counted and told; writing
// goes on when it can. A file holds whole lines, and is never cut short to make
// room. One that is removed or moved away is begun anew within a second. What is
// not: a line is on disk only some time after it was written.
package logfile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/DeRuina/timberjack"
)

// Options say where lines go.
type Options struct {
	// Path is the file, absolute. Directories that are missing are made.
	Path string
	// MaxSize is how many MiB the file may have before it is renamed, to its
	// name with the time in it, and begun anew; default 10.
	MaxSize int
	// Keep is how many renamed files are kept; default 5.
	Keep int
	// Compress packs renamed files with gzip.
	Compress bool
	// Lost is told, from a goroutine of the file, how many lines were left out
	// since it was last told, and why.
	Lost func(lines int, why error)
}

// ErrSlow is why lines are lost to a disk that does not keep up.
var ErrSlow = errors.New("they come faster than the disk takes them")

const (
	// maxQueued is how many bytes may wait for the disk: some seconds of a
	// slow one.
	maxQueued = 4 << 20
	// chunk is how much is written at once: a rotation can only come between
	// two writes, and MaxSize is at least four of them.
	chunk = 256 << 10
	// firstWord is how long after a loss it is told, in case there are more,
	// between how long after that the next one is.
	firstWord, between = time.Second, 30 * time.Second
	// flushTime is how long Close waits for a disk that is stuck.
	flushTime = time.Second
)

// File takes lines for a file. Its methods may be called by several goroutines.
type File struct {
	path string // owned by run, as is out
	out  io.WriteCloser
	torn bool // the last write ended within a line; owned by run
	bell chan struct{}
	done chan struct{} // closed when run has returned

	speaking sync.Mutex // held while lost is called, and taken before mu

	mu     sync.Mutex
	lost   func(int, error)
	next   *Options // where it is to write to; nil: where it does
	queue  []byte
	missed int   // lines that are still to be told of
	why    error // of the last of them
	timer  *time.Timer
	told   time.Time
	closed bool
}

// Open returns a File. The file itself is made with the first line.
func Open(o Options) *File { return open(o.rotated(), o) }

// rotated returns the file that o describes. It is made with the first write.
func (o Options) rotated() io.WriteCloser {
	if o.MaxSize <= 0 {
		o.MaxSize = 10
	}
	if o.Keep <= 0 {
		o.Keep = 5
	}
	packing := "none"
	if o.Compress {
		packing = "gzip"
	}
	file := func() io.WriteCloser {
		return &timberjack.Logger{Filename: o.Path, MaxSize: o.MaxSize, MaxBackups: o.Keep, Compression: packing}
	}
	return &named{path: o.Path, open: file, out: file()}
}

func open(out io.WriteCloser, o Options) *File {
	f := &File{path: o.Path, out: out, lost: o.Lost, bell: make(chan struct{}, 1), done: make(chan struct{})}
	go f.run()
	return f
}

// Reopen has lines go on as o says, behind those that wait for the disk. None is
// lost for that.
func (f *File) Reopen(o Options) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.next, f.lost = &o, o.Lost
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// Line adds a line, given without its end.
func (f *File) Line(text string) { f.put(text, "\n") }

// Write adds whole lines. It always succeeds.
func (f *File) Write(p []byte) (int, error) {
	f.put(string(p), "")
	return len(p), nil
}

func (f *File) put(text, end string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return
	case len(f.queue)+len(text) > maxQueued:
		f.lose(max(1, strings.Count(text, "\n")+len(end)), ErrSlow)
		return
	}
	f.queue = append(append(f.queue, text...), end...)
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// lose counts lines that were left out, and has it told. Called with mu held.
func (f *File) lose(lines int, why error) {
	f.missed += lines
	f.why = why
	if f.timer == nil && !f.closed {
		wait := firstWord
		if !f.told.IsZero() {
			wait = max(wait, between-time.Since(f.told))
		}
		f.timer = time.AfterFunc(wait, f.tell)
	}
}

func (f *File) tell() {
	f.speaking.Lock()
	defer f.speaking.Unlock()
	f.mu.Lock()
	lines, why, lost := f.missed, f.why, f.lost
	f.missed, f.timer, f.told = 0, nil, time.Now()
	f.mu.Unlock()
	if lines > 0 && lost != nil {
		lost(lines, why)
	}
}

func (f *File) run() {
	defer close(f.done)
	var lines []byte
	for range f.bell {
		f.mu.Lock()
		lines, f.queue = f.queue, lines[:0]
		closed, next := f.closed, f.next
		f.next = nil
		f.mu.Unlock()
		for rest := lines; len(rest) > 0; {
			n := whole(rest)
			f.write(rest[:n])
			rest = rest[n:]
		}
		if cap(lines) > chunk {
			lines = nil // of a burst
		}
		if closed {
			f.out.Close()
			return
		}
		if next != nil {
			f.out.Close()
			f.torn = f.torn && f.path == next.Path
			f.path, f.out = next.Path, next.rotated()
		}
	}
}

// whole returns how much of lines is written at once: up to a chunk of whole
// lines, or the first one.
func whole(lines []byte) int {
	if len(lines) <= chunk {
		return len(lines)
	}
	if i := bytes.LastIndexByte(lines[:chunk], '\n'); i >= 0 {
		return i + 1
	}
	if i := bytes.IndexByte(lines, '\n'); i >= 0 {
		return i + 1
	}
	return len(lines)
}

// write writes whole lines, behind what a write before has left of one.
func (f *File) write(lines []byte) {
	text := lines
	if f.torn {
		text = append([]byte("\n"), lines...)
	}
	n, err := f.out.Write(text)
	if err == nil {
		f.torn = false
		return
	}
	if n = min(n, len(text)); n > 0 {
		f.torn = text[n-1] != '\n'
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lose(bytes.Count(text[n:], []byte("\n")), err)
}

// Close writes what is queued and closes the file; it gives up on a disk that
// is stuck. What was lost is told before it returns.
func (f *File) Close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	select {
	case f.bell <- struct{}{}:
	default:
	}
	f.mu.Unlock()
	timeout := time.NewTimer(flushTime)
	defer timeout.Stop()
	select {
	case <-f.done:
	case <-timeout.C:
	}
	f.mu.Lock()
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	f.tell()
}
