package watcher

import (
	"runtime"
	"slices"
	"time"
)

// Where there are no events, the loop looks at directories now and then: at
// those where something changed lately each time, at the others in turn, as
// many as a small share of one core allows. So a small tree is looked at whole
// each time, and in a large one an edit is seen at once where people work and
// a few seconds later elsewhere.

const (
	// pollShare is the share of one core that looking may take. What comes
	// with it, such as collecting garbage, stays within 2 %.
	pollShare = 0.016
	// hotFor is how long a directory counts as one where people work.
	hotFor = 10 * time.Minute
	// glances is how often in a row a directory may be found to be as it was
	// without being listed: there are file systems that forget to say.
	glances = 3
)

// poller knows the directories that are polled. It has no clock.
type poller struct {
	interval time.Duration
	share    float64 // of a core
	dirs     []*dir  // in the order of the round
	at       int     // where the round goes on
	// hot are those that changed lately, the latest first when sorted.
	hot    []*dir
	sorted bool
	due    time.Time // of the next look; zero: nothing is polled
}

// spot is what the poller notes of a directory.
type spot struct {
	index   int // in poller.dirs
	hot     bool
	latest  time.Time // when something changed there
	glances int       // since it was listed
}

func (p *poller) add(d *dir) {
	d.spot = spot{index: len(p.dirs)}
	p.dirs = append(p.dirs, d)
	if p.due.IsZero() {
		p.due = time.Now().Add(p.interval)
	}
}

func (p *poller) remove(d *dir) {
	last := len(p.dirs) - 1
	p.dirs[d.spot.index] = p.dirs[last]
	p.dirs[d.spot.index].spot.index = d.spot.index
	p.dirs[last] = nil
	p.dirs = p.dirs[:last]
	if d.spot.hot {
		p.hot = slices.DeleteFunc(p.hot, func(h *dir) bool { return h == d })
	}
	if last == 0 {
		p.due = time.Time{}
	}
}

// changed notes that something changed in a directory.
func (p *poller) changed(d *dir, at time.Time) {
	if !at.After(d.spot.latest) {
		return
	}
	d.spot.latest = at
	p.sorted = false
	if !d.spot.hot {
		d.spot.hot = true
		p.hot = append(p.hot, d)
	}
}

// latest returns the directories that changed lately, the latest first.
func (p *poller) latest(now time.Time) []*dir {
	if !p.sorted {
		slices.SortFunc(p.hot, func(a, b *dir) int { return b.spot.latest.Compare(a.spot.latest) })
		p.sorted = true
	}
	for n := len(p.hot); n > 0 && now.Sub(p.hot[n-1].spot.latest) > hotFor; n-- {
		p.hot[n-1].spot.hot = false
		p.hot = p.hot[:n-1]
	}
	return slices.Clone(p.hot)
}

// turn returns the next directory of the round.
func (p *poller) turn() *dir {
	if p.at >= len(p.dirs) {
		p.at = 0
	}
	p.at++
	return p.dirs[p.at-1]
}

// rest is how long to wait after a look that took so much of a core.
func (p *poller) rest(took time.Duration) time.Duration {
	return max(p.interval, time.Duration(float64(took)/p.share))
}

// lookAround looks at the polled directories whose turn it is.
func (w *Watcher) lookAround(now time.Time) {
	runtime.LockOSThread() // whose time is taken
	defer runtime.UnlockOSThread()
	began := threadTime()
	spent := func() time.Duration { return threadTime() - began }
	// However slow the file system is, others want to be heard as well.
	late := func() bool { return time.Since(now) > w.poller.interval/2 }

	w.lookOutside(now)
	w.checkHold(now)
	allowed := time.Duration(w.poller.share * float64(w.poller.interval))
	looked := make(map[*dir]bool)
	for _, d := range w.poller.latest(now) {
		if spent() > allowed/2 || late() {
			break
		}
		looked[d] = true
		w.glance(d, now)
	}
	for range w.poller.dirs {
		if len(w.poller.dirs) == 0 {
			break
		}
		if d := w.poller.turn(); !looked[d] {
			w.glance(d, now)
		}
		if spent() > allowed || late() {
			break
		}
	}
	w.reportStarved()
	if len(w.poller.dirs) > 0 {
		w.poller.due = time.Now().Add(w.poller.rest(spent()))
	}
}

// lookGap returns the least time between two looks at a file that have to agree
// before a change is believed.
func (p *poller) lookGap() time.Duration { return min(p.interval/10, 50*time.Millisecond) }

// sawFirst notes what the first of the two looks saw. It reports whether that is
// news: looking again must not keep a batch open.
func (w *Watcher) sawFirst(p string, s sig) bool {
	if _, dirty := w.dirty[p]; dirty && w.looks[p] == s {
		return false
	}
	w.looks[p] = s
	w.window.notBefore(time.Now().Add(w.poller.lookGap()))
	return true
}

// lookAt looks at one directory, unless it was dropped meanwhile.
func (w *Watcher) lookAt(d *dir, now time.Time) {
	if w.dirs[d.path] == d {
		w.scanOne(d, now)
	}
}

// glance looks at one directory, and lists it only when something in it differs
// or it has not been listed for a while: of the time that a look takes, listing
// is a third.
func (w *Watcher) glance(d *dir, now time.Time) {
	if d.spot.glances < glances && w.asListed(d) {
		d.spot.glances++
		return
	}
	d.spot.glances = 0
	w.lookAt(d, now)
}

// asListed reports whether a directory has the entries that it had, and each of
// its files looks as it did.
func (w *Watcher) asListed(d *dir) bool {
	if w.dirs[d.path] != d || d.unread || d.judged != w.rules.version || d.id.racy(d.read) {
		return false
	}
	w.silence.step(0, &d.path)
	open, err := openDirectory(d.abs)
	if err != nil {
		return false
	}
	defer open.close()
	if id, err := open.id(); err != nil || id != d.id {
		return false
	}
	for name, f := range d.files {
		if _, differs := f.compare(d, open, name); differs {
			return false
		}
	}
	return true
}
