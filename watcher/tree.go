package watcher

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// The table: what is known about the tree. Everything in this file runs on the
// loop's goroutine.

// file is one path that is watched, or was and has not been handed on as gone.
type file struct {
	sig  sig
	read time.Time
	// seen is what the path holds as far as believed, handed what the reader
	// was last told; zero: no file.
	seen, handed Hash
	// link is where a symbolic link led when last read, "" for plain files.
	link string
	// noted: a person was told that it cannot be read.
	noted bool
}

// dir is one watched directory.
type dir struct {
	path, abs string
	parent    *dir // nil for roots
	mode      mode
	files     map[string]*file
	subs      map[string]*dir
	id        sig
	cover     coverage
	spot      spot
	unread    bool // cannot be listed
	judged    int  // version of the rules that its entries were judged by
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// enter adds a directory to the table.
func (w *Watcher) enter(parent *dir, p, abs string, m mode) *dir {
	d := &dir{path: p, abs: abs, parent: parent, mode: m,
		files: make(map[string]*file), subs: make(map[string]*dir)}
	w.dirs[p], w.byAbs[abs] = d, d
	if parent != nil {
		parent.subs[path.Base(p)] = d
	}
	return d
}

// drop removes a directory and all below it from the table; what was in it is
// dirty.
func (w *Watcher) drop(d *dir, now time.Time) {
	for _, sub := range d.subs {
		w.drop(sub, now)
	}
	for name := range d.files {
		w.mark(join(d.path, name))
	}
	if len(d.files) > 0 {
		w.touch(now)
	}
	w.uncover(d)
	delete(w.dirs, d.path)
	delete(w.byAbs, d.abs)
	if d.parent != nil {
		delete(d.parent.subs, path.Base(d.path))
	}
	if w.rules.load(d.path, "") {
		w.touch(now)
	}
}

// scan brings the table in line with the directory and all below it: it is the
// way to find out after a new directory, lost events and an audit. Files that
// differ, or may, become dirty.
func (w *Watcher) scan(d *dir, now time.Time) {
	below := slices.Collect(maps.Values(d.subs))
	w.scanOne(d, now)
	for _, sub := range below {
		if w.dirs[sub.path] == sub && !w.stopping() {
			w.scan(sub, now)
		}
	}
}

// scanOne is scan for the directory alone, and for directories in it that are
// new.
func (w *Watcher) scanOne(d *dir, now time.Time) {
	if w.stopping() {
		return
	}
	id, err := stat(d.abs)
	if err == nil && d.cover != uncovered && !d.id.same(id) {
		// Another directory under the same name: a mount, or made again.
		w.uncover(d)
	}
	if err == nil {
		d.id = id
	}
	w.cover(d)
	entries, err := readDir(d.abs)
	switch {
	case err == nil:
		d.unread = false
	case gone(err) && d.parent != nil:
		w.drop(d, now)
		return
	case gone(err):
		entries = nil
	default:
		if !d.unread {
			d.unread = true
			w.warn("cannot watch %q: %v", d.path, reason(err))
		}
		return
	}
	if w.readRules(d, entries, now) {
		return
	}
	here := make(map[string]fs.FileMode, len(entries))
	for _, e := range entries {
		here[e.Name()] = e.Type()
	}
	again := d.judged != w.rules.version
	d.judged = w.rules.version
	for name, sub := range d.subs {
		if t, ok := here[name]; !ok || !t.IsDir() || again && w.rules.dir(d.mode, sub.path) != sub.mode {
			w.drop(sub, now)
		}
	}
	for name, f := range d.files {
		p := join(d.path, name)
		if again && !w.rules.file(d.mode, p) || w.differs(d, p, f) {
			w.markNow(p, now)
		}
	}
	for _, e := range entries {
		name, p := e.Name(), join(d.path, e.Name())
		if e.IsDir() {
			if d.subs[name] != nil {
				continue
			}
			abs := filepath.Join(d.abs, name)
			if m := w.rules.dir(d.mode, p); m != skipped && w.byAbs[abs] == nil {
				w.scan(w.enter(d, p, abs, m), now)
			}
			continue
		}
		if d.files[name] == nil && plain(e.Type()) && w.rules.file(d.mode, p) {
			if w.scanned && d.cover.polled() {
				s, _ := stat(filepath.Join(d.abs, name))
				w.sawFirst(p, s)
			}
			w.markNow(p, now)
		}
	}
}

// plain leaves out what is never opened: FIFOs, sockets, devices.
func plain(t fs.FileMode) bool { return t.IsRegular() || t&fs.ModeSymlink != 0 }

// differs reports whether a known file may hold other bytes than when read.
func (w *Watcher) differs(d *dir, p string, f *file) bool {
	var s sig
	var err error
	if f.link != "" {
		if target, e := filepath.EvalSymlinks(w.abs(p)); e != nil || target != f.link {
			return true
		}
		s, err = stat(w.abs(p))
	} else {
		s, err = lstat(w.abs(p))
	}
	if err != nil {
		s = sig{}
		if !gone(err) {
			return false
		}
	}
	if s == f.sig && !f.sig.racy(f.read) {
		return false
	}
	if d.cover.polled() {
		w.sawFirst(p, s)
	}
	return true
}

// readDir lists a directory, not sorted.
func readDir(name string) ([]fs.DirEntry, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// readRules takes in the directory's .gitignore and sees whether it is a
// virtual environment. It reports whether the directory was dropped.
func (w *Watcher) readRules(d *dir, entries []fs.DirEntry, now time.Time) (dropped bool) {
	text, venv := "", false
	for _, e := range entries {
		switch e.Name() {
		case ".gitignore":
			if b, err := ReadFile(filepath.Join(d.abs, ".gitignore")); err == nil {
				text = string(b)
			} else if !gone(err) {
				text = w.rules.files[d.path].text // what was known stays
			}
		case "pyvenv.cfg":
			venv = true
		}
	}
	w.rules.load(d.path, text)
	if !venv || d.parent == nil || d.mode != whole {
		return false
	}
	m := w.rules.reduced(d.path, false)
	if m == skipped {
		w.drop(d, now)
		return true
	}
	d.mode = m
	return false
}

// reason is the part of err that does not repeat the path.
func reason(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}

// rescan looks at every directory.
func (w *Watcher) rescan(now time.Time) {
	for _, r := range w.roots {
		if r.dir != nil {
			w.scan(r.dir, now)
		}
	}
}

// mark has a path looked at when the batch closes.
func (w *Watcher) mark(p string) {
	if _, ok := w.dirty[p]; !ok {
		w.dirty[p] = w.clock
	}
}

func (w *Watcher) markNow(p string, now time.Time) {
	w.mark(p)
	w.touch(now)
}

func (w *Watcher) touch(now time.Time) {
	if w.opened.IsZero() {
		w.opened = now
	}
	w.window.event(now)
}
