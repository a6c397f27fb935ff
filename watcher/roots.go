package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The directories that were given to watch, and the way that leads to them.

// root is a directory that was given to watch.
type root struct {
	path, abs string
	mode      mode
	link      bool      // it was followed to: see follow
	dir       *dir      // nil while it does not exist
	moved     bool      // it left its name, or came to it: no longer what is watched
	mute      bool      // no events come from it, whatever it is on
	probed    time.Time // when an event must have come; zero: none is waited for
}

// lookOutside sees to what decides about the tree from outside of it.
func (w *Watcher) lookOutside(now time.Time) {
	w.reloadRules(now)
	w.checkRoots(now)
	w.checkAsides()
	w.stir()
}

// checkRoots finds roots that are no longer the directory they were: removed,
// renamed, made again, a symbolic link on the way turned to another place.
func (w *Watcher) checkRoots(now time.Time) {
	for _, r := range slices.Clone(w.roots) { // more may be found on the way
		w.silence.step(0, &r.path)
		id, err := stat(r.abs)
		stray := w.stray(r)
		exists := err == nil && id.kind == directory && !stray
		moved := r.moved
		r.moved = false
		if r.dir != nil && exists && r.dir.id.same(id) && !moved {
			continue
		}
		if stray {
			w.roots = slices.DeleteFunc(slices.Clone(w.roots), func(other *root) bool { return other == r })
		}
		if exists = exists && r.welcome(); r.dir == nil && !exists {
			continue
		}
		if r.dir != nil {
			w.drop(r.dir, now)
			r.dir = nil
		}
		if exists {
			w.enterRoot(r, now)
		}
		w.touch(now)
	}
	w.watchWay()
	_, err := stat(w.options.Dir)
	if missing := err != nil && gone(err); missing != w.missing {
		w.missing = missing
		w.checkAsides()
		w.checkHold(now)
		w.trusted = false // one that is back may still be filling
	}
}

// enterRoot takes in the directory that a root is.
func (w *Watcher) enterRoot(r *root, now time.Time) {
	r.dir = w.enter(nil, r.path, r.abs, r.mode)
	w.scan(r.dir, now)
}

// rootEvent takes in an event about a root, or about a link on the way to one.
func (w *Watcher) rootEvent(e event, now time.Time) {
	if e.op != touched {
		// The watch may have gone along with the directory, which may be back
		// by now.
		for _, r := range w.way[e.path] {
			r.moved = true
		}
	}
	w.checkRoots(now)
}

// watchWay watches what leads to the roots: the directory that each is in, those
// above, and those in which the symbolic links lie that it is reached through. A
// root that is removed, made again, or swapped by such a link or with a
// directory above gives no event itself.
func (w *Watcher) watchWay() {
	dirs, way := make(map[string]bool), make(map[string][]*root)
	lead := func(name string, roots ...*root) {
		dirs[filepath.Dir(name)] = true
		for _, step := range wayTo(name) {
			way[step] = append(way[step], roots...)
			if dir := filepath.Dir(step); !dirs[dir] && !busy(dir) {
				dirs[dir] = true
			}
		}
	}
	for _, r := range w.roots {
		lead(r.abs, r)
	}
	lead(w.options.Dir)
	w.way = way
	w.watchAside(forWay, dirs)
}

// busy reports whether a directory is one like /tmp, in which things happen all
// the time, or the topmost. What a way goes through in it is watched itself, and
// tells when it is moved.
func busy(dir string) bool {
	info, err := os.Stat(dir)
	return err != nil || info.Mode()&os.ModeSticky != 0 || filepath.Dir(dir) == dir
}

// below reports whether an absolute path is dir or in it.
func below(path, dir string) bool {
	sep := string(filepath.Separator)
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, sep)+sep)
}

// wayTo returns all that is on the way to name, itself included: directories,
// symbolic links, and what is on the way to where these lead.
func wayTo(name string) []string {
	var way []string
	for range 40 { // as many as the kernel follows
		link, target := firstLink(name)
		last := name
		if link != "" {
			last = link
		}
		for step := filepath.Clean(last); filepath.Dir(step) != step; step = filepath.Dir(step) {
			way = append(way, step)
		}
		if link == "" {
			break
		}
		name = resolve(filepath.Dir(link), target) + strings.TrimPrefix(name, link)
	}
	return way
}

// firstLink returns the first symbolic link on the way to name.
func firstLink(name string) (link, target string) {
	name = filepath.Clean(name)
	for i := 1; i <= len(name); i++ {
		if i < len(name) && !os.IsPathSeparator(name[i]) {
			continue
		}
		if target, err := os.Readlink(name[:i]); err == nil {
			return name[:i], target
		}
	}
	return "", ""
}
