package runner

import (
	"context"
	"os"
	"time"
)

const (
	// settleTime is how long there must be nothing to do: time enough for a
	// request to follow its connection.
	settleTime = 50 * time.Millisecond
	settleLook = 10 * time.Millisecond
	// partingTime is how long a generation that another one overlaps may have
	// connections before it is told to end: an idle one is no reason for more.
	partingTime = 500 * time.Millisecond
)

// drainOut waits until nothing has waited in the sockets for a while and the
// process has had no connection open, for at most limit. It reports false when
// ctx has ended first. Where the system does not tell of connections the whole
// time is waited.
func drainOut(ctx context.Context, old []*os.File, p process, limit time.Duration) bool {
	ticker := time.NewTicker(settleLook)
	defer ticker.Stop()
	begin := time.Now()
	limit = max(limit, 2*settleTime) // for what is on its way, as in any handover
	for quiet := begin; time.Since(begin) < limit && time.Since(quiet) < settleTime; {
		if ctx.Err() != nil {
			return false
		}
		busy, known := p.busy()
		for _, f := range old {
			busy = busy || queued(f) > 0 || engaged(f)
		}
		if busy || !known {
			quiet = time.Now()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
