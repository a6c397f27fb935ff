package watcher

import "time"

// The batching rule, without a clock: times come in, times go out. A rest and
// a deadline; the deadline is set once per batch, or a busy tree would starve.

// window is the time during which events gather into one batch.
type window struct {
	quiet, max time.Duration
	first      time.Time // of the batch's first event; zero: no batch is open
	last       time.Time
	limit      time.Time // set by closeBy; zero: none
	soonest    time.Time // set by notBefore; zero: none
	calm       time.Duration
	calmUntil  time.Time // until then an event is followed by calm instead of quiet
}

func (w *window) open() bool { return !w.first.IsZero() }

// event opens the window or re-arms its rest.
func (w *window) event(now time.Time) {
	if !w.open() {
		w.first = now
	}
	w.last = now
}

// closeBy has an open window close at t at the latest.
func (w *window) closeBy(t time.Time) {
	if w.open() && (w.limit.IsZero() || t.Before(w.limit)) {
		w.limit = t
	}
}

// notBefore has the window stay open until t at the least.
func (w *window) notBefore(t time.Time) {
	if t.After(w.soonest) {
		w.soonest = t
	}
}

// calmly has the events until t followed by a longer rest.
func (w *window) calmly(rest time.Duration, t time.Time) {
	w.calm, w.calmUntil = max(rest, w.quiet), t
}

// due is when the window closes; zero when none is open.
func (w *window) due() time.Time {
	if !w.open() {
		return time.Time{}
	}
	rest := w.quiet
	if w.last.Before(w.calmUntil) {
		rest = w.calm
	}
	due := earliest(w.last.Add(rest), w.first.Add(w.max), w.limit)
	if w.soonest.After(due) {
		return w.soonest
	}
	return due
}

func (w *window) close() {
	w.first, w.last, w.limit, w.soonest = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// waits are the paths that were absent, empty or half-written when a batch
// closed, each with the time at which it will be believed.
type waits map[string]wait

type wait struct {
	since, until time.Time
	mark         uint64
}

// begin has path wait; a path that waits already is not extended.
func (ws waits) begin(path string, w wait) {
	if _, waiting := ws[path]; !waiting {
		ws[path] = w
	}
}

// over reports whether path has waited long enough.
func (ws waits) over(path string, now time.Time) bool {
	w, waiting := ws[path]
	return waiting && !now.Before(w.until)
}

// due is when the first wait ends; zero when nothing waits.
func (ws waits) due() time.Time {
	var due time.Time
	for _, w := range ws {
		due = earliest(due, w.until)
	}
	return due
}

// earliest returns the earliest of the times that are not zero.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
