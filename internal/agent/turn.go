package agent

import (
	"context"

	"bounce/decider"
	"bounce/watcher"
)

// turn answers one batch, and is the whole of bounce:
//
//	batch -> graph.Update -> decider.Decide -> runner.Apply -> events
//
// It runs on the agent's loop, which owns everything it changes. It waits for
// no service: the runner carries the plan out by itself, and the plans of
// later batches merge into what it has yet to do.
func (a *Agent) turn(ctx context.Context, b watcher.Batch) {
	before, after, suspects := a.update(ctx, b)
	a.confirm(ctx, after, suspects)

	plan := decider.Decide(decider.Input{
		Batch:    b,
		Before:   before,
		After:    after,
		Rules:    a.rules,
		Services: a.services(after),
		Broken:   a.broken,
		Owed:     a.owed,
		Paused:   a.paused,
	})

	a.publish(b, plan)
	a.apply(after, plan)
}
