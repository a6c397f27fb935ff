package agent

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"bounce/internal/control"
)

// lines keeps what services and actions write: a journal of all of it, for who
// follows, and the newest of each generation apart, so that neither a service
// that writes much nor the next generation pushes out what is looked for.
type lines struct {
	all *journal[control.Line]

	mu     sync.Mutex
	kept   map[writer]*tail
	newest map[string]int // generation, by service
}

// writer is a generation of a service, or an action, whose generation is 0.
type writer struct {
	name       string
	generation int
}

// tail is the newest lines of one writer, oldest first.
type tail struct {
	lines []control.Line
	size  int // bytes of their texts
}

// What is kept of a writer: enough to see what led to a failure. The texts are
// those of the journal as long as it has them.
const (
	tailLines = 2000
	tailBytes = 1 << 20
	// tailGenerations is of how many generations of a service.
	tailGenerations = 3
	// journalBytes is how much text the journal has: what those who follow may
	// be behind.
	journalBytes = 8 << 20
)

func newLines() *lines {
	all := newJournal[control.Line](keptLines)
	all.weigh, all.limit = func(l control.Line) int { return len(l.Text) }, journalBytes
	return &lines{all: all, kept: map[writer]*tail{}, newest: map[string]int{}}
}

// add gives the line its number and keeps it.
func (k *lines) add(line control.Line) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all.add(func(seq uint64) control.Line {
		line.Seq = seq
		return line
	})
	if line.Service != "" && line.Generation == 0 {
		line.Generation = k.newest[line.Service] // a word of the agent's own
	}
	w := writer{line.Service + line.Action, line.Generation}
	if w.generation > k.newest[w.name] {
		k.newest[w.name] = w.generation
		for old := range k.kept {
			if old.name == w.name && old.generation <= w.generation-tailGenerations {
				delete(k.kept, old)
			}
		}
	}
	t := k.kept[w]
	if t == nil {
		if w.generation != 0 && w.generation <= k.newest[w.name]-tailGenerations {
			return // of a generation that is no longer kept
		}
		t = &tail{}
		k.kept[w] = t
	}
	t.add(line)
}

func (t *tail) add(line control.Line) {
	t.lines = append(t.lines, line)
	t.size += len(line.Text)
	drop := max(0, len(t.lines)-tailLines)
	for _, l := range t.lines[:drop] {
		t.size -= len(l.Text)
	}
	for ; t.size > tailBytes; drop++ {
		t.size -= len(t.lines[drop].Text)
	}
	clear(t.lines[:drop]) // so that the texts can go
	t.lines = t.lines[drop:]
}

// choose returns the lines that a question is about, oldest first, what tells
// them from others that come, and the number of the newest line of all.
func (k *lines) choose(q control.LogQuery) (chosen []control.Line, wanted func(control.Line) bool, seq uint64, err error) {
	match, err := regexp.Compile(q.Grep)
	if err != nil {
		return nil, nil, 0, &control.Refusal{Text: fmt.Sprintf("bad regular expression %q: %v", q.Grep, err)}
	}
	tails, newest, seq := k.copy()
	generation := func(service string) int {
		if q.Generation > 0 {
			return q.Generation
		}
		return newest[service] + q.Generation // as it is now, though others may follow
	}
	wanted = func(l control.Line) bool {
		switch {
		case len(q.Services) > 0 && !slices.Contains(q.Services, l.Service+l.Action),
			l.Time.Before(q.Since):
			return false
		case q.Generation != 0 && (l.Service == "" || l.Generation != generation(l.Service)):
			return false
		}
		return match.MatchString(l.Text)
	}
	for _, lines := range tails {
		for _, l := range lines {
			if wanted(l) {
				chosen = append(chosen, l)
			}
		}
	}
	slices.SortFunc(chosen, func(a, b control.Line) int { return int(int64(a.Seq) - int64(b.Seq)) })
	if q.Tail >= 0 {
		chosen = chosen[max(0, len(chosen)-q.Tail):]
	}
	return chosen, wanted, seq, nil
}

// copy returns what is kept, the newest generation of each service, and the
// number of the newest line of all. Services write on while it is searched.
func (k *lines) copy() (tails [][]control.Line, newest map[string]int, seq uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.kept {
		tails = append(tails, slices.Clone(t.lines))
	}
	return tails, maps.Clone(k.newest), k.all.last()
}
