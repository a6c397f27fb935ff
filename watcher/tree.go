package watcher

import (
	"io/fs"
	"maps"
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
	id        sig       // when it was listed, or before
	read      time.Time // when it was listed
	cover     coverage
	spot      spot
	unread    bool   // cannot be listed
	judged    int    // version of the rules that its entries were judged by
	listed    uint64 // the listing of its parent that it was last in
	worktree  bool   // has an entry .git
	// left are the entries that are left out, by the rules as judged.
	left map[string]fs.FileMode
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
	w.silence.step(0, &d.path)
	open, err := openDirectory(d.abs)
	if err != nil {
		w.cannotScan(d, err, now)
		return
	}
	fresh := w.compare(d, open, now)
	open.close() // what is new may go deep
	for _, e := range fresh {
		if w.dirs[d.path] == d {
			w.met(d, e, now)
		}
	}
}

// compare brings what is known of a directory in line with it, and returns the
// entries that are not known yet.
func (w *Watcher) compare(d *dir, open openDir, now time.Time) (fresh []entry) {
	if id, err := open.id(); err == nil {
		if d.cover != uncovered && !d.id.same(id) {
			// Another directory under the same name: a mount, or made again.
			w.uncover(d)
		}
		d.id = id
	}
	d.read = time.Now()
	if w.cover(d); w.dirs[d.path] != d {
		return nil // it was found under another name meanwhile
	}
	fresh, err := w.list(d, open, now)
	if err != nil {
		w.cannotScan(d, err, now)
		return nil
	}
	if w.dirs[d.path] != d {
		return nil // an environment, as it turned out
	}
	d.unread = false
	again := d.judged != w.rules.version
	d.judged = w.rules.version
	for _, sub := range d.subs {
		switch {
		case sub.listed != w.listing:
			w.drop(sub, now)
		case again && w.rules.dir(d.mode, sub.path) != sub.mode:
			w.drop(sub, now)
			fresh = append(fresh, entry{path.Base(sub.path), fs.ModeDir})
		}
	}
	for name, f := range d.files {
		if again && !w.rules.file(d.mode, join(d.path, name)) || w.differs(d, open, name, f) {
			w.markNow(join(d.path, name), now)
		}
	}
	if w.recalls != nil {
		fresh = w.recall(d, fresh)
	}
	return fresh
}

// entry is what a listing says of a name.
type entry struct {
	name string
	mode fs.FileMode
}

// list reads the directory, and the rules that it has for itself. It returns
// the entries that are not known yet.
func (w *Watcher) list(d *dir, open openDir, now time.Time) (fresh []entry, err error) {
	w.listing++
	rules, environment, installed, worktree := false, false, false, false
	left, kept := d.left, 0
	if d.judged != w.rules.version {
		left = nil
	}
	err = open.each(w.buffer, func(name []byte, t fs.FileMode) {
		switch string(name) {
		case ".gitignore":
			rules = true
		case "pyvenv.cfg":
			environment = true
		case ".git":
			worktree = true
		}
		if t.IsDir() {
			installed = installed || isInstalled(name)
			if sub := d.subs[string(name)]; sub != nil {
				sub.listed = w.listing
				return
			}
		} else if d.files[string(name)] != nil {
			return
		}
		if was, ok := left[string(name)]; ok && was == t {
			kept++
		} else {
			fresh = append(fresh, entry{string(name), t})
		}
	})
	if err != nil {
		return nil, err
	}
	w.readRules(d, rules, environment, installed, now)
	if worktree && !d.worktree {
		w.workTree(d, now)
	}
	d.worktree = worktree
	switch {
	case d.judged != w.rules.version:
		for name, t := range left { // may count now
			fresh = append(fresh, entry{name, t})
		}
		d.left = nil
	case len(d.left) > 2*kept+16: // most are gone
		d.left = nil
	}
	return fresh, nil
}

// met takes in an entry that is not known.
func (w *Watcher) met(d *dir, e entry, now time.Time) {
	p := join(d.path, e.name)
	switch {
	case e.mode.IsDir():
		if d.subs[e.name] != nil {
			return
		}
		abs := filepath.Join(d.abs, e.name)
		if m := w.rules.dir(d.mode, p); m != skipped && w.byAbs[abs] == nil {
			w.scan(w.enter(d, p, abs, m), now)
			return
		}
	case w.follow(p, e.mode, now):
		return
	case plain(e.mode) && w.rules.file(d.mode, p):
		if w.scanned && d.cover.polled() {
			if s, _ := stat(filepath.Join(d.abs, e.name)); !w.sawFirst(p, s) {
				return
			}
		}
		w.firstByName(d, p)
		w.markNow(p, now)
		return
	}
	if d.left == nil {
		d.left = make(map[string]fs.FileMode)
	}
	d.left[e.name] = e.mode
}

// cannotScan drops a directory that is gone, and leaves one that cannot be read
// as it was.
func (w *Watcher) cannotScan(d *dir, err error, now time.Time) {
	switch {
	case gone(err) && d.parent != nil:
		w.drop(d, now)
	case gone(err): // checkRoots will see to it
	case !d.unread:
		d.unread = true
		w.warn("cannot watch %q: %v", d.path, reason(err))
	}
}

// plain leaves out what is never opened: FIFOs, sockets, devices.
func plain(t fs.FileMode) bool { return t.IsRegular() || t&fs.ModeSymlink != 0 }

// differs reports whether a known file may hold other bytes than when read, and
// whether that is news.
func (w *Watcher) differs(d *dir, open openDir, name string, f *file) bool {
	s, differs := f.compare(d, open, name)
	return differs && (f.link != "" && s == sig{} || !d.cover.polled() || w.sawFirst(join(d.path, name), s))
}

// compare looks at a known file, and reports whether it may hold other bytes
// than when read. A link that leads elsewhere has no sig.
func (f *file) compare(d *dir, open openDir, name string) (s sig, differs bool) {
	var err error
	if f.link != "" {
		abs := filepath.Join(d.abs, name)
		if target, e := filepath.EvalSymlinks(abs); e != nil || target != f.link {
			return sig{}, true
		}
		s, err = stat(abs)
	} else {
		s, err = open.lstat(name)
	}
	if err != nil {
		s = sig{}
		if !gone(err) {
			return s, false
		}
	}
	return s, s != f.sig || f.sig.racy(f.read)
}

// firstByName notes, on the first walk, that a file is there for its name alone.
func (w *Watcher) firstByName(d *dir, p string) {
	if !w.scanned && w.rules.alone(d.mode, p) {
		w.byName[p] = true
	}
}

// isInstalled reports whether the name of a directory says that an installer
// fills the one it is in.
func isInstalled[S string | []byte](name S) bool {
	return string(name) == "conda-meta" || strings.HasSuffix(string(name), ".dist-info")
}

// readRules takes in the directory's .gitignore, and drops or reduces a
// virtual environment, or what else an installer fills.
func (w *Watcher) readRules(d *dir, rules, environment, installed bool, now time.Time) {
	text := ""
	if rules {
		if b, err := ReadFile(filepath.Join(d.abs, ".gitignore")); err == nil {
			text = string(b)
		} else if !gone(err) {
			text = w.rules.files[d.path].text // what was known stays
		}
	}
	w.rules.load(d.path, text)
	if d.parent == nil {
		return
	}
	if m := w.rules.filled(d.mode, d.path, environment, installed); m == skipped {
		w.drop(d, now)
	} else {
		d.mode = m
	}
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
	if _, ok := w.dirty[p]; ok {
		return
	}
	w.dirty[p] = w.clock
	if _, pending := w.pending[p]; pending {
		w.overtaken = true
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
