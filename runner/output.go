package runner

import (
	"sync"
	"time"
)

// Line is one line of output.
type Line struct {
	// Service or Action is what printed it.
	Service    string    `json:"service,omitempty"`
	Action     string    `json:"action,omitempty"`
	Generation int       `json:"generation,omitempty"`
	Stream     Stream    `json:"stream"`
	Time       time.Time `json:"time"`
	// Text is the line without its end, as bytes: neither UTF-8 nor free of
	// control characters.
	Text string `json:"text"`
	// Split says that the line goes on in the next one: it was longer than
	// 16 KB.
	Split bool `json:"split,omitempty"`
}

// Stream is where a line was written to.
type Stream string

const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	// Terminal is that of a service with Spec.TTY: both of them.
	Terminal Stream = "terminal"
	// Notice marks a line by the runner itself, such as "12 lines dropped".
	Notice Stream = "bounce"
)

// maxQueued is how many bytes of a service's lines may wait for Options.Output
// before the oldest are dropped: the last words matter most.
const maxQueued = 1 << 20

// outlet hands lines to a sink that may be slow or stuck, and never makes the
// writer wait: what does not fit is dropped and counted.
type outlet struct {
	sink func(Line)
	// dropped is told when lines were lost, before those that came after them.
	dropped func(count int)
	bell    chan struct{}
	done    chan struct{} // closed when run has returned

	mu     sync.Mutex
	lines  []Line
	size   int // bytes in lines
	lost   int // lines since the last notice
	closed bool
}

func newOutlet(sink func(Line), dropped func(int)) *outlet {
	o := &outlet{sink: sink, dropped: dropped, bell: make(chan struct{}, 1), done: make(chan struct{})}
	if sink == nil {
		close(o.done)
		return o
	}
	go o.run()
	return o
}

// put queues a line or drops it.
func (o *outlet) put(l Line) {
	if o.sink == nil {
		return
	}
	const overhead = 128 // of a Line beside its text
	o.mu.Lock()
	if o.closed {
		o.lost++
	} else {
		o.lines = append(o.lines, l)
		o.size += len(l.Text) + overhead
	}
	for o.size > maxQueued {
		o.size -= len(o.lines[0].Text) + overhead
		o.lines = o.lines[1:]
		o.lost++
	}
	o.mu.Unlock()
	ring(o.bell)
}

func (o *outlet) run() {
	defer close(o.done)
	for range o.bell {
		o.mu.Lock()
		lines, lost, closed := o.lines, o.lost, o.closed
		o.lines, o.size, o.lost = nil, 0, 0
		o.mu.Unlock()
		if lost > 0 {
			o.dropped(lost)
		}
		for _, l := range lines {
			o.sink(l)
		}
		if closed {
			return
		}
	}
}

// flushTime is how long a sink may take for what is queued at the end. One
// that is stuck must not keep the agent from ending.
const flushTime = time.Second

// close hands on what is queued and ends the goroutine; it gives up on a sink
// that is stuck.
func (o *outlet) close() {
	if o.sink == nil {
		return
	}
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	ring(o.bell)
	timeout := time.NewTimer(flushTime)
	defer timeout.Stop()
	select {
	case <-o.done:
	case <-timeout.C:
	}
}
