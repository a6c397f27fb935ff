package installed

import (
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Directory is what was found in one directory of installed packages. It is
// immutable.
type Directory struct {
	Path string
	// There says that there is such a directory.
	There bool
	// Unsettled names what an installer that is at work, or was killed at it,
	// leaves: what it has put aside, a description without the list of files. It
	// has "." if the directory could not be read, and what could not be read of it:
	// for those the earlier answer holds.
	Unsettled []string

	state stamp
	infos map[string]*Distribution // by the name of their directory
}

// coarse is more than the times of files lag behind the clock.
const coarse = 50 * time.Millisecond

// Read reads a directory of installed packages; of one that is not there
// nothing is installed. It takes from was, an earlier answer for it or nil,
// what has not changed since, and returns was itself if nothing has.
func Read(path string, was *Directory) *Directory {
	d := &Directory{Path: path, state: stampOf(path), infos: map[string]*Distribution{}}
	d.There = d.state.there
	if time.Since(d.state.written) < coarse {
		d.state = stamp{} // what comes next may leave the same one
	}
	if was == nil {
		was = &Directory{}
	}
	// Distributions come and go with an entry here.
	var names []string
	if was.state == d.state && d.state.there && len(was.Unsettled) == 0 {
		names = slices.Sorted(maps.Keys(was.infos))
	} else {
		entries, err := os.ReadDir(path)
		if err != nil && !gone(err) {
			return was.unread(d)
		}
		for _, e := range entries {
			name := e.Name()
			switch {
			case strings.HasPrefix(name, "~"): // where pip keeps what it replaces
				d.Unsettled = append(d.Unsettled, name)
			case strings.HasSuffix(name, ".dist-info"), strings.HasSuffix(name, ".egg-info"):
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		dist := was.infos[name]
		if dist == nil || dist.partial || !dist.same() {
			now, err := readDistribution(path, name)
			if err != nil {
				// It is on its way here, or away, or nothing can be said of it now.
				d.Unsettled = append(d.Unsettled, name)
				switch {
				case dist != nil && !gone(err):
					d.infos[name] = dist
				case now != nil:
					now.partial = true
					d.infos[name] = now
				}
				continue
			}
			dist = now
			// RECORD is written last. The packages of a system have none, and
			// have been there all along.
			hasRecord := dist.stamps[0].there
			dist.half = !hasRecord && was.Path != "" && strings.HasSuffix(name, ".dist-info")
		}
		if dist.half {
			d.Unsettled = append(d.Unsettled, name)
		}
		d.infos[name] = dist
	}
	if was.Path == path && was.There == d.There && was.state == d.state && slices.Equal(was.Unsettled, d.Unsettled) && maps.Equal(was.infos, d.infos) {
		return was
	}
	return d
}

// unread returns what is known when a directory cannot be read, as for want of
// file descriptors: what was known of it before. Since d is of a look that
// failed, the next one starts anew.
func (d *Directory) unread(now *Directory) *Directory {
	const itself = "."
	if d.Path == "" {
		now.state, now.Unsettled = stamp{}, []string{itself}
		return now
	}
	if slices.Contains(d.Unsettled, itself) {
		return d
	}
	again := *d
	again.state, again.Unsettled = stamp{}, append(slices.Clone(d.Unsettled), itself)
	return &again
}

// Stirred reports, by one look, whether distributions may have come or gone
// since. One that was overwritten where it is gives no sign.
func (d *Directory) Stirred() bool { return stampOf(d.Path) != d.state }
