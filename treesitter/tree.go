package treesitter

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// id is a file, known or not. Ids are given out by a table that all versions
// of a graph share, and never again to another path.
type id int32

// table gives ids to paths. It only grows, and says nothing about which files
// exist, so that versions of a graph can share it.
type table struct {
	mu    sync.RWMutex
	ids   map[string]id
	paths []string
}

func newTable() *table { return &table{ids: make(map[string]id)} }

// lookup returns the id of p, -1 if it has none.
func (t *table) lookup(p string) id {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if i, ok := t.ids[p]; ok {
		return i
	}
	return -1
}

// intern returns the id of p and gives it one if need be.
func (t *table) intern(p string) id {
	if i := t.lookup(p); i >= 0 {
		return i
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.ids[p]; ok {
		return i
	}
	i := id(len(t.paths))
	t.ids[p] = i
	t.paths = append(t.paths, p)
	return i
}

// path returns the path of i.
func (t *table) path(i id) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.paths[i]
}

// all returns the paths by id. The slice is not to be written to.
func (t *table) all() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.paths[:len(t.paths):len(t.paths)]
}

// pages is a slice that shares what two versions of it have in common. The
// zero value is empty; an element never set is the zero value.
type pages[T any] []*[pageSize]T

const pageSize = 128

func (p pages[T]) at(i id) (v T) {
	if n := int(i) / pageSize; n < len(p) && p[n] != nil {
		return p[n][int(i)%pageSize]
	}
	return v
}

// writer changes a copy of some pages. It copies a page when it is first
// written to.
type writer[T any] struct {
	pages pages[T]
	own   map[int]bool
}

func (p pages[T]) edit() writer[T] {
	return writer[T]{append(pages[T](nil), p...), make(map[int]bool)}
}

func (w *writer[T]) set(i id, v T) {
	n := int(i) / pageSize
	for n >= len(w.pages) {
		w.pages = append(w.pages, nil)
	}
	if !w.own[n] {
		fresh := new([pageSize]T)
		if w.pages[n] != nil {
			*fresh = *w.pages[n]
		}
		w.pages[n], w.own[n] = fresh, true
	}
	w.pages[n][int(i)%pageSize] = v
}

// dir is a directory as an importer sees it: by the names of its modules. It
// is immutable.
type dir struct {
	path    string // "" for the project directory
	modules map[string]entry

	once   sync.Once
	sorted []string // see names
}

// names returns the names of the modules but for __init__, sorted.
func (d *dir) names() []string {
	d.once.Do(func() {
		d.sorted = slices.Sorted(maps.Keys(d.modules))
		if i, ok := slices.BinarySearch(d.sorted, "__init__"); ok {
			d.sorted = slices.Delete(d.sorted, i, i+1)
		}
	})
	return d.sorted
}

// entry is what a directory holds under the name of a module.
type entry struct {
	ext []id // extension modules by path, several where several interpreters have theirs
	src id   // .py; -1 for none
	pyc id   // .pyc; -1 for none
	sub *dir // directory of that name
}

var nothing = entry{src: -1, pyc: -1}

func (e entry) empty() bool { return len(e.ext) == 0 && e.src < 0 && e.pyc < 0 && e.sub == nil }

// files returns what CPython's finder takes: an extension module before
// source, source before bytecode.
func (e entry) files() []id {
	switch {
	case len(e.ext) > 0:
		return e.ext
	case e.src >= 0:
		return []id{e.src}
	case e.pyc >= 0:
		return []id{e.pyc}
	}
	return nil
}

// lookup returns what d holds under a name; d may be nil.
func (d *dir) lookup(name string) entry {
	if d != nil {
		if e, ok := d.modules[name]; ok {
			return e
		}
	}
	return nothing
}

// moduleKind says what a file name makes of a file.
type moduleKind uint8

const (
	noModule moduleKind = iota
	sourceModule
	bytecodeModule
	extensionModule
)

// moduleName returns the name under which a directory's finder knows a file.
func moduleName(base string) (string, moduleKind) {
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" || stem[0] == '.' {
		return "", noModule
	}
	switch ext {
	case ".py":
		if strings.IndexByte(stem, '.') < 0 {
			return stem, sourceModule
		}
	case ".pyc":
		if strings.IndexByte(stem, '.') < 0 {
			return stem, bytecodeModule
		}
	case ".so", ".pyd":
		// name.so, name.abi3.so, name.cpython-313-x86_64-linux-gnu.so,
		// name.cp313-win_amd64.pyd
		stem, tag, tagged := strings.Cut(stem, ".")
		if !tagged || tag == "abi3" || tag == "abi3t" || strings.HasPrefix(tag, "cpython-") ||
			strings.HasPrefix(tag, "cp3") || strings.HasPrefix(tag, "pypy") || strings.HasPrefix(tag, "graalpy") {
			return stem, extensionModule
		}
	}
	return "", noModule
}

// treeEditor changes a copy of a tree of directories. It copies a directory
// when it is first changed.
type treeEditor struct {
	table *table
	own   map[*dir]bool
}

// owned returns d, or a copy of it if it is not this editor's yet.
func (t *treeEditor) owned(d *dir) *dir {
	if t.own[d] {
		return d
	}
	d = &dir{path: d.path, modules: maps.Clone(d.modules)}
	t.own[d] = true
	return d
}

// put returns d with the file i at the path rest below it, or without it.
// Directories left empty disappear.
func (t *treeEditor) put(d *dir, rest string, i id, present bool) *dir {
	first, below, deeper := strings.Cut(rest, "/")
	name, kind := first, noModule
	if !deeper {
		if name, kind = moduleName(first); kind == noModule {
			return d
		}
	}
	e := d.lookup(name)
	switch {
	case deeper:
		sub := e.sub
		if sub == nil {
			if !present {
				return d
			}
			sub = &dir{path: path.Join(d.path, first), modules: make(map[string]entry)}
			t.own[sub] = true
		}
		if e.sub = t.put(sub, below, i, present); len(e.sub.modules) == 0 {
			e.sub = nil
		}
	case kind == extensionModule:
		e.ext = withID(e.ext, i, present)
		slices.SortFunc(e.ext, func(a, b id) int { return strings.Compare(t.table.path(a), t.table.path(b)) })
	case kind == sourceModule:
		e.src = pick(i, present)
	case kind == bytecodeModule:
		e.pyc = pick(i, present)
	}
	d = t.owned(d)
	if e.empty() {
		delete(d.modules, name)
	} else {
		d.modules[name] = e
	}
	return d
}

func pick(i id, present bool) id {
	if present {
		return i
	}
	return -1
}

// withID returns a copy of ids with i, or without it.
func withID(ids []id, i id, present bool) []id {
	out := make([]id, 0, len(ids)+1)
	for _, j := range ids {
		if j != i {
			out = append(out, j)
		}
	}
	if present {
		out = append(out, i)
	}
	return out
}

// descend returns the directory at the path rest below d, nil if there is none.
func (d *dir) descend(rest string) *dir {
	for rest != "" && d != nil {
		var first string
		first, rest, _ = strings.Cut(rest, "/")
		d = d.lookup(first).sub
	}
	return d
}
