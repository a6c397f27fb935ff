package watcher

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// state is what the loop owns.
type state struct {
	main   source
	chosen choice
	poller poller

	roots    []*root
	listing  uint64 // numbers the listings of directories
	buffer   []byte // for them
	rules    *ignore
	dirs     map[string]*dir
	byAbs    map[string]*dir
	asides   map[string]*aside
	ears     ears
	way      map[string][]*root // what is on the way to which roots, themselves included
	files    map[string]*file
	links    map[string]*file // those files that are symbolic links
	dangling map[string]bool  // links that lead to no file
	byName   map[string]bool  // those that come or go by their names: see Change.Named

	starved, reported int // directories polled for want of watches; when last told of
	starvedBy         error
	retryAt           time.Time

	// clock numbers the events; dirty, waiting and pending keep the number
	// at which a path's story began, for Flush.
	clock   uint64
	dirty   map[string]uint64 // to be looked at when the window closes
	waiting waits             // looked at, not believed yet
	pending map[string]uint64 // seen differs from handed
	looks   map[string]sig    // what a look saw of files that are polled
	recalls *recalls          // during the first walk; nil when nothing is known
	unkept  int               // files recorded since Options.Cache was written

	window window
	opened time.Time // first event since files were last looked at
	why    string    // what the next look at files is about
	first  time.Time // of the batch on offer
	closed time.Time
	cause  string
	seq    uint64
	offer  *Batch // built from pending, nil when that changed
	// overtaken: a path that is pending has become dirty again.
	overtaken bool
	initial   bool // the first batch has not been handed on
	scanned   bool

	lost     bool   // all directories have to be looked at
	lostMark uint64 // the event that said so first
	lostAt   time.Time
	spacing  time.Duration
	rescans  uint64
	auditAt  time.Time
	reviewAt time.Time // when to ask again about a hold

	missing    bool   // the project directory is not there
	held       string // what holds the batches back, the first of what is under way
	heldSince  time.Time
	heldNoted  bool
	overridden map[string]bool // what is under way and was said not to hold
	trusted    bool            // a bracket ended: what is absent now is meant to be
	gitCause   string
	gitCauseAt time.Time
	began      time.Time

	cookies string // directory, "" when the source keeps no order
	cookie  uint64
	waiters []*flush
}

func newState(o Options, src source, chosen choice) state {
	s := state{
		main:     src,
		chosen:   chosen,
		buffer:   make([]byte, 32<<10),
		rules:    newIgnore(o.Dir, o.Ignore, o.Include, o.Excludes),
		dirs:     make(map[string]*dir),
		byAbs:    make(map[string]*dir),
		asides:   make(map[string]*aside),
		ears:     newEars(),
		files:    make(map[string]*file),
		links:    make(map[string]*file),
		dangling: make(map[string]bool),
		byName:   make(map[string]bool),
		dirty:    make(map[string]uint64),
		waiting:  make(waits),
		pending:  make(map[string]uint64),
		looks:    make(map[string]sig),
		poller:   poller{interval: o.PollInterval, share: o.share},
		window:   window{quiet: o.Quiet, max: o.Max},

		overridden: make(map[string]bool, len(o.Overridden)),
		initial:    true,
		began:      time.Now(),
	}
	for _, what := range o.Overridden {
		s.overridden[what] = true
	}
	s.rules.named, s.rules.follow = namesOf(o.Named), o.Follow
	s.roots = rootsOf(o, s.rules)
	return s
}

// rootsOf returns the directories that are watched: the given ones, and those
// outside of them that include patterns name.
func rootsOf(o Options, rules *ignore) []*root {
	var roots []*root
	add := func(p string, m mode) {
		roots = append(roots, &root{path: p, abs: filepath.Join(o.Dir, filepath.FromSlash(p)), mode: m})
	}
	for _, r := range o.Roots {
		add(r, whole)
	}
	var extra []string
	for _, d := range rules.outside() {
		covered := false
		for _, r := range o.Roots {
			covered = covered || within(d, r)
		}
		if !covered {
			extra = append(extra, d)
		}
	}
	for _, d := range outermost(extra) {
		add(d, includedOnly)
	}
	return roots
}

