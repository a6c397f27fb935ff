package watcher

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
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
	by        source // nil: not covered
	unread    bool   // cannot be listed
	judged    int    // version of the rules that its entries were judged by
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

func (w *Watcher) uncover(d *dir) {
	if d.by == nil {
		return
	}
	if w.asides[d.abs] == nil {
		d.by.Unwatch(d.abs)
	}
	if d.by == w.fallback {
		w.polled--
		if !w.silentDev[d.id.dev] {
			w.uncovered--
		}
	}
	d.by = nil
}

// cover has a source watch the directory. It must come before the directory
// is read: what is made in between then gives an event.
func (w *Watcher) cover(d *dir) {
	if d.by != nil {
		return
	}
	if w.silentDir(d) {
		w.poll(d)
		return
	}
	err := w.main.Watch(d.abs)
	switch {
	case err == nil:
		d.by = w.main
	case gone(err), os.IsPermission(err), tooLong(err):
		// The listing will tell.
	default:
		if w.uncovered == 0 {
			w.uncoveredBy = err
		}
		w.uncovered++
		w.poll(d)
	}
}

// silentDir reports whether a file system without events begins at d or above.
func (w *Watcher) silentDir(d *dir) bool {
	if w.main.isPoll() || w.forced {
		return false
	}
	if d.parent != nil && d.parent.id.dev == d.id.dev {
		return d.parent.by != nil && d.parent.by == w.fallback && w.silentDev[d.id.dev]
	}
	kind := silent(d.abs)
	if kind == "" {
		return false
	}
	if !w.silentDev[d.id.dev] {
		w.silentDev[d.id.dev] = true
		w.note(false, "%s is on %s, which gives no events: it is polled every %v", d.path, kind, w.options.PollInterval)
	}
	return true
}

func (w *Watcher) poll(d *dir) {
	if w.fallback == nil {
		w.fallback = newPoll(w.options.PollInterval)
	}
	d.by = w.fallback
	w.polled++
}

// scan brings the table in line with the directory and all below it: it is the
// way to find out after a new directory, lost events, a look and an audit.
// Files that differ, or may, become dirty.
func (w *Watcher) scan(d *dir, now time.Time) {
	if w.stopping() {
		return
	}
	id, err := stat(d.abs)
	if err == nil && d.by != nil && !d.id.same(id) {
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
			sub := d.subs[name]
			if sub == nil {
				m := w.rules.dir(d.mode, p)
				if m == skipped || w.byAbs[filepath.Join(d.abs, name)] != nil {
					continue
				}
				sub = w.enter(d, p, filepath.Join(d.abs, name), m)
			}
			w.scan(sub, now)
			continue
		}
		if d.files[name] == nil && plain(e.Type()) && w.rules.file(d.mode, p) {
			if w.scanned && d.by != nil && d.by.isPoll() {
				w.looks[p], _ = stat(filepath.Join(d.abs, name))
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
	if d.by != nil && d.by.isPoll() {
		w.looks[p] = s
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

// rescan looks at every directory, or at those of one source.
func (w *Watcher) rescan(of source, now time.Time) {
	if of == nil || of == w.main {
		for _, r := range w.roots {
			if r.dir != nil {
				w.scan(r.dir, now)
			}
		}
		return
	}
	var tops []*dir
	for _, d := range w.dirs {
		if d.by == of && (d.parent == nil || d.parent.by != of) {
			tops = append(tops, d)
		}
	}
	for _, d := range tops {
		if w.dirs[d.path] == d {
			w.scan(d, now)
		}
	}
}

// rewatch has the sources forget all directories, which may no longer be what
// they were, so that the scan that must follow watches them anew.
func (w *Watcher) rewatch() {
	for _, d := range w.dirs {
		w.uncover(d)
	}
	for _, a := range w.asides {
		a.id = sig{}
	}
	w.checkAsides()
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

// reportUncovered tells once per walk which directories had to be polled.
func (w *Watcher) reportUncovered() {
	if w.uncovered == w.reported {
		return
	}
	if w.uncovered > w.reported {
		w.note(true, "%d of %d directories cannot be watched and are polled every %v: %s; the largest: %s",
			w.uncovered, len(w.dirs), w.options.PollInterval, limitHint(w.uncoveredBy), w.largest())
	}
	w.reported = w.uncovered
}

// largest names the subtrees with most directories, what one would ignore.
func (w *Watcher) largest() string {
	count := make(map[string]int)
	for p := range w.dirs {
		if p != "." {
			top, _, _ := strings.Cut(p, "/")
			count[top]++
		}
	}
	var tops []string
	for t := range count {
		tops = append(tops, t)
	}
	slices.SortFunc(tops, func(a, b string) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var out []string
	for _, t := range tops[:min(3, len(tops))] {
		out = append(out, fmt.Sprintf("%s (%d)", t, count[t]))
	}
	return strings.Join(out, ", ")
}

// recover tries to give polled directories back to the main source.
func (w *Watcher) recover(now time.Time) {
	if w.uncovered == 0 {
		return
	}
	for _, d := range w.dirs {
		if d.by == w.fallback && !w.silentDev[d.id.dev] {
			w.uncover(d)
		}
	}
	// The audit's walk that follows covers them again, one way or the other.
}
