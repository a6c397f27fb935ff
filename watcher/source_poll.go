package watcher

import (
	"sync"
	"time"
)

// pollSource says when to look. The look itself is the one that follows lost
// events: there is one way to find out what differs.
type pollSource struct {
	interval time.Duration
	events   chan event
	stop     chan struct{}
	wg       sync.WaitGroup
}

// pollShare bounds what looking costs: a look that took t is followed by a
// rest of at least pollShare*t, which is 2 % of one core.
const pollShare = 49

func newPoll(interval time.Duration) *pollSource {
	s := &pollSource{interval: interval, events: make(chan event), stop: make(chan struct{})}
	s.wg.Go(s.run)
	return s
}

func (s *pollSource) Watch(string) error   { return nil }
func (s *pollSource) Unwatch(string)       {}
func (s *pollSource) Events() <-chan event { return s.events }
func (s *pollSource) Ordered() bool        { return false }
func (s *pollSource) isPoll() bool         { return true }

func (s *pollSource) Close() error {
	close(s.stop)
	s.wg.Wait()
	return nil
}

func (s *pollSource) run() {
	defer close(s.events)
	timer := time.NewTimer(s.interval)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.stop:
			return
		}
		looked := make(chan struct{})
		var began time.Time
		select {
		case s.events <- event{op: look, looked: looked}:
			began = time.Now()
		case <-s.stop:
			return
		}
		select {
		case <-looked:
		case <-s.stop:
			return
		}
		timer.Reset(max(s.interval, pollShare*time.Since(began)))
	}
}
