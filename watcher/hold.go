package watcher

import (
	"slices"
	"time"
)

// How a Gate holds batches back. The gate looks at the disk whenever it is
// asked, so events in its directories only say when to ask.

const (
	// review is how often a hold is looked at that gives no event at its end:
	// a lock grown stale, a cap reached, a directory come back.
	review = 250 * time.Millisecond
	// afterBracket is the rest after what another program did, and wavesAfter
	// how long that rest holds: hooks and formatters follow a git merge.
	afterBracket = 150 * time.Millisecond
	wavesAfter   = time.Second
	// noteAfter is how long a hold may last before a person is told.
	noteAfter = time.Second
)

// watchGate watches the directories that the gate decides by.
func (w *Watcher) watchGate() {
	if w.options.Gate == nil {
		return
	}
	dirs := make(map[string]bool)
	for _, d := range w.options.Gate.Dirs() {
		dirs[d] = true // without events the gate is still asked before each batch
	}
	w.watchAside(forGate, dirs)
}

// workTree tells the gate of a work tree inside the tree.
func (w *Watcher) workTree(d *dir, now time.Time) {
	if w.options.Gate == nil {
		return
	}
	w.options.Gate.WorkTree(d.abs)
	w.checkHold(now)
}

// gateEvent asks the gate because something happened in its directories.
func (w *Watcher) gateEvent(now time.Time) {
	w.checkHold(now)
	if w.held == "" {
		w.noteCause(now)
	}
}

// checkHold asks what holds the tree and acts on the answer.
func (w *Watcher) checkHold(now time.Time) {
	w.watchGate() // what it decides by may be elsewhere by now
	var why string
	if w.options.Gate != nil {
		why = w.holding(w.options.Gate.Held())
	}
	if w.missing {
		why = w.options.Dir + " is missing"
	}
	switch {
	case why != "" && w.held == "":
		w.heldSince, w.heldNoted = now, false
	case why == "" && w.held != "":
		w.release(now)
	}
	if w.held = why; why == "" {
		return
	}
	w.reviewAt = now.Add(review)
	if !w.heldNoted && now.Sub(w.heldSince) >= noteAfter && w.owes() {
		w.heldNoted = true
		w.note(w.missing, "%s: changes wait until it is over", why)
	}
}

// holding returns the first of what is under way that was not overridden.
// What is over holds again the next time.
func (w *Watcher) holding(underWay []string) string {
	for what := range w.overridden {
		if !slices.Contains(underWay, what) {
			delete(w.overridden, what)
		}
	}
	for _, what := range underWay {
		if !w.overridden[what] {
			return what
		}
	}
	return ""
}

// owes reports whether there is something that a hold keeps back.
func (w *Watcher) owes() bool {
	return w.missing || len(w.dirty)+len(w.pending)+len(w.waiting) > 0
}

// release ends a hold: what gathered comes out as one batch after a rest.
func (w *Watcher) release(now time.Time) {
	if w.heldNoted {
		w.note(false, "%s: over after %v", w.held, now.Sub(w.heldSince).Round(100*time.Millisecond))
	}
	w.heldSince = time.Time{}
	w.trusted = true
	w.noteCause(now)
	if w.owes() || w.window.open() {
		w.window.close() // its deadline passed long ago
		w.touch(now)
	}
}

// override ends the present hold, whatever the gate says.
func (w *Watcher) override(now time.Time) {
	if w.held != "" && !w.missing {
		w.overridden[w.held] = true
		w.checkHold(now)
	}
}

// patienceOver lets the first batch out although the tree is held: somebody
// who starts in the middle of a rebase wants to see the project.
func (w *Watcher) patienceOver(now time.Time) bool {
	return !w.missing && now.Sub(w.heldSince) >= w.options.Max
}

// noteCause keeps what the gate says for the batch that it belongs to: the
// events of the files may come before or after.
func (w *Watcher) noteCause(now time.Time) {
	if w.options.Gate == nil {
		return
	}
	if c := w.options.Gate.Cause(); c != "" {
		w.gitCause, w.gitCauseAt = c, now
		w.window.calmly(afterBracket, now.Add(wavesAfter))
	}
}

// takeCause returns and forgets what the gate said, unless it is older than
// the batch that opened at the given time.
func (w *Watcher) takeCause(opened, now time.Time) string {
	w.noteCause(now)
	c := w.gitCause
	w.gitCause = ""
	if w.gitCauseAt.Before(opened.Add(-time.Second)) {
		return ""
	}
	return c
}
