package watcher

import (
	"path/filepath"
	"slices"
	"time"
)

// What the source is asked to watch. The kernel watches directories, not
// names: one that was moved is watched on under the name it had, as far as the
// source knows, and asking for it under its new name gives the old watch, which
// goes when the old name is let go of. So a directory is known by what it is,
// and has one watch, whatever its names: one that it lost is let go of before
// the source is asked anew, and what happens in it is told of under each that
// it has.

// inode is what a directory is, whatever its name. The zero inode is that of a
// system that does not say; there every name is watched for itself.
type inode struct{ dev, number uint64 }

func (s sig) node() inode { return inode{s.dev, s.inode} }

// ear is one watch of the source.
type ear struct {
	node  inode
	label string   // what the source calls the directory
	names []string // those under which it is watched; label may have been one
}

// ears has the watches of the source, each under all that it may be asked for.
type ears struct {
	byNode  map[inode]*ear
	byLabel map[string]*ear
	byName  map[string]*ear
}

func newEars() ears {
	return ears{make(map[inode]*ear), make(map[string]*ear), make(map[string]*ear)}
}

// listen has the source watch a directory under a name, absolute; id is what it
// was a moment ago. Other names that lose their watch by that are seen to.
func (w *Watcher) listen(name string, id sig) error {
	node := id.node()
	if node == (inode{}) {
		return w.main.Watch(name)
	}
	if e := w.ears.byName[name]; e != nil && e.node != node {
		w.unlisten(name)
	}
	var deaf []string
	if e := w.ears.byNode[node]; e != nil && e.label != name {
		if now, err := stat(e.label); err == nil && now.same(id) {
			w.ears.attach(e, name) // two names: a symbolic link is on the way to one
			return nil
		}
		deaf = w.deafen(e)
	}
	if e := w.ears.byLabel[name]; e != nil && e.node != node {
		deaf = append(deaf, w.deafen(e)...)
	}
	err := w.main.Watch(name)
	now := id
	if err == nil {
		now, err = stat(name)
	}
	switch {
	case err == nil && now.same(id):
		w.ears.open(node, name)
	case w.ears.byLabel[name] != nil:
		deaf = append(deaf, w.deafen(w.ears.byLabel[name])...)
	default:
		w.main.Unwatch(name)
	}
	for _, other := range deaf {
		w.relisten(other)
	}
	if err == nil && !now.same(id) {
		// Another has that name by now, and the watch is its own, or that of
		// another name of it. An event that is on its way tells of this.
		return w.listen(name, now)
	}
	return err
}

// unlisten is the reverse of listen. Names that are not listened to are ignored.
func (w *Watcher) unlisten(name string) {
	e := w.ears.byName[name]
	if e == nil {
		if w.ears.byLabel[name] == nil {
			w.main.Unwatch(name)
		}
		return
	}
	delete(w.ears.byName, name)
	e.names = slices.DeleteFunc(e.names, func(n string) bool { return n == name })
	if len(e.names) == 0 {
		w.deafen(e)
	}
}

// deafen ends a watch, and returns the names that it was for.
func (w *Watcher) deafen(e *ear) (names []string) {
	w.main.Unwatch(e.label)
	w.ears.close(e)
	return e.names
}

// relisten looks again at a directory that has lost its watch, and at all below:
// it may have been moved, and events may have gone with the watch. One that is
// about to be watched is looked at anyway.
func (w *Watcher) relisten(name string) {
	if a := w.asides[name]; a != nil {
		a.id = sig{}
		w.checkAside(name, a)
	}
	d, now := w.byAbs[name], time.Now()
	if d == nil || d.cover != byEvents {
		return
	}
	w.uncover(d)
	if d.parent == nil {
		w.rootOf(d).moved = true
		w.checkRoots(now)
	} else {
		w.scan(d, now)
	}
}

// told returns the other names of what an event tells of: of the directory that
// it happened in, and of the directory itself. A watch whose directory has left
// its label is over, whatever the source makes of it.
func (w *Watcher) told(e event, parent, name string) (others []string) {
	if in := w.ears.byLabel[parent]; in != nil && !in.alone() {
		for _, n := range in.names {
			if n != parent {
				others = append(others, filepath.Join(n, name))
			}
		}
	}
	self := w.ears.byLabel[e.path]
	if self == nil && e.op == left {
		// The source may not tell that it is gone under its label; and another
		// made in its place may well get its number.
		self = w.ears.byName[e.path]
	}
	if self != nil && e.op != came {
		names := self.names
		if e.op == left {
			names = w.deafen(self)
		}
		for _, n := range names {
			if n != e.path && !slices.Contains(others, n) {
				others = append(others, n)
			}
		}
	}
	return others
}

// alone reports whether a watch is for its label only.
func (e *ear) alone() bool { return len(e.names) == 1 && e.names[0] == e.label }

func (s ears) open(node inode, name string) {
	e := s.byNode[node]
	if e == nil {
		e = &ear{node: node, label: name}
		s.byNode[node], s.byLabel[name] = e, e
	}
	s.attach(e, name)
}

func (s ears) attach(e *ear, name string) {
	if s.byName[name] != e {
		s.byName[name] = e
		e.names = append(e.names, name)
	}
}

func (s ears) close(e *ear) {
	delete(s.byNode, e.node)
	delete(s.byLabel, e.label)
	for _, n := range e.names {
		delete(s.byName, n)
	}
}
