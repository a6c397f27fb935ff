package watcher

import (
	"os"
	"time"
)

// A file system that is said to give events may not do so: under an emulated
// kernel, say. So each root is probed: its mode is set to what it is, which
// changes nothing and gives an event.

// probePatience is how long the event of a probe may take.
const probePatience = 5 * time.Second

// probe has each root that is watched by events give one, where we may.
func (w *Watcher) probe(now time.Time) {
	if !w.chosen.probe {
		return
	}
	for _, r := range w.roots {
		if r.dir == nil || r.dir.cover != byEvents {
			continue
		}
		if info, err := os.Stat(r.abs); err == nil && os.Chmod(r.abs, info.Mode()) == nil {
			r.probed = now.Add(probePatience)
		}
	}
}

// heard notes that there are events from path.
func (w *Watcher) heard(path string) {
	for _, r := range w.roots {
		if !r.probed.IsZero() && below(path, r.abs) {
			r.probed = time.Time{}
		}
	}
}

// probeDue is when the first probe will have failed; zero: none is under way.
func (w *Watcher) probeDue() time.Time {
	var due time.Time
	for _, r := range w.roots {
		due = earliest(due, r.probed)
	}
	return due
}

// unheard polls the roots whose probes have failed.
func (w *Watcher) unheard(now time.Time) {
	for _, r := range w.roots {
		if !due(r.probed, now) {
			continue
		}
		r.probed = time.Time{}
		r.mute, r.moved = true, true
		w.note(true, "no events come from %s (%s): it is polled every %v", r.path, fileSystemOf(r.abs).name, w.options.PollInterval)
	}
	w.checkRoots(now)
}
