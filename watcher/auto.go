package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// BackendVariable overrides Options.Backend.
const BackendVariable = "BOUNCE_WATCH"

// choice is a source and why it was taken.
type choice struct {
	backend Backend
	wanted  Backend // what would be taken if it could be had
	why     string
	forced  bool // it was asked for: no second thoughts by file system
	probe   bool // see whether there are events
}

// choose picks and opens the source. It cannot fail: looking always works.
func choose(o Options) (source, choice) {
	c := choice{backend: o.Backend, why: "as configured", forced: o.Backend != Auto}
	if v := os.Getenv(BackendVariable); v != "" {
		switch b := Backend(v); b {
		case FSNotify, Notify, Poll, Auto:
			c = choice{backend: b, why: BackendVariable + "=" + v, forced: b != Auto}
		default:
			c.why = fmt.Sprintf("%s=%s is not one of auto, fsnotify, notify, poll", BackendVariable, v)
		}
	}
	if !c.forced {
		var why string
		if c.backend, why = byFileSystem(o); c.why == "as configured" {
			c.why = why
		}
		c.probe = runtime.GOOS == "linux" // elsewhere a mode gives no event
	}
	c.wanted = c.backend
	src, err := openSource(c.backend)
	if err != nil {
		// What cannot be watched says why.
		src, c.backend = noEvents{distinct(err)}, Poll
	}
	return src, c
}

// byFileSystem chooses by what each root is on, and says why.
func byFileSystem(o Options) (Backend, string) {
	var lively, silent []string
	for _, r := range o.Roots {
		system := fileSystemOf(filepath.Join(o.Dir, filepath.FromSlash(r)))
		if system.silent == "" {
			lively = append(lively, system.name+" gives events")
		} else {
			silent = append(silent, fmt.Sprintf("%s is on %s, which %s", r, system.name, system.silent))
		}
	}
	slices.Sort(lively)
	lively = slices.Compact(lively)
	why := strings.Join(slices.Concat(lively, silent), "; ")
	if len(lively) == 0 {
		return Poll, why
	}
	if len(silent) > 0 {
		why += fmt.Sprintf(", and is polled every %v", o.PollInterval)
	}
	return FSNotify, why
}
