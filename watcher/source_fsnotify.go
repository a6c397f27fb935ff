package watcher

import (
	"errors"
	"runtime"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// fsnotifySource adds each directory by itself, so that ignored ones cost
// nothing. On Linux there is one inotify instance whose queue keeps order.
type fsnotifySource struct {
	w      *fsnotify.Watcher
	events chan event
	stop   chan struct{}
	wg     sync.WaitGroup
}

func newFSNotify() (source, error) {
	// A buffer smooths bursts; the kernel's own queue takes the rest.
	w, err := fsnotify.NewBufferedWatcher(256)
	if err != nil {
		return nil, err
	}
	s := &fsnotifySource{w: w, events: make(chan event, 64), stop: make(chan struct{})}
	s.wg.Go(s.run)
	return s, nil
}

func (s *fsnotifySource) Watch(dir string) error { return s.w.Add(dir) }

func (s *fsnotifySource) Unwatch(dir string) {
	// The kernel may have been faster, and that is all an error can say.
	_ = s.w.Remove(dir)
}

func (s *fsnotifySource) Events() <-chan event { return s.events }
func (s *fsnotifySource) Ordered() bool        { return runtime.GOOS == "linux" }

func (s *fsnotifySource) Close() error {
	close(s.stop)
	err := s.w.Close()
	s.wg.Wait()
	return err
}

func (s *fsnotifySource) run() {
	defer close(s.events)
	for {
		var e event
		select {
		case ev, ok := <-s.w.Events:
			if !ok {
				return
			}
			e = event{op: fsnotifyOp(ev.Op), path: ev.Name}
			if ev.Op == 0 {
				continue
			}
		case err, ok := <-s.w.Errors:
			if !ok {
				return
			}
			// Removing a watch that the kernel has dropped is no loss.
			if err == nil || errors.Is(err, fsnotify.ErrNonExistentWatch) {
				continue
			}
			e = event{op: lost}
		case <-s.stop:
			return
		}
		select {
		case s.events <- e:
		case <-s.stop:
			return
		}
	}
}

func fsnotifyOp(o fsnotify.Op) op {
	switch {
	case o.Has(fsnotify.Create):
		return came
	case o.Has(fsnotify.Remove), o.Has(fsnotify.Rename):
		return left
	default:
		return touched
	}
}
