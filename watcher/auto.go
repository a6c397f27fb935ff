package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// BackendVariable overrides Options.Backend.
const BackendVariable = "BOUNCE_WATCH"

// choice is a source and why it was taken.
type choice struct {
	backend  Backend
	why      string
	degraded bool
}

// choose picks and opens the source. It cannot fail: looking always works.
func choose(o Options) (source, choice) {
	backend, why := o.Backend, "as configured"
	if v := os.Getenv(BackendVariable); v != "" {
		switch b := Backend(v); b {
		case FSNotify, Notify, Poll, Auto:
			backend, why = b, BackendVariable+"="+v
		default:
			why = fmt.Sprintf("%s=%s is not one of fsnotify, notify, poll", BackendVariable, v)
		}
	}
	if backend == Auto {
		if kinds := silentRoots(o); len(kinds) == len(o.Roots) {
			return newPoll(o.PollInterval), choice{Poll, "no events from " + strings.Join(kinds, ", "), false}
		}
		if o.Backend == Auto && why == "as configured" {
			why = "the file system gives events"
		}
	}
	var src source
	var err error
	switch backend {
	case Poll:
		return newPoll(o.PollInterval), choice{Poll, why, false}
	case Notify:
		src, err = newNotify()
	default:
		backend = FSNotify
		src, err = newFSNotify()
	}
	if err != nil {
		return newPoll(o.PollInterval), choice{Poll, limitHint(err), true}
	}
	return src, choice{backend, why, false}
}

// silentRoots names the file systems of the roots that give no events.
func silentRoots(o Options) []string {
	var kinds []string
	for _, r := range o.Roots {
		if kind := silent(filepath.Join(o.Dir, filepath.FromSlash(r))); kind != "" {
			kinds = append(kinds, fmt.Sprintf("%s (%s)", r, kind))
		}
	}
	return kinds
}
