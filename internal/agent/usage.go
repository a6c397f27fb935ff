package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"bounce/internal/control"
	"bounce/internal/procstat"
)

// What services use is measured every measureEvery, so that the most of it is
// known, and again for who asks, once in measureAgain. A process costs some 30
// µs: ten services with two processes each are 0.006 % of a core.
const (
	measureEvery = 10 * time.Second
	measureAgain = time.Second
)

// usage is what the processes of services use.
type usage struct {
	mu    sync.Mutex
	meter procstat.Meter          // guarded by mu, as is all below
	last  map[int]procstat.Sample // by the pid of the service
	at    time.Time
}

// measure samples services until ctx ends, and hears what they have told.
func (a *Agent) measure(ctx context.Context) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.usage.sample(a.servicePIDs(), 0)
			a.hearNow()
		case <-ctx.Done():
			return
		}
	}
}

// servicePIDs returns the process of each service that runs.
func (a *Agent) servicePIDs() (pids []int) {
	for _, s := range a.run.Status() {
		if s.PID != nil {
			pids = append(pids, *s.PID)
		}
	}
	return pids
}

// sample returns what process trees use, measured no longer ago than age and
// since they began.
func (u *usage) sample(pids []int, age time.Duration) map[int]procstat.Sample {
	u.mu.Lock()
	defer u.mu.Unlock()
	begun := slices.ContainsFunc(pids, func(pid int) bool { _, known := u.last[pid]; return !known })
	if t := now(); begun || t.Sub(u.at) >= age {
		u.last, u.at = u.meter.Sample(t, pids...), t
	}
	return u.last
}

// usageOf is a sample in the words of the control socket.
func usageOf(s procstat.Sample) *control.Usage {
	words := func(u procstat.Usage) control.Amounts {
		return control.Amounts{Processes: u.Processes, Threads: u.Threads, FDs: u.FDs, RSS: u.RSS, CPU: u.CPU}
	}
	return &control.Usage{Time: s.Time, Amounts: words(s.Usage), Max: words(s.Max)}
}
