package watcher

// fileSystem is what a directory is on.
type fileSystem struct {
	name string // "ext4"; "this file system" where it is not known
	// silent says why events are not to be had: changes made by another
	// machine, or below the file system, give none. "" where they can be
	// trusted.
	silent string
}

// elsewhere is said of file systems that others write to as well.
const elsewhere = "gives no events of changes made elsewhere"
