package watcher

import "errors"

// A source tells of changes in the directories it was given. Its events are
// hints: they may come late, twice, or about something that is no more. It
// must either tell of a change or say that it lost some.
type source interface {
	// Watch covers the entries of one directory, not of those below it, from
	// the moment it returns. Watching a directory again covers what is now
	// under that name.
	Watch(dir string) error
	// Unwatch undoes Watch; unknown directories are ignored.
	Unwatch(dir string)
	// Events is closed by Close.
	Events() <-chan event
	// Ordered says that events come in the order of what they tell of, over
	// all directories.
	Ordered() bool
	Close() error
}

// event is one hint.
type event struct {
	op   op
	path string // absolute; "" for lost
}

type op uint8

const (
	// touched: the file at path was written or its attributes changed.
	touched op = iota
	// came: there is a new entry at path, or another than before.
	came
	// left: the entry at path is no longer there.
	left
	// lost: events are missing; all directories have to be looked at.
	lost
)

// errNoEvents is why nothing can be watched where looking was asked for.
var errNoEvents = errors.New("there are no events")

// noEvents is the source where there is none: every directory is polled. Its
// error says why.
type noEvents struct{ error }

func (s noEvents) Watch(string) error   { return s.error }
func (s noEvents) Unwatch(string)       {}
func (s noEvents) Events() <-chan event { return nil }
func (s noEvents) Ordered() bool        { return false }
func (s noEvents) Close() error         { return nil }

// openSource opens a source of events.
func openSource(b Backend) (source, error) {
	switch b {
	case Poll:
		return noEvents{errNoEvents}, nil
	case Notify:
		return newNotify()
	default:
		return newFSNotify()
	}
}
