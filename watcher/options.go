package watcher

import "time"

// Backend names a source of events.
type Backend string

const (
	Auto     Backend = "auto"
	FSNotify Backend = "fsnotify"
	Notify   Backend = "notify"
	Poll     Backend = "poll"
)

// Options configure a [Watcher]. The zero value of every field but Dir means
// the documented default.
type Options struct {
	// Dir is the project directory, absolute. Every path is relative to it.
	Dir string
	// Roots are the directories to watch, relative to Dir; default ".".
	Roots []string
	// Backend chooses the source of events; default Auto.
	Backend Backend
	// Quiet closes a batch after this long without an event; default 20ms.
	Quiet time.Duration
	// Max closes a batch this long after its first event, however busy the
	// tree is; default 1s.
	Max time.Duration
	// Absent is how much longer a path waits, once and alone, when at closing
	// it is gone, empty or half-written; default 400ms.
	Absent time.Duration
	// PollInterval is the time between two looks of the polling source;
	// default 500ms.
	PollInterval time.Duration
	// Audit is the time between two walks that catch what gives no event
	// (hard links, lower layers, network mounts); default 60s, negative: never.
	Audit time.Duration
	// Ignore has further .gitignore patterns; they are stronger than those of
	// any file.
	Ignore []string
	// Include has patterns of paths that are never ignored: what a rule, a
	// service or an env file names. They are relative to Dir ("../x" is
	// possible), with *, ? and **; one without a slash matches at any depth.
	// An ignored directory is watched where a pattern spells it out, as
	// "build/gen/**" does and "**/*.py" does not. Patterns of wildcards alone
	// name nothing, and one that ends in "/**" or "/*" does not bring back
	// bytecode and editors' temporary files.
	Include []string
	// Named has paths that were seen to matter, such as modules that a process
	// has loaded. They are clean, relative to Dir and within Roots, and watched
	// though they are ignored: by a .gitignore, by Excludes, or as bytecode by the
	// built-in names. They are weaker than Ignore and the other built-in names, and
	// none leads into an ignored directory that an installer fills, which has an
	// entry pyvenv.cfg, conda-meta or *.dist-info. Of other ignored directories
	// what is named is watched, and nothing else. [Watcher.Name] replaces them.
	Named []string
	// Follow has directories, relative to Dir, that are watched as a whole also
	// where a symbolic link within Roots is on the way to them. Such links are
	// followed for what Include spells out and for Named as well, with no more
	// watched than that; all others to directories are not.
	Follow []string
	// Excludes is a file of .gitignore patterns, absolute, that is weaker than
	// .git/info/exclude: git's core.excludesFile. Like that one it counts only
	// in a git work tree.
	Excludes string
	// Reader reads files; default: the file's bytes from disk.
	Reader Reader
	// Expect, when not nil, is told of a file as soon as an event speaks of
	// it: the Reader will be asked for it when the batch closes, and may use
	// the time until then. It may be told of a file many times and of files
	// that nobody comes to read. It is called on the watcher's goroutine and
	// must not block.
	Expect func(path string)
	// Stirred, when not nil, is told when something has happened in a directory
	// that [Watcher.Attend] named, or may have: after lost events, with each
	// audit, and where there are no events with each look. It is called on the
	// watcher's goroutine and must not block.
	Stirred func()
	// Scratch is a directory for this watcher alone, absolute: it is emptied
	// when the watcher starts, and goes when it ends. Default: a new one among
	// the system's temporary files, which stays when the process is killed.
	Scratch string
	// Cache is a file, absolute, for this watcher alone: what was read is kept
	// there, so that the next one of the same Dir reads only files that have
	// changed since. One that is missing or no good is ignored. A Reader of
	// one's own must be a [Recaller] for it to be of use. Default: none.
	Cache string
	// Gate holds batches back while another program is in the middle of
	// changing the tree; default: never. The first batch waits for it no
	// longer than Max.
	Gate Gate
	// Overridden is what is under way and was said not to hold, to another
	// watcher of the same Dir: its Status has it. It counts as by
	// [Watcher.Override].
	Overridden []string
	// Note, when not nil, is told what a person should know: which source was
	// chosen and why, what cannot be watched. It may be called from several
	// goroutines and must not block.
	Note func(Note)

	// share is how much of a core polling may take; default pollShare. Only
	// tests are in a hurry.
	share float64
	// patience is how long a file system may take to answer; default
	// answerPatience.
	patience time.Duration
}

// Note is something about the watching itself that a person should know.
type Note struct {
	// Degraded says that some of the tree is watched by a slower way.
	Degraded bool
	// Problem says that something was or will be missed for a while: a file
	// that cannot be read, events that were lost.
	Problem bool
	// Text is one line.
	Text string
}

// A Reader reads a file once for everybody who needs its bytes, so that what
// was hashed is what was parsed. Read may be called from several goroutines.
type Reader interface {
	// Read returns what the file at path (relative to Options.Dir) holds. A
	// file that is not there gives an error for which errors.Is(err,
	// fs.ErrNotExist) holds.
	Read(path string) (Content, error)
}

// Content is what a [Reader] found in a file.
type Content struct {
	Hash Hash
	Size int64
	// Partial says that the bytes look like the first part of a file that is
	// still being written: the path then waits Options.Absent more, once.
	Partial bool
}

// A Gate tells when another program, such as git, is in the middle of
// changing the tree. Its methods are called on the watcher's goroutine.
type Gate interface {
	// Dirs returns the directories, absolute, whose entries decide Held: any
	// event in one of them makes the watcher ask again. It is asked whenever
	// Held is, and may answer differently each time.
	Dirs() []string
	// Held looks at the disk and returns what is under way, the longest
	// lasting first, such as "git rebase" and in it "git at work"; nothing
	// when the tree is at rest.
	Held() []string
	// WorkTree tells of a directory, absolute, that has an entry ".git": what
	// is done to the tree from there on may be this other work tree's. It may
	// be told more than once, and Dirs may answer differently then.
	WorkTree(dir string)
	// Cause returns what the last bracket did, such as
	// "git checkout a1b2c3..d4e5f6", and forgets it; "" when unknown.
	Cause() string
}
