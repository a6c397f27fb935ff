package watcher

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// How each directory of the table is watched: by events where they can be had,
// by looking at it where they cannot.

// coverage says how changes in a directory are noticed.
type coverage uint8

const (
	uncovered coverage = iota
	byEvents
	byLooks // its file system gives no events, or looking was asked for
	forWant // by looks as well, for want of a watch
)

func (c coverage) polled() bool { return c == byLooks || c == forWant }

// retryEvery is the time between two tries to have watches after all.
const retryEvery = 10 * time.Second

// cover has the directory watched. It must come before the directory is read:
// what is made in between then gives an event.
func (w *Watcher) cover(d *dir) {
	if d.cover != uncovered {
		return
	}
	if w.mute(d) {
		w.poll(d, byLooks)
		return
	}
	err := w.listen(d.abs, d.id)
	switch {
	case err == nil:
		d.cover = byEvents
	case gone(err), os.IsPermission(err), tooLong(err):
		// The listing will tell.
	case errors.Is(err, errNoEvents):
		w.poll(d, byLooks)
	default:
		if w.starved++; w.starved == 1 {
			w.starvedBy = err
			w.retryAt = time.Now().Add(w.retryEvery())
		}
		w.poll(d, forWant)
	}
}

func (w *Watcher) poll(d *dir, how coverage) {
	d.cover = how
	w.poller.add(d)
}

func (w *Watcher) uncover(d *dir) {
	switch d.cover {
	case byEvents:
		if w.asides[d.abs] == nil {
			w.unlisten(d.abs)
		}
	case forWant:
		w.starved--
		w.poller.remove(d)
	case byLooks:
		w.poller.remove(d)
	}
	d.cover = uncovered
}

// mute reports whether no events are to be expected from the directory: it is
// at the top of a file system that gives none, or below such a one.
func (w *Watcher) mute(d *dir) bool {
	if w.chosen.forced {
		return false
	}
	if d.parent == nil {
		r := w.rootOf(d)
		return r.mute || fileSystemOf(d.abs).silent != ""
	}
	if d.parent.id.dev == d.id.dev {
		return d.parent.cover == byLooks
	}
	system := fileSystemOf(d.abs)
	if system.silent == "" {
		return false
	}
	w.note(false, "%s is on %s, which %s: it is polled every %v", d.path, system.name, system.silent, w.options.PollInterval)
	return true
}

func (w *Watcher) rootOf(d *dir) *root {
	i := slices.IndexFunc(w.roots, func(r *root) bool { return r.abs == d.abs })
	return w.roots[i]
}

// rewatch has the source forget all directories, which may no longer be what
// they were, so that the scan that must follow watches them anew.
func (w *Watcher) rewatch() {
	for _, d := range w.dirs {
		if d.cover == byEvents {
			w.uncover(d)
		}
	}
	for dir, a := range w.asides {
		a.id = sig{}
		w.unlisten(dir)
	}
	w.checkAsides()
}

// retryEvery is how long to wait before watches are tried for again.
func (w *Watcher) retryEvery() time.Duration {
	if w.options.Audit > 0 {
		return min(retryEvery, w.options.Audit)
	}
	return retryEvery
}

// retry sees whether there are watches to be had by now for the directories
// that are polled for want of them.
func (w *Watcher) retry(now time.Time) {
	w.retryAt = time.Time{}
	if w.starved == 0 {
		return
	}
	w.retryAt = now.Add(w.retryEvery())
	if !w.reopen() {
		return
	}
	for _, d := range w.dirs {
		if d.cover != forWant {
			continue
		}
		if w.listen(d.abs, d.id) != nil {
			return
		}
		w.unlisten(d.abs)
		break
	}
	for _, d := range w.dirs {
		if d.cover == forWant {
			w.uncover(d)
		}
	}
	w.rescan(now)
	w.reportStarved()
}

// reopen tries again to have a source of events where there was none to be
// had. It reports whether there is one.
func (w *Watcher) reopen() bool {
	if _, none := w.main.(noEvents); !none {
		return true
	}
	src, err := openSource(w.chosen.wanted)
	if err != nil {
		return false
	}
	w.main = src
	w.chosen.backend = w.chosen.wanted
	w.checkAsides()
	if src.Ordered() {
		w.makeCookies()
	}
	return true
}

// reportStarved tells, when their number has changed much, which directories
// have to be polled and what would help.
func (w *Watcher) reportStarved() {
	switch {
	case w.starved == 0 && w.reported > 0:
		w.note(false, "watching with %s again: no directory has to be polled any more", w.chosen.backend)
	case w.starved > 2*w.reported:
		w.note(true, "%s", w.starvedWords()+"; "+w.relief())
	default:
		return
	}
	w.reported = w.starved
}

// starvedWords says how many directories are polled for want of watches, and
// which limit it is.
func (w *Watcher) starvedWords() string {
	return fmt.Sprintf("%d of %d directories are polled every %v instead of watched: %s",
		w.starved, len(w.dirs), w.options.PollInterval, limitHint(w.starvedBy, len(w.dirs)-w.starved))
}

// relief says what to ignore in order to need fewer watches.
func (w *Watcher) relief() string {
	var names, lines []string
	for _, b := range largest(w.dirs, 3) {
		names = append(names, fmt.Sprintf("%s (%d directories)", b.path, b.dirs))
		lines = append(lines, "/"+b.path+"/")
	}
	if len(names) == 0 {
		return "there is no directory to ignore"
	}
	return fmt.Sprintf("or ignore what is large, %s: watch.ignore: [%s]", strings.Join(names, ", "), strings.Join(lines, ", "))
}

// branch is a directory and how many there are from it on.
type branch struct {
	path string
	dirs int
}

// largest returns the n largest branches, of those that are not most of the
// tree themselves, and none inside another.
func largest(dirs map[string]*dir, n int) []branch {
	count := make(map[string]int)
	for _, d := range dirs {
		for up := d; up != nil && up.parent != nil; up = up.parent {
			count[up.path]++
		}
	}
	var all []branch
	for p, c := range count {
		if 2*c <= len(dirs) || !strings.Contains(p, "/") {
			all = append(all, branch{p, c})
		}
	}
	slices.SortFunc(all, func(a, b branch) int {
		if a.dirs != b.dirs {
			return b.dirs - a.dirs
		}
		return strings.Compare(a.path, b.path)
	})
	var out []branch
	for _, b := range all {
		inside := slices.ContainsFunc(out, func(o branch) bool { return within(b.path, o.path) || within(o.path, b.path) })
		if !inside && len(out) < n {
			out = append(out, b)
		}
	}
	return out
}
