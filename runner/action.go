package runner

import (
	"context"
	"fmt"
	"time"

	"bounce/decider"
)

// actionGrace is how long an action that is ended gets to clean up.
const actionGrace = 3 * time.Second

// runAction starts an action in the background; its end comes back as a call.
func (c *conductor) runAction(s *step) {
	a := c.actions[s.name]
	ctx, cancel := context.WithCancel(c.host.ctx)
	if a.Timeout > 0 {
		ctx, cancel = context.WithTimeout(c.host.ctx, a.Timeout)
	}
	s.cancel = cancel
	c.turn++
	run := &actionRun{host: c.host, action: a, number: int(c.turn), reasons: s.wish.reasons, kept: &kept{limit: tailLines}}
	c.work.Go(func() {
		defer cancel()
		err := run.do(ctx)
		var tail []string
		for _, l := range run.kept.last(0, tailLines) {
			tail = append(tail, l.Text)
		}
		c.r.calls.put(func() { c.actionEnded(s, err, tail) })
	})
}

// actionEnded books the outcome of an action: when it has failed, what comes
// later in its plans is held.
func (c *conductor) actionEnded(s *step, err error, tail []string) {
	if err == nil {
		c.end(s, Done, Result{})
		return
	}
	hold := &decider.Hold{
		Kind: "action", Action: s.name, What: err.Error(),
		EndsWhen: fmt.Sprintf("%s succeeds", s.name),
	}
	slots := s.slots
	c.end(s, Failed, Result{Why: err.Error(), Tail: tail})
	for _, at := range slots {
		c.withhold(at.ticket, at.index+1, err.Error(), hold)
	}
}

// actionRun is one run of an action.
type actionRun struct {
	host    *host
	action  Action
	number  int // tells its processes from those of other runs
	reasons []decider.Reason
	kept    *kept
}

// do runs the action to its end and reports how it failed.
func (r *actionRun) do(ctx context.Context) error {
	out := newOutlet(r.host.sink, func(n int) {
		r.host.emit(Event{Kind: KindDropped, Time: time.Now(), Action: r.action.Name, Count: n})
	})
	defer out.close()
	err := r.execute(ctx, out)
	e := Event{Kind: KindActionDone, Time: time.Now(), Action: r.action.Name, Reasons: r.reasons}
	if err != nil {
		e.Kind, e.What = KindActionFailed, err.Error()
		for _, l := range r.kept.last(0, tailLines) {
			e.Tail = append(e.Tail, l.Text)
		}
	}
	r.host.emit(e)
	return err
}

func (r *actionRun) execute(ctx context.Context, out *outlet) error {
	a := r.action
	pipes, stdout, stderr, err := openPipes()
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", a.Name, err)
	}
	proc, err := r.host.start.start(
		command{argv: a.Argv, dir: a.Dir, env: a.Env},
		mark{run: r.host.run, service: "action/" + a.Name, generation: r.number}, stdout, stderr)
	if err != nil {
		pipes.close()
		return fmt.Errorf("cannot run %s: %w", a.Name, err)
	}
	r.host.emit(Event{Kind: KindActionStarted, Time: proc.since(), Action: a.Name, Reasons: r.reasons, PID: proc.pid()})
	pipes.read(func(stream Stream, text string, split bool) {
		l := Line{Action: a.Name, Stream: stream, Time: time.Now(), Text: text, Split: split}
		r.kept.add(l)
		out.put(l)
	})
	defer func() { <-pipes.done }()
	defer pipes.finish()
	select {
	case <-proc.exited():
		if exit := proc.exit(); exit != (Exit{}) {
			_ = proc.end(Stop{Grace: actionGrace}, r.host.force)
			return fmt.Errorf("%s failed: %s", a.Name, exit)
		}
		// What it has started in the background, such as a compiler's
		// server, is meant to stay.
		proc.leave()
		return nil
	case <-ctx.Done():
		left := proc.end(Stop{Grace: actionGrace}, r.host.force)
		why := "the agent stops"
		if context.Cause(ctx) == context.DeadlineExceeded {
			why = fmt.Sprintf("not done within %s", a.Timeout)
		}
		if len(left) > 0 {
			why += fmt.Sprintf("; pid %s cannot be ended", join(left))
		}
		return fmt.Errorf("%s failed: %s", a.Name, why)
	}
}
