package watcher

import "path"

// A file that has gone waits before its absence is believed: it may be in the
// middle of a save. One that is found under another name was renamed, and that
// is no part of any save, so both names come in one batch. The events would
// tell as well, on some systems; what is on disk tells on all of them, also
// after lost events.

// moves returns which of the paths, with what a look found at each, are gone
// because their file has another name now.
func (w *Watcher) moves(paths []string, looked []found) map[string]bool {
	type file struct{ dev, inode uint64 }
	at := make(map[file]int)
	for i, f := range looked {
		if f.sig.kind == regular && f.sig.inode != 0 && !f.isLink {
			at[file{f.sig.dev, f.sig.inode}] = i
		}
	}
	moved := make(map[string]bool)
	for i, p := range paths {
		known := w.files[p]
		if known == nil || known.sig.kind != regular || looked[i].sig.kind != nothing || looked[i].err != nil {
			continue
		}
		// An inode is given to another file at once when it is free: the rest
		// must fit too. A backup has another extension.
		if j, ok := at[file{known.sig.dev, known.sig.inode}]; ok && looked[j].hash == known.seen &&
			looked[j].sig.mtime == known.sig.mtime && path.Ext(paths[j]) == path.Ext(p) {
			moved[p] = true
		}
	}
	return moved
}
