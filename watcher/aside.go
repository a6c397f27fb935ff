package watcher

// Directories outside the table are watched as well where something happens
// that decides about it. Each may be watched for several reasons at once, and
// be in the table besides.

// purpose is why a directory is watched aside; purposes add up.
type purpose uint8

const (
	// forGate: the gate asks for it.
	forGate purpose = 1 << iota
	// forWay: it holds a root, or a symbolic link on the way to one.
	forWay
	// forRules: it holds an ignore file that is outside the tree.
	forRules
	// forOthers: somebody else asked to be told.
	forOthers
)

// aside is one directory that is watched aside.
type aside struct {
	purposes purpose
	id       sig // of the directory that is watched; zero when it is not
}

// watchAside has exactly the wanted directories watched for one purpose.
func (w *Watcher) watchAside(why purpose, wanted map[string]bool) {
	for dir, a := range w.asides {
		if a.purposes&why == 0 || wanted[dir] {
			continue
		}
		if a.purposes &^= why; a.purposes != 0 {
			continue
		}
		delete(w.asides, dir)
		if w.byAbs[dir] == nil {
			w.unlisten(dir)
		}
	}
	for dir := range wanted {
		a := w.asides[dir]
		if a == nil {
			a = &aside{}
			w.asides[dir] = a
		}
		a.purposes |= why
		w.checkAside(dir, a)
	}
}

// checkAsides watches anew what was removed and made again.
func (w *Watcher) checkAsides() {
	for dir, a := range w.asides {
		w.checkAside(dir, a)
	}
}

// checkAside watches a directory unless it is watched already. Where that
// cannot be done the audit stands in.
func (w *Watcher) checkAside(dir string, a *aside) {
	id, err := stat(dir)
	switch {
	case err != nil:
		a.id = sig{}
	case a.id.same(id):
	case w.listen(dir, id) == nil:
		a.id = id
	}
}

// serves reports whether dir is watched aside for a purpose.
func (w *Watcher) serves(dir string, why purpose) bool {
	a := w.asides[dir]
	return a != nil && a.purposes&why != 0
}
