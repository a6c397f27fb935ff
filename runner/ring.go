package runner

import (
	"slices"
	"sync"
)

// kept is the last lines of the last generations of a service.
type kept struct {
	limit int // lines per generation

	mu          sync.Mutex
	generations []*tail // the oldest first; at most keptGenerations
	serving     int     // it is kept, however many successors of it have failed
}

// The generation before is kept too: when a restart fails, what the old one
// said at its end is part of the story.
const keptGenerations = 2

// serves notes which generation is the current one.
func (k *kept) serves(generation int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.serving = generation
}

// tail is the last lines of one generation; its lock is that of kept.
type tail struct {
	generation int
	lines      []Line // a ring once it is full
	next       int    // where the next line goes in a full ring
}

func (k *kept) add(l Line) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.of(l.Generation)
	if t == nil {
		return
	}
	if len(t.lines) < k.limit {
		t.lines = append(t.lines, l)
		return
	}
	t.lines[t.next] = l
	t.next = (t.next + 1) % k.limit
}

// of finds or makes the tail of a generation; nil for one that is no longer
// kept.
func (k *kept) of(generation int) *tail {
	for _, t := range k.generations {
		if t.generation == generation {
			return t
		}
	}
	if n := len(k.generations); n > 0 && generation < k.generations[n-1].generation && generation != k.serving {
		return nil
	}
	t := &tail{generation: generation}
	k.generations = append(k.generations, t)
	slices.SortFunc(k.generations, func(a, b *tail) int { return a.generation - b.generation })
	if len(k.generations) > keptGenerations {
		oldest := slices.IndexFunc(k.generations, func(t *tail) bool { return t.generation != k.serving })
		k.generations = slices.Delete(k.generations, oldest, oldest+1)
	}
	return t
}

// last returns up to n lines in the order in which they came, of one
// generation, or of all for 0. Of two that have run at once, each line stands
// where its time puts it.
func (k *kept) last(generation, n int) []Line {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []Line
	for _, t := range k.generations {
		if generation == 0 || t.generation == generation {
			lines = append(lines, t.lines[t.next:]...)
			lines = append(lines, t.lines[:t.next]...)
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	return lines[max(0, len(lines)-n):]
}
