package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"bounce/decider"
)

// actionGrace is how long an action that is ended gets to clean up.
const actionGrace = 3 * time.Second

// runAction runs an action in the background; its end comes back as a call.
func (c *conductor) runAction(s *step) {
	ctx, cancel := context.WithCancel(c.host.ctx)
	s.cancel = cancel
	c.turn++
	run := &actionRun{host: c.host, action: c.actions[s.name], number: int(c.turn), reasons: s.wish.reasons, swept: c.swept}
	c.work.Go(func() {
		defer cancel()
		err := run.do(ctx)
		c.r.calls.put(func() { c.actionEnded(s, err, run.tail) })
	})
}

// actionEnded books the outcome of an action: when it has failed, what comes
// later in its plans is held.
func (c *conductor) actionEnded(s *step, err error, tail []string) {
	if err == nil {
		c.end(s, Done, Result{})
		return
	}
	why := fmt.Sprintf("%s failed: %v", s.name, err)
	hold := &decider.Hold{
		Kind: "action", Action: s.name, What: why,
		EndsWhen: fmt.Sprintf("%s succeeds", s.name),
	}
	slots := s.slots
	c.end(s, Failed, Result{Why: why, Tail: tail})
	for _, at := range slots {
		c.withhold(at.ticket, at.index+1, why, hold)
	}
}

// actionRun is one run of an action, with all of its attempts.
type actionRun struct {
	host    *host
	action  Action
	number  int // tells its processes from those of other runs
	reasons []decider.Reason
	swept   <-chan struct{} // closed when an earlier agent's actions are gone

	tail []string // the last lines of the attempt that failed
}

// do runs the action to its end and reports how it failed.
func (r *actionRun) do(ctx context.Context) error {
	select {
	case <-r.swept: // the same action of an earlier agent might still be at work
	case <-ctx.Done():
		return errAgentStops
	}
	var errand Errand
	var err error
	if r.host.beforeAction != nil {
		errand, err = r.host.beforeAction(ctx, r.action.Name)
	}
	if errand.Moot {
		r.emit(Event{Kind: KindActionMoot})
		return nil
	}
	if err == nil && !r.host.dry {
		err = r.perform(ctx, errand)
	}
	if err != nil {
		r.emit(Event{Kind: KindActionFailed, What: err.Error(), Tail: r.tail})
	} else {
		r.emit(Event{Kind: KindActionDone})
	}
	if r.host.afterAction != nil {
		r.host.afterAction(r.action.Name, err)
	}
	return err
}

var errAgentStops = errors.New("the agent stops")

// perform makes as many attempts as the action may have.
func (r *actionRun) perform(ctx context.Context, errand Errand) error {
	env := r.action.Env
	if errand.Env != nil {
		env = errand.Env
	}
	list, err := listChanged(r.host.scratch, errand.Changed)
	if err != nil {
		return err
	}
	defer os.Remove(list)
	env = setenv(env, envChanged+"="+list, envProject+"="+r.host.dir)
	out := newOutlet(r.host.sink, func(n int) { r.emit(Event{Kind: KindDropped, Count: n}) })
	defer out.close()
	for attempt := 1; ; attempt++ {
		err := r.attempt(ctx, env, out)
		var permanent *StartError
		if err == nil || attempt > r.action.Retries || errors.As(err, &permanent) || ctx.Err() != nil {
			return err
		}
		wait := r.action.RetryWait
		r.emit(Event{Kind: KindActionRetry, Attempt: attempt, Wait: wait, Tail: r.tail,
			What: fmt.Sprintf("%v; next try in %s, %d left", err, wait, r.action.Retries-attempt+1)})
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errAgentStops
		}
	}
}

// attempt runs the command once.
func (r *actionRun) attempt(ctx context.Context, env []string, out *outlet) error {
	a := r.action
	if a.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.Timeout)
		defer cancel()
	}
	proc, pipes, err := r.host.launch(
		command{argv: a.Argv, dir: a.Dir, env: env},
		r.host.mark(actionMark+a.Name, r.number), openPipes)
	if err != nil {
		return err
	}
	r.emit(Event{Kind: KindActionStarted, Time: proc.since(), PID: proc.pid()})
	printed := &kept{limit: tailLines}
	pipes.read(func(l Line, _ bool) {
		l.Action = a.Name
		printed.add(l)
		out.put(l)
	})
	defer func() {
		pipes.finish()
		<-pipes.done
		r.tail = nil
		for _, l := range printed.last(0, tailLines) {
			r.tail = append(r.tail, l.Text)
		}
	}()
	select {
	case <-proc.exited():
		if exit := proc.exit(); exit != (Exit{}) {
			_ = proc.end(Stop{Grace: actionGrace}, r.host.force)
			return errors.New(exit.String())
		}
		// What it has started in the background, such as a compiler's
		// server, is meant to stay.
		proc.leave()
		return nil
	case <-ctx.Done():
		left := proc.end(Stop{Grace: actionGrace}, r.host.force)
		why := errAgentStops.Error()
		if context.Cause(ctx) == context.DeadlineExceeded {
			why = fmt.Sprintf("not done within %s", a.Timeout)
		}
		if len(left) > 0 {
			why += fmt.Sprintf("; pid %s cannot be ended", join(left))
		}
		return errors.New(why)
	}
}

// emit fills in what all events of the run have.
func (r *actionRun) emit(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Action, e.Reasons = r.action.Name, r.reasons
	r.host.emit(e)
}
