package agent

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

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

// feeder hands statistics to the on_stats command of a service.
type feeder struct {
	argv  []string
	every time.Duration
	stop  context.CancelFunc
}

// feed has statistics handed to the commands that the configuration in place
// names, until ctx ends or [Agent.unfeed]. Those that were there before go on.
func (a *Agent) feed(ctx context.Context) {
	cfg := a.config()
	for name, f := range a.fed {
		if argv, every := cfg.StatsCommand(name); !slices.Equal(argv, f.argv) || every != f.every {
			f.stop()
			delete(a.fed, name)
		}
	}
	for name := range cfg.Services {
		argv, every := cfg.StatsCommand(name)
		if _, fed := a.fed[name]; fed || argv == nil {
			continue
		}
		program := feed.Program{Argv: argv, Dir: cfg.Dir, Env: os.Environ(), Timeout: every}
		feeding, stop := context.WithCancel(ctx)
		a.fed[name] = feeder{argv, every, stop}
		a.wg.Go(func() { a.handStats(feeding, name, program) })
	}
}

// unfeed ends what feed has begun.
func (a *Agent) unfeed() {
	for _, f := range a.fed {
		f.stop()
	}
}

// handStats runs the on_stats command of a service while it runs, as often as it
// may take, until ctx ends. A command that takes its time skips some; that it
// fails is said once, until it succeeds.
func (a *Agent) handStats(ctx context.Context, name string, program feed.Program) {
	tick := time.NewTicker(program.Timeout)
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
