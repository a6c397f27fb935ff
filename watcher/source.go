package watcher

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
	// isPoll says that it only looks now and then.
	isPoll() bool
	Close() error
}

// event is one hint.
type event struct {
	op   op
	path string // absolute; "" for lost and look
	// looked, for a look, is closed when it was done, so that a source knows
	// what it costs.
	looked chan<- struct{}
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
	// look: time to look at the directories of this source.
	look
)
