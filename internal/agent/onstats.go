package agent

import (
	"context"
	"fmt"
	"os"
	"time"

	"bounce/configs"
	"bounce/internal/control"
	"bounce/internal/feed"
)

// stats is what an on_stats command reads.
type stats struct {
	Service    string         `json:"service"`
	Generation int            `json:"generation"`
	PID        int            `json:"pid"`
	State      string         `json:"state"`
	Usage      *control.Usage `json:"usage"`
}

// handStats runs the on_stats command of a service while it runs, until ctx
// ends. A command that takes its time skips some; that it fails is said once,
// until it succeeds.
func (a *Agent) handStats(ctx context.Context, cfg *configs.Config, name string) {
	argv, every := cfg.StatsCommand(name)
	program := feed.Program{Argv: argv, Dir: cfg.Dir, Env: os.Environ(), Timeout: every}
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s, ok := a.statsOf(name)
		if !ok {
			continue
		}
		err := program.Feed(ctx, s)
		if err != nil && !failing && ctx.Err() == nil {
			a.emit(control.Event{Kind: "warning", Service: name, Text: fmt.Sprintf("on_stats of %s %v", name, err)})
		}
		failing = err != nil
	}
}

// statsOf measures a service; false when nothing of it runs.
func (a *Agent) statsOf(name string) (stats, bool) {
	for _, s := range a.run.Status() {
		if s.Name != name || s.PID == nil {
			continue
		}
		u, ok := a.usage.sample(a.servicePIDs(), measureAgain)[*s.PID]
		return stats{name, s.Generation, *s.PID, string(s.State), usageOf(u)}, ok
	}
	return stats{}, false
}
