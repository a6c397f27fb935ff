package shim

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"time"

	"bounce/internal/lines"
)

// maxBacklog is how many bytes of output are kept, maxNotices how many notices.
const (
	maxBacklog = 1 << 20
	maxNotices = 64
	firstRing  = 16 << 10
)

// backlog has what an agent is to be told: the last lines as frames in a ring,
// those that an agent has taken included, and ahead of them what is urgent.
// Whoever writes never waits: the oldest lines make room.
type backlog struct {
	bell chan struct{} // rings when there is more, or when it was told to

	mu    sync.Mutex
	ring  []byte
	start int    // where the oldest frame begins in ring
	size  int    // bytes in use
	base  uint64 // bytes that were ever dropped: the place of the oldest frame
	first uint64 // its number
	next  uint64 // of the next line
	acked uint64 // of the first line that no agent has taken
	open  int    // streams that have not ended
	// notices are the last ones: each agent gets them all, so that none is lost
	// with one that is killed. told counts them.
	notices []notice
	told    uint64
	urgent  []byte
	scratch []byte
}

func newBacklog() *backlog { return &backlog{bell: make(chan struct{}, 1), open: 2} }

func (b *backlog) wake() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// add appends a line.
func (b *backlog) add(flags byte, text []byte, now time.Time) {
	b.mu.Lock()
	b.scratch = appendLine(b.scratch[:0], b.next, now, flags, text)
	b.next++
	b.store(b.scratch)
	b.mu.Unlock()
	b.wake()
}

// store puts a frame into the ring, which grows up to its limit.
func (b *backlog) store(f []byte) {
	for b.size+len(f) > len(b.ring) && len(b.ring) < maxBacklog {
		larger := make([]byte, max(2*len(b.ring), firstRing))
		b.peek(larger[:b.size], 0)
		b.ring, b.start = larger, 0
	}
	for b.size+len(f) > len(b.ring) {
		n := b.length(0)
		b.start = (b.start + n) % len(b.ring)
		b.size -= n
		b.base += uint64(n)
		b.first++
	}
	at := (b.start + b.size) % len(b.ring)
	n := copy(b.ring[at:], f)
	copy(b.ring, f[n:])
	b.size += len(f)
}

// peek copies what is offset bytes behind the oldest frame.
func (b *backlog) peek(to []byte, offset int) {
	if len(to) == 0 {
		return
	}
	at := (b.start + offset) % len(b.ring)
	n := copy(to, b.ring[at:])
	copy(to[n:], b.ring)
}

// length is that of the frame at an offset.
func (b *backlog) length(offset int) int {
	var head [headSize]byte
	b.peek(head[:], offset)
	return headSize + int(binary.LittleEndian.Uint32(head[1:]))
}

// notice is one that came, as a frame.
type notice struct {
	number uint64
	frame  []byte
}

// cursor is how far a link has come.
type cursor struct {
	place  uint64
	notice uint64
	ended  bool // it was told of the end
}

// take fills to with what comes next, whole frames; nothing when there is
// nothing.
func (b *backlog) take(to []byte, c *cursor) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.urgent) > 0 {
		out := b.urgent
		b.urgent = nil
		return out
	}
	var news []byte
	for _, n := range b.notices {
		if n.number >= c.notice {
			news = append(news, n.frame...)
		}
	}
	if c.notice = b.told; len(news) > 0 {
		return news
	}
	c.place = max(c.place, b.base) // what was dropped shows in the numbers
	offset, n := int(c.place-b.base), 0
	for offset+n < b.size {
		more := b.length(offset + n)
		if n+more > len(to) {
			break
		}
		n += more
	}
	if n == 0 && b.open == 0 && !c.ended {
		c.ended = true
		return appendFrame(to[:0], kindEnded)
	}
	b.peek(to[:n], offset)
	c.place += uint64(n)
	return to[:n]
}

// say has a frame sent ahead of the lines.
func (b *backlog) say(f []byte) {
	b.mu.Lock()
	b.urgent = append(b.urgent, f...)
	b.mu.Unlock()
	b.wake()
}

// note keeps a notice. One that says the same as one before takes its place, as
// heartbeats do; of too many the oldest go.
func (b *backlog) note(f []byte) {
	b.mu.Lock()
	b.notices = slices.DeleteFunc(b.notices, func(n notice) bool { return bytes.Equal(n.frame, f) })
	b.notices = append(b.notices, notice{b.told, f})
	b.notices = b.notices[max(0, len(b.notices)-maxNotices):]
	b.told++
	b.mu.Unlock()
	b.wake()
}

// ack notes that all lines below a number have been taken.
func (b *backlog) ack(number uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if number <= b.next {
		b.acked = max(b.acked, number)
	}
}

// begin forgets what was urgent for an agent that is gone, and returns the
// number of the first line that none has taken.
func (b *backlog) begin() (acked uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.urgent = nil
	return b.acked
}

// last returns the newest lines, at most so many bytes of them.
func (b *backlog) last(limit int) []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []Line
	for offset := 0; offset < b.size; {
		n := b.length(offset)
		if b.size-offset <= limit {
			f := make([]byte, n)
			b.peek(f, offset)
			if l, err := parseLine(f[headSize:]); err == nil {
				l.Old = l.Number < b.acked
				lines = append(lines, l)
			}
		}
		offset += n
	}
	return lines
}

// follow reads a stream to its end.
func (b *backlog) follow(r io.Reader, flags byte) {
	lines.Read(r, func(text []byte, split bool) {
		f := flags
		if split {
			f |= flagSplit
		}
		b.add(f, text, time.Now())
	})
	b.mu.Lock()
	b.open--
	b.mu.Unlock()
	b.wake()
}

// ended reports whether both streams have.
func (b *backlog) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open == 0
}
