package agent

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"time"

	"bounce/decider"
	"bounce/runner"
	"bounce/watcher"
)

// CPython takes bytecode for current when it was compiled from a source of the
// same size, written in the same second (cpython#75953). Before a service
// starts, the bytecode of what changed is removed. But another service that is
// still loading the older source may write it again right after that, unless
// it has ended by then: see [Agent.outlive].

// stamp is what CPython knows a source by.
type stamp struct{ second, size int64 }

// stamps has the stamp of each module that a batch has named since a time.
type stamps struct {
	since time.Time
	seen  map[string]stamp
}

func newStamps(since time.Time) stamps { return stamps{since, map[string]stamp{}} }

// note takes in a batch in the project at dir. It returns the modules of the
// batch, and for each whether bytecode of its older source could be taken for
// that of the new one.
func (s stamps) note(dir string, b watcher.Batch) map[string]bool {
	racy := map[string]bool{}
	for _, path := range modulePaths(b) {
		racy[path] = false
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			continue // deleted: there is no source to be mistaken for
		}
		now := stamp{info.ModTime().Unix(), info.Size()}
		was, known := s.seen[path]
		if !known {
			// The older source was written before anybody looked.
			was = stamp{min(now.second, s.since.Unix()), now.size}
		}
		// A second to spare for file systems that round.
		racy[path] = now.size == was.size && max(now.second-was.second, was.second-now.second) < 2
		s.seen[path] = now
	}
	return racy
}

// prune forgets modules that are gone, once they may be most of what is known:
// one that comes back is taken for new.
func (s stamps) prune(there tree) {
	if len(s.seen) > 2*len(there)+spareNames {
		maps.DeleteFunc(s.seen, func(path string, _ stamp) bool { _, ok := there[path]; return !ok })
	}
}

// spareNames is how many names of files that are gone may be kept besides.
const spareNames = 1024

const (
	// loadTime is how long a service is taken to be loading modules that does
	// not show when it is ready, and startTime the same for one that nobody has
	// told to end: it may be waiting for the very service that is to start.
	loadTime  = 5 * time.Second
	startTime = time.Second
	// outliveInterval is the time between two looks at who still does.
	outliveInterval = 2 * time.Millisecond
)

// outlive waits while another service could write bytecode of an older source
// that the named one would run. It does so for edits of the same size in about
// the same second alone, and for services that are still loading alone: most
// of them are about to be ended for the same edit.
func (a *Agent) outlive(ctx context.Context, name string) {
	r := a.view().services[name]
	if r == nil {
		return // a reload has removed it
	}
	reach := r.version.Files
	loading := func() bool { return a.generations.loading(name, reach, a.run.Status(), time.Now()) }
	if !loading() {
		return
	}
	tick := time.NewTicker(outliveInterval)
	defer tick.Stop()
	for loading() {
		select {
		case <-tick.C:
		case <-a.stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}

// loading reports whether a process of a service other than name may be loading
// the older source of one of the files in reach.
func (g *generations) loading(name string, reach decider.Files, all []runner.Status, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range all {
		gen := g.get(s.Name)
		switch {
		case s.Name == name, gen.last == nil, gen.ready:
			continue
		case s.Generation != gen.number:
			continue // its process is gone, and the next one is yet to start
		case s.PID == nil && s.State != runner.StateStarting && s.State != runner.StateStopping:
			continue
		case s.Started != nil && now.Sub(*s.Started) >= loadTime:
			continue
		case s.Started != nil && now.Sub(*s.Started) >= startTime && s.State != runner.StateStopping:
			continue
		}
		for path, racy := range gen.touched {
			if racy && reach.Has(path) && gen.last.Files.Has(path) {
				return true
			}
		}
	}
	return false
}
