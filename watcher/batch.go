package watcher

import "time"

// Hash is the SHA-256 of a file's bytes. The zero Hash stands for "no file".
type Hash = [32]byte

// Kind says how a path differs from what the watcher knew before.
type Kind uint8

const (
	Created Kind = iota + 1
	Modified
	Deleted
)

// Change is one path whose content differs from the last batch that named it.
type Change struct {
	// Path is relative to [Options.Dir], slash-separated and clean, without
	// a leading "./". A path outside Dir begins with "../". File names are
	// bytes: a Path need not be valid UTF-8.
	Path string
	Kind Kind
	// Named says that the path has come, or gone, because it is named from now on,
	// or no more: nobody has created or deleted it. In the first batch it says that
	// the path is there for its name alone.
	Named bool
	// Old and New are the hashes before and after; zero where there is no file.
	Old, New Hash
}

// Batch is one settled set of changes, judged by what is on disk and not by
// which events arrived. A path appears once, and only if its content differs.
type Batch struct {
	// Seq numbers the batches of one watcher from 1.
	Seq uint64
	// Initial marks the first batch: the whole tree, every file Created.
	Initial bool
	// Cause says in a few words what brought the batch about: "scan", "edit",
	// "git checkout", "rescan after overflow", "audit".
	Cause string
	// First and Closed are when its first event came and when it was closed.
	First, Closed time.Time
	// Changes is sorted by Path.
	Changes []Change
}