// run is the loop: the only goroutine that touches state.
func (w *Watcher) run() {
	defer close(w.done)
	defer w.finish()
	w.begin()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !w.stopping() {
		now := time.Now()
		w.act(now)
		w.publish()
		w.answer(now)

		var out chan<- Batch
		var batch Batch
		if b := w.offered(); b != nil {
			out, batch = w.out, *b
		}
		if at := w.next(); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
		w.silence.done(0)
		select {
		case e, ok := <-w.main.Events():
			if ok {
				w.drain(e)
			}
		case f := <-w.flushes:
			w.beginFlush(f, time.Now())
		case asked := <-w.attends:
			w.attend(asked)
		case <-w.naming:
			w.takeNames(time.Now())
		case <-w.resumes:
			w.override(time.Now())
		case <-w.pulse.gaps:
			// Much may have changed that gave no event, or none that was kept.
			w.audit(time.Now())
		case out <- batch:
			w.handedOn()
		case <-timer.C:
		case <-w.stop:
		}
	}
}

func (w *Watcher) stopping() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// begin watches the tree and reads it for the first time.
func (w *Watcher) begin() {
	w.note(false, "watching with %s: %s", w.chosen.wanted, w.chosen.why)
	if w.main.Ordered() {
		w.makeCookies()
	}
	now := time.Now()
	w.recalls = beginRecalls(w.options, w.reader, w.silence)
	w.watchGate()
	w.watchAside(forRules, w.rules.above.dirs())
	w.checkRoots(now)
	w.reportStarved()
	w.probe(now)
	w.touch(now)
	w.trusted = true
	w.why = "scan"
	w.endRecalls(now)
	w.settle(now)
	w.scanned = true
	w.reportLinks()
	w.closed = time.Now()
	w.planAudit()
	w.checkHold(w.closed)
}

func (w *Watcher) finish() {
	w.pulse.stop()
	w.main.Close()
	w.saveCache(true)
	w.saving.Wait()
	if w.cookies != "" {
		os.RemoveAll(w.cookies)
	}
	for _, f := range w.waiters {
		f.done <- ErrClosed
	}
	w.cancel()
	close(w.out)
}

// drain takes in an event and those that are there already.
func (w *Watcher) drain(e event) {
	now := time.Now()
	for range 1024 {
		w.clock++
		w.take(e, now)
		select {
		case next, ok := <-w.main.Events():
			if !ok {
				return
			}
			e = next
		default:
			return
		}
	}
}

// take turns one event into dirty paths.
func (w *Watcher) take(e event, now time.Time) {
	if e.op == lost {
		if !w.lost {
			w.lostMark = w.clock
		}
		w.lost, w.why = true, "rescan after overflow"
		w.stir()
		w.touch(now)
		return
	}
	parent, name := filepath.Dir(e.path), filepath.Base(e.path)
	for _, other := range w.told(e, parent, name) {
		w.takeAs(event{e.op, other}, filepath.Dir(other), filepath.Base(other), now)
	}
	w.takeAs(e, parent, name, now)
}

// takeAs is take for one name of what the event tells of.
func (w *Watcher) takeAs(e event, parent, name string, now time.Time) {
	w.heard(e.path)
	if w.cookies != "" && parent == w.cookies {
		if n, err := strconv.ParseUint(name, 10, 64); err == nil {
			w.arm(n, now)
		}
		return
	}
	if a := w.asides[e.path]; a != nil && e.op == left {
		a.id = sig{}
		w.checkAside(e.path, a)
	}
	if w.serves(parent, forGate) || w.serves(e.path, forGate) {
		w.gateEvent(now)
	}
	if _, leads := w.way[e.path]; leads || e.op == left && w.serves(e.path, forWay) {
		w.rootEvent(e, now)
	}
	if w.serves(parent, forOthers) || w.serves(e.path, forOthers) {
		w.stir()
	}
	if w.serves(parent, forRules) && w.rules.above.has(e.path) {
		w.reloadRules(now)
	}
	d := w.byAbs[parent]
	if d == nil {
		return
	}
	p := join(d.path, name)
	if e.op != touched {
		w.markLinks(d, now)
	}
	if len(w.links) > 0 {
		if e.op != touched && (d.subs[name] != nil || w.links[p] != nil) {
			w.markAllLinks(now) // it may be on the way of any of them
		}
		w.markLinksTo(e.path, now)
	}
	if sub := d.subs[name]; sub != nil {
		if e.op == touched {
			if sub.unread {
				w.scan(sub, now)
			}
			return
		}
		w.drop(sub, now)
		e.op = came // without order "left" may be the older news
	}
	if name == ".gitignore" || name == "pyvenv.cfg" || d.mode == namedOnly && isInstalled(name) {
		w.scan(d, now)
	}
	if name == ".git" && e.op == came {
		w.workTree(d, now)
	}
	if e.op == came && w.arrived(d, p, name, now) {
		return
	}
	if w.dirs[d.path] == d && (d.files[name] != nil || w.rules.file(d.mode, p)) {
		w.markNow(p, now)
		if w.options.Expect != nil && e.op != left {
			w.options.Expect(p)
		}
	}
}

