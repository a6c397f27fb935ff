package agent

import (
	"context"
	"sync"
)

// journal keeps the last entries of a stream and hands them to any number of
// readers. The writer never waits: a reader that is too slow loses the oldest
// entries and is told how many.
type journal[T any] struct {
	// weigh says what an entry weighs and limit what all may together; nil: only
	// their number is limited.
	weigh func(T) int
	limit int

	mu     sync.Mutex
	ring   []T    // guarded by mu, as is all below
	first  uint64 // sequence number of the oldest entry that is kept
	next   uint64 // sequence number of the next entry; the first is 1
	weight int    // of what is kept
	grown  chan struct{}
	closed bool
}

func newJournal[T any](size int) *journal[T] {
	return &journal[T]{ring: make([]T, size), first: 1, next: 1, grown: make(chan struct{})}
}

// add appends the entry that make returns for its sequence number.
func (j *journal[T]) add(make func(seq uint64) T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	if j.next-j.first == uint64(len(j.ring)) {
		j.forget()
	}
	entry := make(j.next)
	j.ring[j.next%uint64(len(j.ring))] = entry
	j.next++
	if j.weigh != nil {
		for j.weight += j.weigh(entry); j.weight > j.limit && j.next-j.first > 1; {
			j.forget()
		}
	}
	j.wake()
}

// forget lets go of the oldest entry. Called with mu held.
func (j *journal[T]) forget() {
	slot := &j.ring[j.first%uint64(len(j.ring))]
	if j.weigh != nil {
		j.weight -= j.weigh(*slot)
	}
	var none T
	*slot = none
	j.first++
}

// close ends the streams of readers that follow, after the last entry.
func (j *journal[T]) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed {
		j.closed = true
		j.wake()
	}
}

// wake lets everybody who waits look again. Called with mu held.
func (j *journal[T]) wake() {
	close(j.grown)
	j.grown = make(chan struct{})
}

// after returns the entries after seq that are still kept and how many were
// not. more is closed when there may be others; it is nil after close.
func (j *journal[T]) after(seq uint64) (entries []T, missed uint64, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := seq + 1
	if first < j.first {
		missed = j.first - first
		first = j.first
	}
	for s := first; s < j.next; s++ {
		entries = append(entries, j.ring[s%uint64(len(j.ring))])
	}
	if !j.closed {
		more = j.grown
	}
	return entries, missed, more
}

// last returns the sequence number of the newest entry, 0 for none.
func (j *journal[T]) last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next - 1
}

// follow calls yield with every entry after seq, and gap with the number of
// entries that were lost before them. It returns when there are no more and
// stay is not set, when the journal is closed, when ctx ends, or with the
// error of yield or gap.
func (j *journal[T]) follow(ctx context.Context, seq uint64, stay bool, gap func(uint64) error, yield func(T) error) error {
	for {
		entries, missed, more := j.after(seq)
		if missed > 0 {
			if err := gap(missed); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := yield(e); err != nil {
				return err
			}
		}
		seq += missed + uint64(len(entries))
		if len(entries) > 0 {
			continue
		}
		if !stay || more == nil {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
