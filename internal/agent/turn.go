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
// later batches merge into what it has yet to do. Nor does it wait for the
// classifier, whose answer is decided on when it comes.
func (a *Agent) turn(ctx context.Context, b watcher.Batch) {
	a.hear()
	b = a.adopt(ctx, b)
	before, after, suspects := a.update(ctx, b)
	a.reconsider()
	a.confirm(ctx, after, suspects)

	a.forgive(b)
	plan := decider.Decide(a.input(ctx, b, before, after))

	a.enact(b, after, plan)
	a.wonder(ctx, b, plan)
}
