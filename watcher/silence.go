package watcher

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A file system may not answer: its server is away, or the process behind it is
// stopped. A call that waits for it cannot be taken back, so the loop stands
// still with it. All that can be done is to say so, and not to keep others
// waiting: Status and Close answer nevertheless, and Flush says why it did not.
//
// Road not taken: a goroutine for each look, to leave behind the one that waits.
// Each would cost more than the look, and those left behind pile up.

// answerPatience is how long a call to a file system may take.
const answerPatience = 5 * time.Second

// silence notices calls that do not return. Its methods may be called from any
// goroutine.
type silence struct {
	patience time.Duration
	note     func(Note)
	timer    *time.Timer // runs while calls are under way
	steps    atomic.Uint64
	// calls are those under way: of the loop, then of those that read files.
	calls [1 + maxReaders]atomic.Pointer[string]
	quiet atomic.Bool // what is asked does not answer

	mu    sync.Mutex // guards what follows
	what  string     // "" when all answers
	since time.Time
	// told gets a value when something begins not to answer.
	told chan struct{}
}

func newSilence(patience time.Duration, note func(Note)) *silence {
	s := &silence{patience: patience, note: note, told: make(chan struct{}, 1)}
	s.timer = time.AfterFunc(time.Hour, s.noStep)
	s.timer.Stop()
	return s
}

// step says what is about to be asked for.
func (s *silence) step(who int, path *string) {
	s.calls[who].Store(path)
	s.steps.Add(1)
	s.timer.Reset(s.patience)
	if s.quiet.Load() {
		s.answered()
	}
}

// done says that nothing is asked for any more.
func (s *silence) done(who int) {
	s.calls[who].Store(nil)
	if who == 0 {
		s.timer.Stop()
	}
	if s.quiet.Load() {
		s.answered()
	}
}

// noStep runs when there was no step for the time of patience. That may be
// because this process did not run either, so it waits a little more.
func (s *silence) noStep() {
	before := s.steps.Load()
	time.AfterFunc(s.patience/10, func() {
		if what := s.underWay(); what != "" && s.steps.Load() == before {
			s.fall(what)
		}
	})
}

// underWay is what was asked for last by one who waits for it.
func (s *silence) underWay() string {
	for i := range s.calls {
		// Those who read files first: the loop waits for them.
		if path := s.calls[len(s.calls)-1-i].Load(); path != nil {
			return *path
		}
	}
	return ""
}

// fall notes that something does not answer.
func (s *silence) fall(what string) {
	s.mu.Lock()
	s.what, s.since = what, time.Now().Add(-s.patience)
	s.quiet.Store(true)
	select {
	case s.told <- struct{}{}:
	default:
	}
	s.mu.Unlock()
	s.say(Note{Degraded: true, Text: what + " does not answer: no change is seen until it does"})
}

// answered notes that it goes on.
func (s *silence) answered() {
	s.mu.Lock()
	what, since := s.what, s.since
	s.what = ""
	s.quiet.Store(false)
	select {
	case <-s.told:
	default:
	}
	s.mu.Unlock()
	if what != "" {
		s.say(Note{Text: fmt.Sprintf("%s answers again after %v", what, time.Since(since).Round(100*time.Millisecond))})
	}
}

func (s *silence) say(n Note) {
	if s.note != nil {
		s.note(n)
	}
}

// words says what does not answer; "" when all does.
func (s *silence) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.what == "" {
		return ""
	}
	return fmt.Sprintf("%s has not answered for %v", s.what, time.Since(s.since).Round(time.Second))
}
