package watcher

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// How dirty paths become a batch.

// minSpacing and maxSpacing bound how often lost events make the loop walk the
// whole tree: a writer that outruns the queue must not keep it walking.
const (
	minSpacing = 250 * time.Millisecond
	maxSpacing = 4 * time.Second
)

// settle closes the window: it looks at the dirty paths and offers those whose
// content differs from what was handed on.
func (w *Watcher) settle(now time.Time) {
	opened := earliest(w.opened, now)
	w.opened = time.Time{}
	w.window.close()
	w.overtaken = false
	if w.lost && !now.Before(w.recoverDue()) {
		w.recoverLost(now)
	}
	if cause := w.takeCause(opened, now); cause != "" {
		w.trusted = true
		w.why = cause
	}
	for p, wait := range w.waiting {
		if !now.Before(wait.until) {
			w.dirty[p] = wait.mark
		}
	}
	dirty := w.dirty
	w.dirty = make(map[string]uint64)
	w.examine(dirty, opened)
	w.why, w.trusted = "edit", false
	w.checkHold(now) // the files were read under a bracket that had begun?
}

// settleWaits looks at the paths that have waited long enough, and leaves the
// open window alone.
func (w *Watcher) settleWaits(now time.Time) {
	ready := make(map[string]uint64)
	began := now
	for p, wait := range w.waiting {
		if !now.Before(wait.until) {
			ready[p] = wait.mark
			began = earliest(began, wait.since)
			delete(w.dirty, p)
		}
	}
	why := w.why
	w.why = "edit"
	w.examine(ready, began)
	w.why = why
	w.checkHold(now)
}

// examine looks at dirty paths, whose first event came at opened.
func (w *Watcher) examine(dirty map[string]uint64, opened time.Time) {
	paths := slices.Sorted(maps.Keys(dirty))
	empty := len(w.pending) == 0
	looked := w.lookAll(paths, w.stop)
	if w.stopping() {
		return
	}
	now := time.Now()
	moved := w.moves(paths, looked)
	for i, p := range paths {
		looked[i].sure = w.trusted || moved[p]
		w.believe(p, looked[i], dirty[p], opened, now)
	}
	if empty && len(w.pending) > 0 {
		w.first, w.cause = opened, w.why
	} else if w.trusted && len(paths) > 0 {
		w.cause = w.why
	}
	w.closed = now
}

// recoverDue is when the tree may be looked at after lost events; zero when
// none were lost.
func (w *Watcher) recoverDue() time.Time {
	if !w.lost {
		return time.Time{}
	}
	return w.lostAt.Add(w.spacing)
}

// recoverLost looks at the whole tree after lost events, with ever longer
// rests while they keep being lost.
func (w *Watcher) recoverLost(now time.Time) {
	if now.Sub(w.lostAt) < 2*max(w.spacing, minSpacing)+w.window.max {
		w.spacing = min(max(2*w.spacing, minSpacing), maxSpacing)
	} else {
		w.spacing = minSpacing
	}
	w.lost = false
	w.lostAt = now
	w.rescans++
	w.warn("events were lost: looked at the whole tree instead")
	w.rewatch()
	latest := w.clock
	w.clock = w.lostMark // what is found belongs to then, and so to every Flush since
	w.checkRoots(now)
	w.rescan(now)
	w.clock = latest
	w.armAll(now)
	w.window.close() // what the walk found belongs to this batch
	w.opened = time.Time{}
}

