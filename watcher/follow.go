package watcher

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Symbolic links to directories are not followed: a tree would be walked twice,
// or for ever. But where something that is named lies behind one, as in
// conf/current/.env, that directory is a root of its own, under the name of the
// link, for as long as the link leads to it.

// through says how much is watched of the directory behind a symbolic link.
func (ig *ignore) through(p string) mode {
	switch {
	case ig.ignored(p, true) == always:
		return skipped
	case slices.ContainsFunc(ig.follow, func(dir string) bool { return dir == p || strings.HasPrefix(dir, p+"/") }):
		return whole
	case ig.reduced(p, false) != skipped:
		return includedOnly
	case ig.leadsToName(p):
		return namedOnly
	}
	return skipped
}

// behind is through, and nothing where the name abs of p is no symbolic link.
func (ig *ignore) behind(p, abs string) mode {
	m := ig.through(p)
	if m == skipped {
		return skipped
	}
	if s, err := lstat(abs); err != nil || s.kind != symlink {
		return skipped
	}
	return m
}

// isFilled reports whether an installer fills a directory: no name leads into it.
func isFilled(abs string) bool {
	dir, err := os.Open(abs)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	return slices.ContainsFunc(names, func(name string) bool { return name == "pyvenv.cfg" || isInstalled(name) })
}

// follow makes a root of what is behind a symbolic link at p, where there is one
// and something that is named leads there. It reports whether that is a directory;
// where it is none yet it may become one.
func (w *Watcher) follow(p string, t fs.FileMode, now time.Time) bool {
	if t&fs.ModeSymlink == 0 {
		return false
	}
	i := slices.IndexFunc(w.roots, func(r *root) bool { return r.path == p })
	if i >= 0 {
		return w.roots[i].dir != nil
	}
	r := &root{path: p, abs: w.abs(p), link: true}
	if r.mode = w.rules.behind(p, r.abs); r.mode == skipped {
		return false
	}
	w.roots = append(w.roots, r)
	if to, err := stat(r.abs); err == nil && to.kind == directory && r.welcome() {
		w.enterRoot(r, now)
	}
	w.watchWay()
	return r.dir != nil
}

// firstLinks is how many links reportLinks names.
const firstLinks = 3

// reportLinks tells, once, which links to directories outside of all that is
// watched are not followed. Where they lead nobody may edit anything, so that is
// no problem; and one that leads to a place in the tree leaves nothing out.
func (w *Watcher) reportLinks() {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(w.dangling)) {
		to, err := filepath.EvalSymlinks(w.abs(p))
		if err != nil || w.has(to) {
			continue
		}
		if s, err := stat(to); err == nil && s.kind == directory {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return
	}
	names := strings.Join(out[:min(len(out), firstLinks)], ", ")
	if more := len(out) - firstLinks; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	w.note(false, "links out of the project are not followed but for what is named behind them: %s; watch.include: [/%s/**] has all there watched", names, out[0])
}

// has reports whether a directory, absolute and without links on its way, is in
// one of the roots.
func (w *Watcher) has(dir string) bool {
	return slices.ContainsFunc(w.roots, func(r *root) bool {
		top, err := filepath.EvalSymlinks(r.abs)
		return err == nil && below(dir, top)
	})
}

// stray reports whether a root was followed to and is not to be any more; should
// more or less of it be watched, it has moved.
func (w *Watcher) stray(r *root) bool {
	if !r.link {
		return false
	}
	m := w.rules.behind(r.path, r.abs)
	if m != skipped && m != r.mode {
		r.mode, r.moved = m, true
	}
	return m == skipped
}

// welcome reports whether a root may be entered that is a directory.
func (r *root) welcome() bool { return r.mode != namedOnly || !isFilled(r.abs) }

// follow has Walk look at the directory behind a symbolic link at p, where there
// is one and something that is named leads there.
func (w walker) follow(p, abs string, t fs.FileMode) bool {
	if t&fs.ModeSymlink == 0 {
		return false
	}
	r := root{abs: abs, mode: w.rules.behind(p, abs)}
	if info, err := os.Stat(abs); r.mode == skipped || err != nil || !info.IsDir() || !r.welcome() {
		return false
	}
	w.directory(p, abs, r.mode, true)
	return true
}
