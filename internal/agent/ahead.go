package agent

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"sync"
	"time"

	"bounce/watcher"
)

// A batch closes when nothing has come for watch.quiet. That rest is used to
// parse what is likely to be in the batch, since parsing is the longest step
// from a save to a decision: 4 ms for a file of 20 KB. Being wrong costs only
// the work: what was parsed is kept by the hash of its bytes, and Read hashes
// what is on disk when the batch closes.

// ahead has what was parsed before anybody asked for it.
type ahead struct {
	bell chan struct{} // rings when a path was put into wanted

	mu     sync.Mutex
	wanted map[string]struct{}
	parsed map[watcher.Hash]*parse
}

// parse is one that is under way or done.
type parse struct {
	done  chan struct{} // closed when facts is there
	facts facts
}

// lull is how long a path rests before it is read ahead: a save in place is
// empty for a moment.
const lull = 2 * time.Millisecond

// keptParses bounds what files that change and are never read leave behind.
const keptParses = 4096

func newAhead() ahead {
	return ahead{bell: make(chan struct{}, 1), wanted: map[string]struct{}{}, parsed: map[watcher.Hash]*parse{}}
}

// expect has a file parsed ahead. It does not wait.
func (c *content) expect(path string) {
	if !isModule(path) || isExtension(path) {
		return
	}
	c.ahead.mu.Lock()
	c.ahead.wanted[path] = struct{}{}
	c.ahead.mu.Unlock()
	select {
	case c.ahead.bell <- struct{}{}:
	default:
	}
}

// readAhead parses the files that are expected, until ctx ends.
func (c *content) readAhead(ctx context.Context) {
	for {
		select {
		case <-c.ahead.bell:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(lull):
		case <-ctx.Done():
			return
		}
		for path := range c.ahead.take() {
			if ctx.Err() != nil {
				return
			}
			// What cannot be read now may be there when it is asked for.
			if src, err := watcher.ReadFile(filepath.Join(c.dir, filepath.FromSlash(path))); err == nil {
				c.parse(sha256.Sum256(src), src)
			}
		}
	}
}

func (a *ahead) take() map[string]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := a.wanted
	a.wanted = map[string]struct{}{}
	return wanted
}

// parse returns what work says of the bytes of a hash. Work is done by the
// first who asks; others wait for it.
func (a *ahead) parse(hash watcher.Hash, work func() facts) facts {
	a.mu.Lock()
	p, ok := a.parsed[hash]
	if !ok {
		if len(a.parsed) >= keptParses {
			clear(a.parsed)
		}
		p = &parse{done: make(chan struct{})}
		a.parsed[hash] = p
	}
	a.mu.Unlock()
	if ok {
		<-p.done
		return p.facts
	}
	p.facts = work()
	close(p.done)
	return p.facts
}

// forget drops what was parsed: a batch has taken what it needs.
func (a *ahead) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.parsed)
}