// arrived looks what has come at p, and reports whether it was a directory.
func (w *Watcher) arrived(d *dir, p, name string, now time.Time) bool {
	for link := range w.dangling { // it may be what they wait for
		w.markNow(link, now)
	}
	abs := filepath.Join(d.abs, name)
	w.silence.step(0, &abs)
	s, err := lstat(abs)
	if err != nil || s.kind != directory {
		if err == nil && s.kind == symlink {
			w.markAllLinks(now) // as above
			w.follow(p, fs.ModeSymlink, now)
		}
		return false
	}
	if d.files[name] != nil {
		w.markNow(p, now) // was a file
	}
	m := w.rules.dir(d.mode, p)
	if m == skipped || w.byAbs[abs] != nil || w.dirs[d.path] != d {
		return true
	}
	sub := w.enter(d, p, abs, m)
	sub.id = s
	w.scan(sub, now)
	w.reportStarved()
	return true
}

// markLinks has the links in d looked at again: something there was replaced,
// maybe a directory link that they lead through, as in Kubernetes volumes.
func (w *Watcher) markLinks(d *dir, now time.Time) {
	for p := range w.links {
		if path.Dir(p) == d.path {
			w.markNow(p, now)
		}
	}
}

// markAllLinks has every link looked at again: a directory or a link has come,
// gone or moved, and any link may lead through it.
func (w *Watcher) markAllLinks(now time.Time) {
	for p := range w.links {
		w.markNow(p, now)
	}
}

// markLinksTo has the links looked at that lead to the file at abs.
func (w *Watcher) markLinksTo(abs string, now time.Time) {
	for p, f := range w.links {
		if f.link == abs {
			w.markNow(p, now)
		}
	}
}

// next is when act has something to do; zero: never.
func (w *Watcher) next() time.Time {
	var closing, waited, again time.Time
	switch {
	case w.held != "":
		again = w.reviewAt
	case w.window.open():
		closing, waited = w.window.due(), w.waiting.due()
	default:
		closing, waited = w.recoverDue(), w.waiting.due()
	}
	return earliest(closing, waited, again, w.auditAt, w.cookieDue(), w.poller.due, w.retryAt, w.probeDue())
}

// act does what is due.
func (w *Watcher) act(now time.Time) {
	if !w.auditAt.IsZero() && !now.Before(w.auditAt) {
		w.audit(now)
	}
	if due(w.probeDue(), now) {
		w.unheard(now)
	}
	if due(w.retryAt, now) {
		w.retry(now)
	}
	if due(w.poller.due, now) {
		w.lookAround(now)
	}
	if w.held != "" && !now.Before(w.reviewAt) {
		w.checkRoots(now)
		w.checkHold(now)
	}
	if w.held != "" {
		return
	}
	closing, waited := w.closing(now), due(w.waiting.due(), now)
	if !closing && !waited {
		return
	}
	if w.checkHold(now); w.held != "" {
		return
	}
	if closing {
		w.settle(now)
	} else {
		w.settleWaits(now)
	}
}

// closing reports whether it is time to look at everything that is dirty.
func (w *Watcher) closing(now time.Time) bool {
	if w.window.open() {
		return due(w.window.due(), now)
	}
	return due(w.recoverDue(), now)
}

func due(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// audit walks the tree for what gave no event.
func (w *Watcher) audit(now time.Time) {
	w.clock++
	quiet := !w.window.open()
	w.lookOutside(now)
	w.rescan(now)
	w.reportStarved()
	if quiet && w.window.open() {
		w.why = "audit"
	}
	w.saveCache(false)
	w.planAudit()
}

func (w *Watcher) planAudit() {
	if w.options.Audit > 0 {
		w.auditAt = time.Now().Add(w.options.Audit)
	}
}

// degraded reports whether directories are polled that should not have to be.
func (w *Watcher) degraded() bool {
	if w.starved > 0 {
		return true
	}
	for _, r := range w.roots {
		if r.mute {
			return true
		}
	}
	return false
}

// publish refreshes the snapshot for Status.
func (w *Watcher) publish() {
	s := Status{
		Backend: w.chosen.backend, Why: w.chosen.why,
		Dirs: len(w.dirs), Polled: len(w.poller.dirs), Files: len(w.files),
		Degraded: w.degraded(),
		Held:     w.held, Since: w.heldSince,
		Overridden: slices.Sorted(maps.Keys(w.overridden)),
		Scanned:    w.scanned,
		Batches:    w.seq, Rescans: w.rescans,
	}
	if w.starved > 0 {
		s.Why += "; " + w.starvedWords()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = s
}
