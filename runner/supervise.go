package runner

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"bounce/decider"
)

// What the failure of a service means to others: to the members of its groups
// (tree.go says what), and to those that depend on it and have said so. All of
// it becomes steps of the conductor, so that stops and starts keep their order.

// downfall is the failure of a generation, as the service tells it.
type downfall struct {
	service string
	at      time.Time
	what    string
	ok      bool // it ended with success, and is started again all the same
	paid    bool // the policy starts it again and has paid for that
}

// report tells the conductor of a failure.
func (s *service) report(d downfall) {
	d.service = s.name
	s.host.failures.put(d)
}

// condemn has the service stopped by its group.
func (s *service) condemn(l letter) {
	s.turn, s.next, s.sentence = l.turn, nil, l.verdict
	s.asked = s.asked || s.state.live()
	switch s.state {
	case StateWaiting, StateBackoff, StateCooldown:
		s.serve() // nothing has to end
		return
	}
	s.happen(condemned, Event{What: l.verdict.why, Cause: CauseGroup})
	if s.heir != nil {
		s.heir.asked = true
		s.develop(down, Event{})
	}
}

// serve brings the service to where its group wants it, when nothing of it is
// left.
func (s *service) serve() {
	v := s.sentence
	s.sentence = nil
	if s.generation > 0 {
		s.call(onExhausted, s.incarnation, v.why)
	}
	about := Event{What: v.why, Cause: CauseGroup, Wait: v.wait, Fatal: v.fatal, Hold: s.holdFor("budget", v.why)}
	if v.event == cooled {
		s.cause, s.reasons, s.why = CauseGroup, nil, v.why
		about.What = fmt.Sprintf("%s, next try in %s", v.why, v.wait)
		about.Hold.EndsWhen = fmt.Sprintf("%s have passed, or %s", v.wait, s.mends())
	}
	s.happen(v.event, about)
}

// fail follows up on a failure.
func (c *conductor) fail(d downfall) {
	if _, known := c.specs[d.service]; c.closing || !known || c.intent[d.service] == Down {
		return
	}
	if d.paid {
		c.supervise(d)
	}
	if !d.ok {
		pulled := map[string]bool{}
		c.pull(d.service, "crashed", pulled)
		c.together(slices.Collect(maps.Keys(pulled)))
	}
}

// supervise has the groups of a service answer for its crash.
func (c *conductor) supervise(d downfall) {
	r := c.tree.crash(d.service, d.at, c.runs)
	e := Event{Kind: KindGroupRestarting, Time: time.Now(), Group: r.group, Cause: CauseGroup}
	switch {
	case r.group == "":
	case r.then != "":
		e.Kind = KindGroupExhausted
		e.What = fmt.Sprintf("%s: %s; stopped: %s", d.what, r.why, strings.Join(r.stop, ", "))
		c.host.emit(e)
		c.giveUp(d, r)
	case len(r.restart) > 0 || len(r.spent) > 0:
		// One that has crashed too and waits to be started again needs no wish.
		with := slices.DeleteFunc(slices.Clone(r.restart), func(name string) bool {
			return c.view(name).status.State == StateBackoff
		})
		e.What = fmt.Sprintf("%s crashed (%s)", d.service, r.why)
		if len(with) > 0 {
			e.What += "; restarted with it: " + strings.Join(with, ", ")
		}
		c.host.emit(e)
		c.together(append(slices.Clone(r.restart), d.service))
		for _, name := range r.restart {
			c.replaced[name] = c.view(name).status.Generation
		}
		w := &wish{cause: CauseGroup, why: fmt.Sprintf("restarted with %s (%s)", d.service, r.why)}
		for _, name := range with {
			c.follow(name, w, append(slices.Clone(with), d.service))
		}
	}
}

// begun tells the tree of the services that have made room for a new
// generation.
func (c *conductor) begun() {
	for name, was := range c.replaced {
		if v := c.views[name]; v == nil || v.status.Generation > was {
			delete(c.replaced, name)
			c.tree.began(name)
		}
	}
}

