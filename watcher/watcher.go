package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what a closed Watcher answers.
var ErrClosed = errors.New("the watcher is closed")

// HeldError is why Flush cannot promise anything now.
type HeldError struct {
	// Reason is what holds the tree, such as "git rebase".
	Reason string
	// Since is when the hold began.
	Since time.Time
}

func (e *HeldError) Error() string { return "changes are held: " + e.Reason }

// Status is a snapshot of a Watcher.
type Status struct {
	// Backend is the source in use, Why a line saying why.
	Backend Backend
	Why     string
	// Dirs is how many directories are watched, Polled how many of them by
	// looking at them now and then; Files how many files are in the table.
	Dirs, Polled, Files int
	// Degraded says that directories are polled which should not have to be, or
	// that a file system does not answer.
	Degraded bool
	// Held is what holds the batches back, "" when nothing does; Since when.
	Held  string
	Since time.Time
	// Overridden is what is under way and was said not to hold, sorted.
	Overridden []string
	// Scanned says that the first walk is done.
	Scanned bool
	// Batches counts the batches handed on, Rescans the walks after lost events.
	Batches, Rescans uint64
}

// A Watcher turns what happens in a tree into batches. Its methods may be
// called from any goroutine.
type Watcher struct {
	options Options
	reader  Reader
	pulse   pulse
	out     chan Batch
	flushes chan *flush
	resumes chan struct{}
	attends chan attendance
	naming  chan struct{}            // rings when wanted has something new
	wanted  atomic.Pointer[[]string] // what Name was last called with, until the loop takes it
	cancel  context.CancelFunc
	stop    <-chan struct{} // closed when the watcher has to end
	done    chan struct{}   // closed when the loop has ended
	saving  sync.WaitGroup  // of Options.Cache
	silence *silence

	mu     sync.Mutex // guards status
	status Status

	state // owned by the loop; no lock
}

// Open starts watching. It returns at once; the tree is first watched, then
// read, and the first batch has Initial set and every file in it. The watcher
// ends with Close or with ctx, whichever is first.
func Open(ctx context.Context, o Options) (*Watcher, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	src, chosen := choose(o)
	return start(ctx, o, src, chosen, newPulse(pulsePeriod)), nil
}

// start is Open with the source and the pulse given.
func start(ctx context.Context, o Options, src source, chosen choice, p pulse) *Watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{
		options: o,
		pulse:   p,
		reader:  o.Reader,
		out:     make(chan Batch),
		flushes: make(chan *flush),
		resumes: make(chan struct{}),
		attends: make(chan attendance),
		naming:  make(chan struct{}, 1),
		cancel:  cancel,
		stop:    ctx.Done(),
		done:    make(chan struct{}),
		silence: newSilence(o.patience, o.Note),
	}
	if w.reader == nil {
		w.reader = diskReader{w.abs}
	}
	w.state = newState(o, src, chosen)
	w.publish()
	go w.run()
	return w
}

// Batches is where batches come out. Nothing is queued behind it: while nobody
// receives, later changes join the batch on offer. Close closes it.
func (w *Watcher) Batches() <-chan Batch { return w.out }

// Status returns a snapshot; it never waits.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	s := w.status
	w.mu.Unlock()
	if words := w.silence.words(); words != "" {
		s.Degraded = true
		s.Why += "; " + words
	}
	return s
}

// Flush returns when every change that was complete before the call is in a
// batch that was received, or turned out to be no change. Later changes do not
// extend it. While something holds the tree it returns a [*HeldError] at once.
// Writes through mmap are known to Flush only where every look is a full one
// (the sources notify and poll).
func (w *Watcher) Flush(ctx context.Context) error {
	f := &flush{done: make(chan error, 1)}
	select {
	case w.flushes <- f:
	case <-ctx.Done():
		return w.lateFlush(ctx)
	case <-w.done:
		return ErrClosed
	}
	select {
	case err := <-f.done:
		return err
	case <-ctx.Done():
		return w.lateFlush(ctx)
	}
}

// lateFlush says why Flush took too long.
func (w *Watcher) lateFlush(ctx context.Context) error {
	if words := w.silence.words(); words != "" {
		return fmt.Errorf("cannot flush: %s: %w", words, context.Cause(ctx))
	}
	return fmt.Errorf("cannot flush: %w", context.Cause(ctx))
}

