package watcher

// Attend has directories listened to that are no part of the tree, such as the
// one that packages are installed in: those given, absolute, in place of the
// ones of an earlier call. What happens to their entries, not below them, is
// told to Options.Stirred. One that is not there is tried again with each
// audit, or when Attend is called again.
func (w *Watcher) Attend(dirs []string) {
	wanted := make(map[string]bool, len(dirs))
	for _, dir := range dirs {
		wanted[dir] = true
	}
	select {
	case w.attends <- wanted:
	case <-w.done:
	}
}

// stir tells that something has happened, or may have, in directories that are
// attended.
func (w *Watcher) stir() {
	if w.options.Stirred != nil {
		w.options.Stirred()
	}
}

// attend listens to exactly these directories.
func (w *Watcher) attend(wanted map[string]bool) { w.watchAside(forOthers, wanted) }
