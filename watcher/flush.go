package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// How Flush knows that it has seen every earlier event. Where the source keeps
// order, a file is made in a directory of our own that the same source
// watches: when its event comes, all earlier ones have. Elsewhere one full
// look does, which began after the call.

// cookieTimeout is when a cookie is given up and a full look done instead: its
// directory may have been cleaned away.
const cookieTimeout = 2 * time.Second

// flush is one call of Flush.
type flush struct {
	done   chan error // has room for the answer
	cookie uint64
	at     time.Time
	armed  bool   // all events before the call are in
	mark   uint64 // the last of them
}

// makeCookies watches a directory for cookies. Where there is none, full looks
// will do.
func (w *Watcher) makeCookies() {
	dir, err := cookieDir(w.options.Scratch)
	if err != nil {
		return
	}
	if w.main.Watch(dir) != nil {
		os.RemoveAll(dir)
		return
	}
	w.cookies = dir
}

// cookieDir makes an empty directory, at the name given or at a new one.
func cookieDir(name string) (string, error) {
	if name == "" {
		dir, err := os.MkdirTemp("", "bounce-watch-")
		if err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(dir)
	}
	if err := os.RemoveAll(name); err != nil {
		return "", err
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(name)
}

func (w *Watcher) beginFlush(f *flush, now time.Time) {
	w.takeNames(now)
	f.at = now
	w.waiters = append(w.waiters, f)
	w.clock++
	w.checkRoots(now) // the whole tree may be another, and no event said so
	if w.dropCookie(f) {
		for _, d := range slices.Clone(w.poller.dirs) {
			w.lookAt(d, now)
		}
		return
	}
	w.lookForFlush(f, now)
}

// dropCookie makes the file whose event will say that all others came.
func (w *Watcher) dropCookie(f *flush) bool {
	if w.cookies == "" {
		return false
	}
	w.cookie++
	name := filepath.Join(w.cookies, strconv.FormatUint(w.cookie, 10))
	file, err := os.Create(name)
	if err != nil {
		return false
	}
	file.Close()
	os.Remove(name)
	f.cookie = w.cookie
	return true
}

func (w *Watcher) lookForFlush(f *flush, now time.Time) {
	w.lookOutside(now)
	w.rescan(now)
	w.armOne(f, now)
}

// arm notes that the events before cookie n are in.
func (w *Watcher) arm(n uint64, now time.Time) {
	for _, f := range w.waiters {
		if !f.armed && f.cookie <= n {
			w.armOne(f, now)
		}
	}
}

// armAll notes that a look at everything stands for the cookies under way.
func (w *Watcher) armAll(now time.Time) {
	for _, f := range w.waiters {
		w.armOne(f, now)
	}
}

func (w *Watcher) armOne(f *flush, now time.Time) {
	if !f.armed {
		f.armed, f.mark = true, w.clock
		w.window.closeBy(now.Add(w.window.quiet)) // later edits do not extend it
		w.checkHold(now)
	}
}

// cookieDue is when the first cookie is given up; zero: none is under way.
func (w *Watcher) cookieDue() time.Time {
	for _, f := range w.waiters {
		if !f.armed {
			return f.at.Add(cookieTimeout)
		}
	}
	return time.Time{}
}

// answer ends the flushes that have what they wait for.
func (w *Watcher) answer(now time.Time) {
	if len(w.waiters) == 0 {
		return
	}
	rest := w.waiters[:0]
	for _, f := range w.waiters {
		if !f.armed && !now.Before(f.at.Add(cookieTimeout)) {
			w.lookForFlush(f, now)
		}
		switch {
		case f.armed && w.held != "":
			f.done <- &HeldError{Reason: w.held, Since: w.heldSince}
		case f.armed && w.flushed(f.mark):
			f.done <- nil
		default:
			rest = append(rest, f)
		}
	}
	clear(w.waiters[len(rest):])
	w.waiters = rest
}

// flushed reports whether everything up to mark was handed on or came to nothing.
func (w *Watcher) flushed(mark uint64) bool {
	if w.initial || w.lost {
		return false
	}
	for _, m := range w.dirty {
		if m <= mark {
			return false
		}
	}
	for _, m := range w.pending {
		if m <= mark {
			return false
		}
	}
	for _, m := range w.waiting {
		if m.mark <= mark {
			return false
		}
	}
	return true
}