// Override ends the hold there is now: batches are handed on although the
// Gate says that another program is at work. It is over for what holds until
// that has ended: what is under way inside it, or comes next, holds again. A
// Flush after it is not held.
func (w *Watcher) Override() {
	select {
	case w.resumes <- struct{}{}:
	case <-w.done:
	}
}

// Close ends the watcher and waits for its goroutines. Where a file system does
// not answer it returns an error that says so; they end when it does.
func (w *Watcher) Close() error {
	w.cancel()
	for {
		select {
		case <-w.done:
			return nil
		case <-w.silence.told:
			if words := w.silence.words(); words != "" {
				return fmt.Errorf("cannot end watching: %s", words)
			}
		}
	}
}

// abs returns the name under which the system knows a path.
func (w *Watcher) abs(path string) string {
	return filepath.Join(w.options.Dir, filepath.FromSlash(path))
}

func (w *Watcher) note(degraded bool, format string, args ...any) {
	if w.options.Note != nil {
		w.options.Note(Note{Degraded: degraded, Text: fmt.Sprintf(format, args...)})
	}
}

// warn notes that something may be missed, or had to be made good.
func (w *Watcher) warn(format string, args ...any) {
	if w.options.Note != nil {
		w.options.Note(Note{Problem: true, Text: fmt.Sprintf(format, args...)})
	}
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// withDefaults fills in defaults and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	if !filepath.IsAbs(o.Dir) {
		return o, fmt.Errorf("cannot watch %q: the directory must be absolute", o.Dir)
	}
	o.Dir = filepath.Clean(o.Dir)
	if info, err := os.Stat(o.Dir); err != nil {
		return o, fmt.Errorf("cannot watch %q: %w", o.Dir, err)
	} else if !info.IsDir() {
		return o, fmt.Errorf("cannot watch %q: not a directory", o.Dir)
	}
	for _, name := range []string{o.Cache, o.Scratch, o.Excludes} {
		if name != "" && !filepath.IsAbs(name) {
			return o, fmt.Errorf("cannot watch %q with %q: the name must be absolute", o.Dir, name)
		}
	}
	orDefault(&o.Quiet, 20*time.Millisecond)
	orDefault(&o.Max, time.Second)
	orDefault(&o.Absent, 400*time.Millisecond)
	orDefault(&o.PollInterval, 500*time.Millisecond)
	orDefault(&o.Audit, time.Minute)
	if o.share == 0 {
		o.share = pollShare
	}
	orDefault(&o.patience, answerPatience)
	for _, d := range []struct {
		name string
		time.Duration
	}{{"Quiet", o.Quiet}, {"Max", o.Max}, {"Absent", o.Absent}, {"PollInterval", o.PollInterval}} {
		if d.Duration < 0 {
			return o, fmt.Errorf("cannot watch with %s %v: it must not be negative", d.name, d.Duration)
		}
	}
	o.Max = max(o.Max, o.Quiet)
	switch o.Backend {
	case "":
		o.Backend = Auto
	case Auto, FSNotify, Notify, Poll:
	default:
		return o, fmt.Errorf("cannot watch with %q: want auto, fsnotify, notify or poll", o.Backend)
	}
	roots := slices.Clone(o.Roots)
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for i, r := range roots {
		if filepath.IsAbs(r) {
			return o, fmt.Errorf("cannot watch root %q: it must be relative to %q", r, o.Dir)
		}
		roots[i] = filepath.ToSlash(filepath.Clean(r))
	}
	o.Roots = outermost(roots)
	follow := make([]string, len(o.Follow))
	for i, dir := range o.Follow {
		follow[i] = path.Clean(filepath.ToSlash(dir))
	}
	o.Follow = follow
	return o, nil
}

// outermost drops the paths that are inside another one.
func outermost(paths []string) []string {
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return slices.ContainsFunc(paths, func(q string) bool { return q != p && within(p, q) })
	})
}

// within reports whether path is dir or below it, as far as names tell.
func within(path, dir string) bool {
	pathUps, path := ups(path)
	dirUps, dir := ups(dir)
	switch {
	case pathUps != dirUps:
		return dirUps > pathUps && dir == "."
	case dir == ".":
		return true
	default:
		return path == dir || strings.HasPrefix(path, dir+"/")
	}
}

// ups splits a clean path into the number of its leading ".." and the rest.
func ups(path string) (n int, rest string) {
	for path == ".." || strings.HasPrefix(path, "../") {
		n++
		if path = strings.TrimPrefix(path[2:], "/"); path == "" {
			path = "."
		}
	}
	return n, path
}
