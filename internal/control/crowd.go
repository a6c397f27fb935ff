package control

import (
	"fmt"
	"net"
	"net/http"
	"sync"
)

// crowd keeps clients from taking the descriptors that the agent needs to
// watch and to start services, and each other from being answered. It limits
// three things, each to the same number: connections that say nothing, of which
// the oldest then has to go; requests that wait for what is to come, as those
// that follow the log do; and other requests, so that a service can be stopped
// whoever follows what. Beyond it a request is told why it is not answered.
type crowd struct {
	limit int

	mu    sync.Mutex
	quiet map[net.Conn]uint64 // guarded by mu; since when, as a number of arrivals
	turns uint64              // guarded by mu; arrivals so far
	busy  [2]int              // guarded by mu; by pace
}

// pace says whether a request is answered at once or waits.
type pace int

const (
	brief pace = iota
	waits
)

func (p pace) String() string { return [...]string{"requests", "requests that wait or follow"}[p] }

// A client needs one descriptor, so all three kinds together may have a quarter
// of what the agent may open, and what is left is for everything else. Nobody has
// use for more than maxClients; fewer than minClients would let two people who
// follow the log and the events shut out the third.
const (
	minClients = 4
	maxClients = 256
)

// newCrowd is for an agent that may have so many open descriptors.
func newCrowd(descriptors uint64) *crowd {
	return &crowd{
		limit: int(min(max(descriptors/12, minClients), maxClients)),
		quiet: make(map[net.Conn]uint64),
	}
}

// turn is for [http.Server.ConnState].
func (c *crowd) turn(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != http.StateNew && state != http.StateIdle {
		delete(c.quiet, conn)
		return
	}
	c.turns++
	c.quiet[conn] = c.turns
	if len(c.quiet) <= c.limit {
		return
	}
	oldest := conn
	for other, since := range c.quiet {
		if since < c.quiet[oldest] {
			oldest = other
		}
	}
	delete(c.quiet, oldest)
	oldest.Close()
}

// enter admits a request that the caller then ends with leave, or says why not.
func (c *crowd) enter(p pace) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[p] >= c.limit {
		return fmt.Errorf("the agent answers %d %s already, which is as many as its limit of open files leaves room for: end some of them, or start it with a higher `ulimit -n`", c.busy[p], p)
	}
	c.busy[p]++
	return nil
}

func (c *crowd) leave(p pace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[p]--
}
