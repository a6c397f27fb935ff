// Package watcher turns what happens in a source tree into batches: settled
// sets of paths whose content differs from what was last handed on.
//
// Events are hints. A source says that something happened at a path; the
// path is then dirty, and when the batch closes it is looked at and compared
// with the table of what is known. So a file that was touched, rewritten with
// the same bytes, or deleted and put back is no change, and every trouble
// (lost events, a directory swapped for another, a mount, a new .gitignore)
// has one cure: look at the part of the tree in question and compare. A slow
// audit walk does the same for what gives no event at all.
//
// Promised: after [Watcher.Flush] the batches handed on add up to what is on
// disk and not ignored; a path comes once per batch; a batch holds nothing
// whose content did not change; while the reader is busy batches merge.
//
// Not promised: that every content a file had in between is seen. Files over
// 16 MiB are compared by size, time and inode instead of their bytes. Symbolic
// links to files are read through; those to directories are not followed. What
// changes through a hard link or, with fsnotify, through mmap gives no event
// and is found by the audit. A file that becomes ignored is reported as
// deleted, one that no longer is as created; where that is so by its name alone
// the change says it.
package watcher
