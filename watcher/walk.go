package watcher

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Walk calls visit with the path of every file that a watcher with these
// options would have in its first batch and whose name is wanted. It looks at
// directories alone: no file is read but .gitignore, and none is hashed. A
// directory that cannot be read is left out, as is what comes and goes
// meanwhile.
func Walk(o Options, wanted func(name string) bool, visit func(path string)) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	w := walker{newIgnore(o.Dir, o.Ignore, o.Include, o.Excludes), make(map[string]bool), wanted, visit}
	w.rules.named, w.rules.follow = namesOf(o.Named), o.Follow
	for _, r := range rootsOf(o, w.rules) {
		w.directory(r.path, r.abs, r.mode, true)
	}
	return nil
}

type walker struct {
	rules  *ignore
	seen   map[string]bool // directories, absolute
	wanted func(string) bool
	visit  func(string)
}

func (w walker) directory(p, abs string, m mode, root bool) {
	if w.seen[abs] {
		return
	}
	w.seen[abs] = true
	open, err := os.Open(abs)
	if err != nil {
		return
	}
	entries, _ := open.ReadDir(-1)
	open.Close() // what is below may go deep
	environment, installed := w.readRules(p, abs, entries)
	if !root {
		if m = w.rules.filled(m, p, environment, installed); m == skipped {
			return
		}
	}
	for _, e := range entries {
		name, inner := e.Name(), join(p, e.Name())
		switch {
		case e.IsDir():
			if sub := w.rules.dir(m, inner); sub != skipped {
				w.directory(inner, filepath.Join(abs, name), sub, false)
			}
		case w.follow(inner, filepath.Join(abs, name), e.Type()):
		case plain(e.Type()) && w.wanted(name) && w.rules.file(m, inner):
			if e.Type().IsRegular() || isFile(filepath.Join(abs, name)) {
				w.visit(inner)
			}
		}
	}
}

// readRules takes in the directory's .gitignore, and reports whether it is a
// virtual environment, or has something installed in it.
func (w walker) readRules(p, abs string, entries []fs.DirEntry) (environment, installed bool) {
	text := ""
	for _, e := range entries {
		switch e.Name() {
		case ".gitignore":
			if b, err := ReadFile(filepath.Join(abs, ".gitignore")); err == nil {
				text = string(b)
			}
		case "pyvenv.cfg":
			environment = true
		}
		installed = installed || e.IsDir() && isInstalled(e.Name())
	}
	w.rules.load(p, text)
	return environment, installed
}

// isFile reports whether a symbolic link leads to a regular file.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