// runs reports whether a group can restart a service: there is something that
// is replaced, is on its way, or is done again.
func (c *conductor) runs(name string) bool {
	spec, known := c.specs[name]
	if !known || c.intent[name] == Down {
		return false
	}
	st := c.view(name).status
	return st.State.live() || st.State == StateStopping || st.State == StateBackoff ||
		st.State == StateStopped && st.Generation > 0 && spec.Restart.When != Never
}

// together has services that restart at the same time start in the order of
// their groups.
func (c *conductor) together(names []string) {
	for _, name := range names {
		for _, other := range names {
			if c.orders(other, name) && !slices.Contains(c.after[name], other) {
				c.after[name] = append(c.after[name], other)
			}
		}
	}
}

// orders reports whether a group has one service of today start before another.
func (c *conductor) orders(first, second string) bool {
	for _, name := range []string{first, second} {
		if _, known := c.specs[name]; !known {
			return false
		}
	}
	return c.tree.before(first, second)
}

// regroup puts services into other groups. What a restart that is under way
// waits for is still what a group says, or it is not waited for.
func (c *conductor) regroup(groups []Group) {
	c.tree = c.tree.regrouped(groups)
	for name, others := range c.after {
		c.after[name] = slices.DeleteFunc(others, func(other string) bool { return !c.orders(other, name) })
	}
}

// forget drops what those services waited for that have come to rest without
// having waited: a successor that takes over does not, nor does one whose
// restart was called off. The next restart is another one.
func (c *conductor) forget() {
	for name := range c.after {
		if v := c.views[name]; v != nil && !v.status.State.rests() ||
			slices.ContainsFunc(c.queue, func(s *step) bool { return s.kind == decider.RestartService && s.name == name && !s.ended }) {
			continue
		}
		delete(c.after, name)
	}
}

// follow queues a step that follows from what became of another service: at
// once if it is part of a round.
func (c *conductor) follow(name string, w *wish, round []string) {
	e := wanted
	if c.gone(name) {
		e = called
	}
	c.add(&step{kind: decider.RestartService, name: name, order: math.MinInt, now: round != nil, round: round, event: e, wish: w, why: w.why})
}

// gone reports whether nothing of a service is there to be ended.
func (c *conductor) gone(name string) bool {
	state := c.view(name).status.State
	return !state.live() && state != StateStopping
}

// made reports whether a step has made room: what there was has ended.
func (c *conductor) made(s *step) bool {
	return s.ended || s.active && c.view(s.name).turn >= s.turn && c.gone(s.name)
}

// giveUp stops the members of a group whose budget is used up.
func (c *conductor) giveUp(d downfall, r ruling) {
	for _, name := range r.stop {
		if _, known := c.specs[name]; !known || c.intent[name] == Down {
			continue
		}
		v := &verdict{event: spent, why: r.why}
		switch r.then {
		case CooldownExhausted:
			v.event, v.wait = cooled, r.wait
		case ExitExhausted:
			v.fatal = name == d.service
		}
		if name == d.service {
			v.why = d.what + "; " + r.why
		}
		c.drop(name)
		c.add(&step{kind: decider.RestartService, name: name, order: math.MinInt, now: true, event: condemned, why: v.why, verdict: v})
	}
	c.together(r.stop)
}

// drop takes back what follows from failures and has not begun.
func (c *conductor) drop(name string) {
	for _, s := range c.queue {
		if s.name == name && s.order == math.MinInt && !s.active {
			c.end(s, Left, Result{})
		}
	}
	delete(c.replaced, name)
}

// rearm forgives the groups of a service that a change or an operator starts,
// and starts what was stopped with it.
func (c *conductor) rearm(name string) {
	others := c.tree.rearm(name, time.Now())
	for _, other := range others {
		st := c.view(other).status
		if _, known := c.specs[other]; known && c.intent[other] == Up && (st.State == StateExhausted || st.State == StateCooldown) {
			c.follow(other, &wish{cause: CauseGroup, why: "started with " + name}, nil)
		}
	}
	if len(others) > 0 {
		c.together(append(others, name))
	}
}

