package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// HUP says one of two things: somebody wants the configuration to be read anew,
// or the terminal is gone. An agent that never had a terminal takes it for the
// first; one that has, as long as the terminal answers. One that was started with
// HUP ignored, as by nohup, goes on ignoring it.

// hangupLook is how long after HUP the terminal is looked at: when a login ends,
// the kernel sends HUP a moment before it takes the terminal away.
const hangupLook = 100 * time.Millisecond

// hangups hears HUP until it is stopped.
type hangups struct {
	// heard gets true for a terminal that is gone. What nobody takes is left
	// out.
	heard   chan bool
	signals chan os.Signal
	end     chan struct{}
	wg      sync.WaitGroup
}

// newHangups begins to hear. What terminal the agent has is looked up at once.
func newHangups() *hangups {
	h := &hangups{heard: make(chan bool, 1), signals: make(chan os.Signal, 1), end: make(chan struct{})}
	had := terminalAnswers()
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(h.signals, syscall.SIGHUP)
	}
	h.wg.Go(func() { h.run(had) })
	return h
}

func (h *hangups) run(had bool) {
	for {
		select {
		case <-h.signals:
		case <-h.end:
			return
		}
		gone := false
		if had {
			select {
			case <-time.After(hangupLook):
			case <-h.end:
				return
			}
			gone = !terminalAnswers()
		}
		select {
		case h.heard <- gone:
		default:
		}
	}
}

func (h *hangups) stop() {
	signal.Stop(h.signals)
	close(h.end)
	h.wg.Wait()
}

// terminalAnswers reports whether this process has a terminal that is there.
func terminalAnswers() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
