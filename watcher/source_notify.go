package watcher

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rjeczalik/notify"
)

// notifySource uses rjeczalik/notify. What has to be known about it:
//
//   - It sends without waiting and drops what does not fit. A channel found
//     nearly full therefore counts as lost events.
//   - It hides the overflow of the kernel's queue. A queue that overflowed
//     was full, so every half queue of events counts as lost events too.
//   - It passes each event on in a goroutine of its own, so there is no order:
//     Ordered is false, and Flush looks at the whole tree.
//   - It takes a directory for watched until told otherwise, also when it was
//     deleted and made again. Only [notify.Stop] makes it forget, and that
//     works per channel: so each directory has its own channel.
//   - It resolves symbolic links: paths are put back under the name given.
type notifySource struct {
	events chan event
	stop   chan struct{}
	wg     sync.WaitGroup
	// passed counts events; at each multiple of half the queue some may have
	// been lost.
	passed    atomic.Int64
	halfQueue int64

	// dirs is owned by the caller of Watch and Unwatch.
	dirs map[string]notifyWatch
}

type notifyWatch struct {
	c    chan notify.EventInfo
	done chan struct{}
}

// notifyBuffer is how many events of one directory may be under way.
const notifyBuffer = 512

func newNotify() (source, error) {
	return &notifySource{
		events: make(chan event, 64),
		stop:   make(chan struct{}),
		dirs:   make(map[string]notifyWatch),

		halfQueue: max(queueLength()/2, 1),
	}, nil
}

func (s *notifySource) Watch(dir string) error {
	s.Unwatch(dir)
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	w := notifyWatch{make(chan notify.EventInfo, notifyBuffer), make(chan struct{})}
	if err := notify.Watch(real, w.c, notifyEvents...); err != nil {
		return err
	}
	s.dirs[dir] = w
	s.wg.Go(func() { s.forward(w, dir, real) })
	return nil
}

func (s *notifySource) Unwatch(dir string) {
	if w, ok := s.dirs[dir]; ok {
		notify.Stop(w.c)
		close(w.done)
		delete(s.dirs, dir)
	}
}

func (s *notifySource) Events() <-chan event { return s.events }
func (s *notifySource) Ordered() bool        { return false }

func (s *notifySource) Close() error {
	close(s.stop)
	for dir := range s.dirs {
		s.Unwatch(dir)
	}
	s.wg.Wait()
	close(s.events)
	return nil
}

// forward passes on the events of one directory.
func (s *notifySource) forward(w notifyWatch, dir, real string) {
	for {
		select {
		case info := <-w.c:
			// One event was just taken; when no other has come in between,
			// a full channel now has one place.
			missed := len(w.c) >= notifyBuffer-1 || s.passed.Add(1)%s.halfQueue == 0
			e := event{op: notifyOp(info.Event()), path: info.Path()}
			if real != dir {
				if rest, ok := strings.CutPrefix(e.path, real); ok {
					e.path = dir + rest
				}
			}
			if !s.send(w, e) || missed && !s.send(w, event{op: lost}) {
				return
			}
		case <-w.done:
			return
		case <-s.stop:
			return
		}
	}
}

func (s *notifySource) send(w notifyWatch, e event) bool {
	select {
	case s.events <- e:
		return true
	case <-w.done:
		return false
	case <-s.stop:
		return false
	}
}