// pull does to those that depend on a service what they have said for the case
// that it fails, and to those that depend on them.
func (c *conductor) pull(name, how string, seen map[string]bool) {
	seen[name] = true
	for _, dependent := range c.ordered() {
		for _, d := range c.specs[dependent].DependsOn {
			if st := c.view(dependent).status.State; d.Name != name || seen[dependent] || c.intent[dependent] == Down || !st.live() && st != StateStopping {
				continue
			}
			switch d.OnFailure {
			case StopWith:
				c.follow(dependent, &wish{cause: CauseDependency, why: fmt.Sprintf("stopped with %s, which %s", name, how)}, []string{name})
				c.pull(dependent, "was stopped", seen)
			case RestartWith:
				c.follow(dependent, &wish{cause: CauseDependency, why: fmt.Sprintf("restarted after %s, which %s", name, how)}, nil)
				c.pull(dependent, "was restarted", seen)
			}
		}
	}
}

// withFollowers adds the services that restart with those that are named, and
// says why.
func (c *conductor) withFollowers(names []string) ([]string, map[string]string) {
	why := make(map[string]string)
	all := slices.Clone(names)
	for i := 0; i < len(all); i++ {
		for _, dependent := range c.ordered() {
			follows := slices.ContainsFunc(c.specs[dependent].DependsOn, func(d Dependency) bool {
				return d.Name == all[i] && d.OnRestart == RestartWith
			})
			if follows && !slices.Contains(all, dependent) && c.intent[dependent] == Up && c.view(dependent).status.State.live() {
				all = append(all, dependent)
				why[dependent] = "restarted with " + all[i]
			}
		}
	}
	return all, why
}

// followers are the steps for services that restart with those of a plan.
func (c *conductor) followers(steps []decider.Step) []*step {
	order := make(map[string]int)
	var names []string
	for _, s := range steps {
		if _, known := c.specs[s.Name]; known && s.Kind == decider.RestartService && c.intent[s.Name] == Up {
			names = append(names, s.Name)
			order[s.Name] = s.Order
		}
	}
	all, why := c.withFollowers(names)
	var list []*step
	latest := math.MinInt
	for _, o := range order {
		latest = max(latest, o)
	}
	for _, name := range all[len(names):] {
		w := &wish{cause: CauseChange, why: why[name]}
		list = append(list, &step{kind: decider.RestartService, name: name, order: latest, event: wanted, wish: w, why: w.why})
	}
	return list
}

// publish shows the groups to others, and who waits for whom in them, or for the
// address of whom.
func (c *conductor) publish() {
	awaits := make(map[string]string)
	if len(c.tenancies) > 0 {
		for name := range c.specs {
			awaits[name] = c.awaits(name)
		}
	}
	c.r.mu.Lock()
	c.r.awaits = awaits
	c.r.mu.Unlock()
	if len(c.tree.groups) == 0 && c.r.groups == nil {
		return
	}
	after := make(map[string][]Dependency)
	for name, others := range c.after {
		for _, other := range others {
			after[name] = append(after[name], Dependency{Name: other, Condition: ConditionReady})
		}
	}
	t := &tree{groups: make(map[string]*branch), parent: c.tree.parent}
	for name, b := range c.tree.groups {
		copied := *b
		copied.paid = slices.Clone(b.paid)
		t.groups[name] = &copied
	}
	t.pending = maps.Clone(c.tree.pending)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.groups, c.r.after = t, after
}

// met reports whether a dependency is as it is asked to be.
func (d Dependency) met(s Status) bool {
	switch d.Condition {
	case ConditionStarted:
		return s.AtTarget() || s.PID != nil && s.State.live()
	case ConditionCompleted:
		return s.State == StateStopped && s.Completed
	}
	return s.AtTarget()
}
