package watcher

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Paths that are watched one by one although they are ignored, and that change
// while the watcher runs: those of Options.Named and of Name.

// names has them, and the directories that lead to them.
type names struct {
	files, dirs map[string]bool
}

func namesOf(paths []string) names {
	n := names{make(map[string]bool, len(paths)), make(map[string]bool)}
	for _, p := range paths {
		n.files[p] = true
		for d, more := up(p); more && !n.dirs[d]; d, more = up(d) {
			n.dirs[d] = true
		}
	}
	return n
}

// up returns the directory that p is in; false for Options.Dir and those above.
func up(p string) (dir string, below bool) {
	dir = path.Dir(p)
	return dir, dir != "." && dir != "/" && dir != ".." && !strings.HasSuffix(dir, "/..")
}

// isNamed reports whether a file is watched by its name.
func (ig *ignore) isNamed(p string) bool { return ig.named.files[p] && !ig.barred(p, false) }

// leadsToName reports whether a directory is watched for a name in it.
func (ig *ignore) leadsToName(p string) bool { return ig.named.dirs[p] && !ig.barred(p, true) }

// alone reports whether a file in a directory of mode m is watched by its name
// alone. Most names are of files that count by themselves, which is seen sooner.
func (ig *ignore) alone(m mode, p string) bool {
	return m != skipped && ig.named.files[p] && !ig.counts(m, p) && ig.isNamed(p)
}

// barred reports whether a path is left out though it is named: by
// Options.Ignore or a built-in name, of it or of a directory that it is in.
func (ig *ignore) barred(p string, isDir bool) bool {
	for more := true; more; p, more = up(p) {
		if ig.bars(p, isDir) {
			return true
		}
		isDir = true
	}
	return false
}

// bars is barred for the path by itself. A process loads bytecode where there is
// no source.
func (ig *ignore) bars(p string, isDir bool) bool {
	if path.Base(p) == ".git" {
		return true
	}
	inside := inside(p)
	if m, ok := lastMatch(ig.user, inside, isDir); ok {
		return !m.negated
	}
	bytecode := !isDir && slices.Contains([]string{".pyc", ".pyo", ".pyd"}, path.Ext(p))
	_, ok := lastMatch(builtin, inside, isDir)
	return ok && !bytecode
}

// LeavesOut reports whether Ignore has a pattern for the path, or for a directory
// that it is in, so that it is not watched unless Include names it.
func (o Options) LeavesOut(p string) bool {
	user := parsePatterns(strings.Join(o.Ignore, "\n"))
	isDir := false
	for more := true; more; p, more = up(p) {
		if m, ok := lastMatch(user, inside(p), isDir); ok && !m.negated {
			return true
		}
		isDir = true
	}
	return false
}

// Name has paths watched as [Options].Named says, in place of those named there
// or by an earlier call. It returns at once. What comes and goes by it is in the
// next batch, and a Flush that begins after it covers that.
func (w *Watcher) Name(paths []string) {
	paths = slices.Clone(paths)
	w.wanted.Store(&paths)
	select {
	case w.naming <- struct{}{}:
	default: // the loop is yet to look at the one before
	}
}

// takeNames takes in what Name was last called with.
func (w *Watcher) takeNames(now time.Time) {
	wanted := w.wanted.Swap(nil)
	if wanted == nil {
		return
	}
	w.clock++
	quiet := !w.window.open()
	was := w.rules.named
	w.rules.named = namesOf(*wanted)
	var gone []string
	for p := range was.files {
		if !w.rules.named.files[p] {
			w.unname(p, now)
			gone = append(gone, p)
		}
	}
	for _, p := range gone {
		w.leave(p, now)
	}
	for p := range w.rules.named.files {
		if !was.files[p] {
			w.name(p, now)
		}
	}
	w.checkRoots(now)
	w.reportStarved()
	if quiet && w.window.open() {
		w.why = "names"
	}
}

// name looks for a file that is named from now on.
func (w *Watcher) name(p string, now time.Time) {
	known := w.files[p]
	if d, name := w.dirOf(p); known != nil && d != nil && d.files[name] == known {
		delete(w.byName, p)
		return
	}
	at := p // or the topmost directory on the way that is not in the table
	for w.dirs[path.Dir(at)] == nil {
		dir, below := up(at)
		if !below {
			return // it is in no root, or in one that is not there
		}
		at = dir
	}
	if at != p {
		d, abs := w.dirs[path.Dir(at)], w.abs(at)
		delete(d.left, path.Base(at))
		w.silence.step(0, &abs)
		if s, err := lstat(abs); err == nil && s.kind == symlink {
			w.follow(at, fs.ModeSymlink, now)
		} else if err != nil || s.kind != directory {
			return // it is found when it comes
		} else {
			w.met(d, entry{path.Base(at), fs.ModeDir}, now)
		}
	}
	d, name := w.dirOf(p)
	if d == nil || !w.rules.alone(d.mode, p) {
		return
	}
	delete(d.left, name)
	if known == nil || known.handed == (Hash{}) {
		w.byName[p] = true
	} else {
		delete(w.byName, p) // it was about to go for want of a name
	}
	w.markNow(p, now)
}

// unname lets go of a file that is named no more.
func (w *Watcher) unname(p string, now time.Time) {
	if d, name := w.dirOf(p); d != nil && d.files[name] != nil && !w.tracked(p) {
		w.byName[p] = true
		w.markNow(p, now)
	}
}

// leave drops the directories that were watched for the sake of a file that is
// named no more.
func (w *Watcher) leave(p string, now time.Time) {
	var idle *dir
	for d, _ := w.dirOf(p); d != nil && d.parent != nil; d = d.parent {
		if w.rules.dir(d.parent.mode, d.path) == skipped {
			idle = d
		}
	}
	if idle != nil {
		w.drop(idle, now)
	}
}
