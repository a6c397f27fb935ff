package watcher

// Attend has directories listened to that are no part of the tree, such as the
// one that packages are installed in: those given, absolute, in place of the
// ones of an earlier call. What happens to their entries, not below them, is
// told to Options.Stirred from when Attend returns. One that is not there is
// tried again with each audit, or when Attend is called again.
func (w *Watcher) Attend(dirs []string) {
	a := attendance{make(map[string]bool, len(dirs)), make(chan struct{})}
	for _, dir := range dirs {
		a.wanted[dir] = true
	}
	select {
	case w.attends <- a:
		<-a.done // the loop took it
	case <-w.done:
	}
}

// attendance asks for directories to be listened to.
type attendance struct {
	wanted map[string]bool
	done   chan struct{} // closed then
}

// stir tells that something has happened, or may have, in directories that are
// attended.
func (w *Watcher) stir() {
	if w.options.Stirred != nil {
		w.options.Stirred()
	}
}

// attend listens to exactly the directories that are asked for.
func (w *Watcher) attend(a attendance) {
	w.watchAside(forOthers, a.wanted)
	close(a.done)
}