// believe takes in what a look found at p.
func (w *Watcher) believe(p string, f found, mark uint64, opened, now time.Time) {
	known := w.files[p]
	if !w.tracked(p) {
		f = found{sure: f.sure || w.byName[p]}
	}
	if f.isLink && f.hash == (Hash{}) {
		w.dangling[p] = true
	} else {
		delete(w.dangling, p)
	}
	if f.err != nil {
		w.unreadable(p, known, f.err)
		return
	}
	if last, polled := w.looks[p]; polled {
		delete(w.looks, p)
		f.moved = f.moved || last != f.sig // two looks must agree
	}
	if known == nil {
		if f.hash == (Hash{}) {
			delete(w.waiting, p)
			delete(w.byName, p) // whatever comes to be there is created
			return
		}
		known = &file{}
		w.files[p] = known
	}
	if f.hash != known.seen && !f.sure && !w.waiting.over(p, now) && w.doubtful(known, f) {
		w.waiting.begin(p, wait{since: opened, until: now.Add(w.options.Absent), mark: mark})
		w.offer = nil
		return
	}
	if waited, ok := w.waiting[p]; ok {
		mark = min(mark, waited.mark)
		delete(w.waiting, p)
		w.offer = nil
	}
	w.record(p, known, f)
	if known.seen != f.hash {
		known.seen = f.hash
		w.offer = nil
		if d, _ := w.dirOf(p); d != nil && d.cover.polled() {
			w.poller.changed(d, now)
		}
	}
	switch {
	case known.seen == known.handed:
		delete(w.pending, p)
		delete(w.byName, p)
		if known.seen == (Hash{}) {
			delete(w.files, p)
		}
	default:
		if _, ok := w.pending[p]; !ok {
			w.pending[p] = mark
		}
	}
}

// doubtful says that a file looks as if somebody were in the middle of saving it.
func (w *Watcher) doubtful(known *file, f found) bool {
	existed := known.seen != (Hash{})
	return f.moved || existed && (f.part || f.hash == (Hash{}) || f.size == 0)
}

// record notes how the file looked, and puts it where scans find it.
func (w *Watcher) record(p string, known *file, f found) {
	known.sig, known.read, known.link, known.noted = f.sig, f.read, f.link, false
	w.unkept++
	delete(w.links, p)
	if f.link != "" {
		w.links[p] = known
	}
	d, name := w.dirOf(p)
	if d == nil {
		return
	}
	if f.hash == (Hash{}) {
		delete(d.files, name)
	} else {
		d.files[name] = known
	}
}

// unreadable leaves the path as it was, and says so once.
func (w *Watcher) unreadable(p string, known *file, err error) {
	if known == nil {
		known = &file{}
		w.files[p] = known
	}
	delete(w.waiting, p)
	if d, name := w.dirOf(p); d != nil {
		d.files[name] = known
	}
	if !known.noted {
		known.noted = true
		w.warn("cannot read %q: %v", p, reason(err))
	}
}

// tracked reports whether p is in a watched directory and not ignored.
func (w *Watcher) tracked(p string) bool {
	d, _ := w.dirOf(p)
	return d != nil && w.rules.file(d.mode, p)
}

func (w *Watcher) dirOf(p string) (d *dir, name string) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return w.dirs["."], p
	}
	return w.dirs[p[:i]], p[i+1:]
}

// offered returns the batch to hand on, nil when there is none.
func (w *Watcher) offered() *Batch {
	if !w.scanned || w.held != "" && !(w.initial && w.patienceOver(time.Now())) {
		return nil
	}
	if len(w.pending) == 0 && !w.initial {
		return nil
	}
	if w.overtaken && w.window.open() {
		return nil // better what is there when it closes
	}
	if w.offer == nil {
		w.offer = w.build()
	}
	if len(w.offer.Changes) == 0 && !w.initial {
		return nil
	}
	return w.offer
}

// build makes a batch of what is pending. What waits is left out: it is not
// what was seen any more.
func (w *Watcher) build() *Batch {
	b := &Batch{Seq: w.seq + 1, Initial: w.initial, Cause: w.cause, First: w.first, Closed: w.closed,
		Changes: make([]Change, 0, len(w.pending))}
	if b.Initial {
		b.Cause, b.First = "scan", w.began
	}
	for _, p := range slices.Sorted(maps.Keys(w.pending)) {
		if _, waits := w.waiting[p]; waits {
			continue
		}
		f := w.files[p]
		c := Change{Path: p, Kind: Modified, Old: f.handed, New: f.seen, Named: w.byName[p]}
		switch (Hash{}) {
		case f.handed:
			c.Kind = Created
		case f.seen:
			c.Kind = Deleted
		}
		b.Changes = append(b.Changes, c)
	}
	return b
}

// handedOn notes that the batch on offer was received.
func (w *Watcher) handedOn() {
	for _, c := range w.offer.Changes {
		f := w.files[c.Path]
		f.handed = f.seen
		delete(w.pending, c.Path)
		delete(w.byName, c.Path)
		if f.handed == (Hash{}) {
			delete(w.files, c.Path)
		}
	}
	w.seq++
	w.initial = false
	w.offer = nil
}
