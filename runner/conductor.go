package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"bounce/decider"
)

// conductor decides which step is taken when. Its goroutine owns all of it;
// what services do it reads from their views. It never waits for anything: on
// every call and every changed view it looks at the queue anew, so no order of
// messages can make it miss a turn.
type conductor struct {
	r        *Runner
	host     *host
	parallel int
	strays   map[string][]*stray
	wards    map[string]*adoption

	services map[string]*service
	// views are those of one moment: a view that changed between two
	// questions could let a later service pass an earlier one.
	views   map[string]*view
	specs   map[string]Spec
	actions map[string]Action
	rank    map[string]int // topological: dependencies have lower ranks
	intent  map[string]Intent
	cleared map[string]uint64 // the stay in Waiting that was cleared
	// leaving are the services that are no longer configured and not yet gone,
	// each with those that their groups have started before it.
	leaving map[string][]string

	tenancies []tenancy // see tenancy.go

	// Of groups, see supervise.go.
	tree *tree
	// after has what a service that restarts with others of its group waits
	// for, replaced the generation that is to make room for that.
	after    map[string][]string
	replaced map[string]int

	// swept is closed when what an earlier agent left behind, and what no
	// service of today waits for, is gone.
	swept chan struct{}

	queue   []*step // pending and active, in the order of taking
	turn    uint64
	waiters []chan error // of Settled
	work    sync.WaitGroup

	closing bool
	failure error // of Close
}

// step is one thing to do, for one or more tickets.
type step struct {
	kind   decider.StepKind
	name   string
	signal string // that a service is sent
	// order ranks it among the steps; operator steps do not wait for actions.
	order    int
	operator bool
	// now steps follow a failure: they wait for nothing but for those that are
	// stopped before. Of round nothing starts until they have ended what there
	// was.
	now   bool
	round []string
	// event is what the service gets: wanted, called, down or condemned.
	event   event
	wish    *wish
	why     string
	verdict *verdict // with condemned
	// serial steps of one ticket are taken one at a time, in the order of place.
	serial *Ticket
	place  int
	slots  []slot

	active bool
	turn   uint64
	cancel context.CancelFunc // of an action that runs
	ended  bool
}

// slot is a place in a ticket for the outcome of a step.
type slot struct {
	ticket *Ticket
	index  int
}

func newConductor(r *Runner, h *host, strays map[string][]*stray, wards map[string]*adoption) *conductor {
	return &conductor{
		r: r, host: h, strays: strays, wards: wards,
		services: make(map[string]*service), views: make(map[string]*view), intent: make(map[string]Intent),
		cleared: make(map[string]uint64), leaving: make(map[string][]string), swept: make(chan struct{}),
		tree: newTree(nil), after: make(map[string][]string), replaced: make(map[string]int),
	}
}

// run works until the runner is closed and everything has ended.
func (c *conductor) run() {
	for {
		select {
		case <-c.r.calls.bell:
			c.look()
			for _, f := range c.r.calls.take() {
				f()
			}
		case <-c.host.changed:
		}
		for c.look(); c.resolve() || c.advance(); c.look() {
		}
		c.answer()
		c.publish()
		if c.closing && len(c.queue) == 0 {
			c.finish()
			return
		}
	}
}

// sweep ends what an earlier agent has left of actions and of services that are
// no longer there; what is left of the others is ended before they start.
func (c *conductor) sweep() {
	var left sync.WaitGroup
	for name, strays := range c.strays {
		left.Go(func() { endStrays(strays, c.host.force) })
		delete(c.strays, name)
	}
	for name, a := range c.wards {
		left.Go(func() { a.end(c.host.force) })
		delete(c.wards, name)
	}
	c.work.Go(func() {
		left.Wait()
		close(c.swept)
	})
}

// finish ends the goroutines of all services.
func (c *conductor) finish() {
	var left []string
	for name, s := range c.services {
		if v := s.now.Load(); v.status.State == StateUnclean {
			left = append(left, fmt.Sprintf("pid %s of %s", join(v.status.Survivors), name))
		}
		s.inbox.put(letter{event: quit})
	}
	for _, s := range c.services {
		<-s.done
	}
	c.work.Wait()
	if len(left) > 0 {
		slices.Sort(left)
		c.failure = fmt.Errorf("cannot end %s", strings.Join(left, ", "))
	}
}

// Calls.

func (c *conductor) configure(specs []Spec, actions []Action, groups []Group, parallel int) *Ticket {
	c.specs, c.actions, c.parallel = make(map[string]Spec), make(map[string]Action), parallel
	for _, a := range actions {
		c.actions[a.Name] = a
	}
	for _, s := range c.queue {
		if _, ok := c.actions[s.name]; !ok && s.kind == decider.RunAction && !s.active {
			c.end(s, Left, Result{Why: "no longer configured"})
		}
	}
	list := make([]*service, 0, len(specs))
	for _, spec := range specs {
		if c.host.dry {
			spec = spec.dry()
		}
		c.specs[spec.Name] = spec
		s := c.services[spec.Name]
		if s == nil {
			s = newService(c.host, spec, c.strays[spec.Name], c.wards[spec.Name])
			delete(c.strays, spec.Name)
			delete(c.wards, spec.Name)
			c.services[spec.Name], c.views[spec.Name] = s, s.now.Load()
			c.mean(spec.Name, Up)
		} else {
			s.newest.Store(&spec)
			s.inbox.put(letter{event: respec})
			c.readmit(spec.Name)
		}
		list = append(list, s)
	}
	gone := c.depart()
	c.rank = ranks(c.specs)
	c.regroup(groups)
	c.arrange()
	c.r.mu.Lock()
	c.r.services = list
	c.r.mu.Unlock()
	results := make([]Result, len(gone))
	for i, name := range gone {
		results[i] = Result{Kind: decider.RestartService, Name: name}
	}
	t := newTicket(results)
	for i, name := range gone {
		c.mean(name, Down)
		c.add(&step{kind: decider.RestartService, name: name, operator: true, event: down, why: "no longer configured"}, slot{t, i})
	}
	return t
}

// depart notes which services are no longer configured, and returns their names
// in order. The groups are still those of before.
func (c *conductor) depart() []string {
	var gone []string
	for _, name := range sortedKeys(c.services) {
		if _, ok := c.specs[name]; ok {
			continue
		}
		gone = append(gone, name)
		if _, already := c.leaving[name]; already {
			continue
		}
		c.leaving[name] = nil
		for other := range c.services {
			if c.tree.before(other, name) {
				c.leaving[name] = append(c.leaving[name], other)
			}
		}
	}
	return gone
}

// readmit takes back that a service is no longer configured, if that was said. It
// waits for a plan or verb like one that is new, and may still be ending.
func (c *conductor) readmit(name string) {
	if _, left := c.leaving[name]; !left {
		return
	}
	delete(c.leaving, name)
	c.mean(name, Up)
	for _, s := range c.queue {
		if s.name == name && s.event == down {
			c.end(s, Left, Result{Why: "configured again", State: c.view(name).status.State})
		}
	}
}

// mean notes what is meant to become of a service, for Status too: the service
// itself learns of it with its next step. "" forgets it.
func (c *conductor) mean(name string, i Intent) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if i == "" {
		delete(c.intent, name)
		delete(c.r.intent, name)
		return
	}
	c.intent[name], c.r.intent[name] = i, i
}

func (c *conductor) apply(p decider.Plan) *Ticket {
	c.hold(p.Holds)
	results := make([]Result, len(p.Steps))
	for i, s := range p.Steps {
		results[i] = Result{Kind: s.Kind, Name: s.Name}
	}
	followers := c.followers(p.Steps)
	var names []string
	for _, f := range followers {
		results = append(results, Result{Kind: f.kind, Name: f.name})
	}
	t := newTicket(results)
	for i, f := range followers {
		names = append(names, f.name)
		c.add(f, slot{t, len(p.Steps) + i})
	}
	for i, s := range p.Steps {
		at := slot{t, i}
		switch _, known := c.specs[s.Name]; {
		case s.Kind == decider.RunAction:
			if _, ok := c.actions[s.Name]; !ok {
				t.set(i, Failed, Result{Why: "no such action"})
				continue
			}
		case !known:
			t.set(i, Failed, Result{Why: "no such service"})
			continue
		case c.intent[s.Name] == Down:
			t.set(i, Left, Result{Why: "stopped by operator", State: c.view(s.Name).status.State})
			continue
		}
		w := &wish{cause: CauseChange, reasons: s.Reasons, why: describe(s.Reasons, p.Cause)}
		if len(s.Reasons) > 0 && s.Reasons[0].Change == "operator" {
			w.cause = CauseOperator
		}
		c.unblock(s.Name)
		if s.Kind == decider.RestartService {
			names = append(names, s.Name)
		}
		e := wanted
		if starts(s.Reasons) {
			e = called // it may have begun since
		}
		c.add(&step{kind: s.Kind, name: s.Name, signal: s.Signal, order: s.Order, event: e, wish: w, why: w.why}, at)
	}
	c.together(names)
	return t
}

func (c *conductor) withdraw(names []string) (withdrawn []string) {
	for _, s := range c.queue {
		if s.kind == decider.RunAction || s.operator || s.active || s.ended || !slices.Contains(names, s.name) {
			continue
		}
		c.end(s, Left, Result{Why: "no longer called for", State: c.view(s.name).status.State})
		c.unblock(s.name)
		delete(c.after, s.name)
		withdrawn = append(withdrawn, s.name)
	}
	c.arrange()
	for _, name := range names {
		if s := c.services[name]; s != nil {
			s.inbox.put(letter{event: recalled})
		}
	}
	return slices.Compact(withdrawn)
}

func (c *conductor) verb(e event, names []string) (*Ticket, error) {
	names = c.tree.members(names)
	for _, name := range names {
		if _, ok := c.specs[name]; !ok {
			return newTicket(nil), fmt.Errorf("no service or group %q; there are: %s", name, strings.Join(append(sortedKeys(c.specs), sortedKeys(c.tree.groups)...), ", "))
		}
	}
	why := make(map[string]string)
	switch e {
	case called:
		names = c.withDependencies(names)
	case wanted:
		names, why = c.withFollowers(names)
	}
	c.sort(names)
	names = c.inTurn(slices.Compact(names))
	results := make([]Result, len(names))
	for i, name := range names {
		results[i] = Result{Kind: decider.RestartService, Name: name}
	}
	t := newTicket(results)
	for i, name := range names {
		s := &step{kind: decider.RestartService, name: name, operator: true, event: e, place: i}
		switch e {
		case down:
			c.mean(name, Down)
			s.why = "stopped by operator"
		default:
			if c.intent[name] == Down {
				delete(c.after, name) // of a restart that it had no part in
			}
			c.mean(name, Up)
			s.why = "started"
			if e == wanted {
				s.serial = t
				s.why = cmp.Or(why[name], "restarted by operator")
			}
			s.wish = &wish{cause: CauseOperator, why: s.why}
		}
		c.unblock(name)
		c.add(s, slot{t, i})
	}
	if e != down {
		c.together(names)
	}
	return t, nil
}

// withDependencies adds what the services need and is not running.
func (c *conductor) withDependencies(names []string) []string {
	seen := make(map[string]bool)
	var all []string
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, d := range c.specs[name].DependsOn {
			visit(d.Name)
		}
		all = append(all, name)
	}
	for _, name := range names {
		visit(name)
	}
	return slices.DeleteFunc(all, func(name string) bool {
		return !slices.Contains(names, name) && c.intent[name] == Up && c.view(name).status.AtTarget()
	})
}

// close drops what is queued and stops everything, or leaves what is kept.
func (c *conductor) close(leave bool) {
	c.closing = true
	c.host.stop()
	for _, s := range c.queue {
		if s.cancel != nil {
			s.cancel()
			continue // its end is awaited
		}
		c.end(s, Withheld, Result{Why: "the agent stops"})
	}
	for name := range c.services {
		if leave && c.view(name).stays {
			continue
		}
		c.mean(name, Down)
		c.add(&step{kind: decider.RestartService, name: name, operator: true, event: down, why: "the agent stops"})
	}
}

// hold passes on what a plan holds.
func (c *conductor) hold(holds []decider.Hold) {
	for name, s := range c.services {
		var on *decider.Hold
		for _, h := range holds {
			if h.Service == name || h.Service == "" && h.Action == "" {
				on = &h
				break
			}
		}
		s.inbox.put(letter{event: withhold, hold: on})
	}
}

// block notes that a failed action keeps a service from its restart.
func (c *conductor) block(name string, hold *decider.Hold) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.blocks[name] = hold
}

func (c *conductor) unblock(name string) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	delete(c.r.blocks, name)
}

// add queues a step, or merges it with one of its kind that has not begun.
func (c *conductor) add(s *step, slots ...slot) {
	s.slots = slots
	for _, have := range c.queue {
		if have.kind != s.kind || have.name != s.name || have.signal != s.signal || have.now != s.now && !s.operator || have.active || have.ended {
			continue
		}
		if have.operator == s.operator && (have.event == s.event || !s.operator && have.brings() && s.brings()) {
			if have.event == called {
				have.event = s.event // that of a restart is one of a start too
			}
			have.slots = append(have.slots, slots...)
			have.order = s.order
			if s.wish != nil {
				have.wish = have.wish.merge(s.wish)
			}
			c.arrange()
			return
		}
		if s.operator {
			// The operator's word counts, and the step that it overrides
			// shares its outcome.
			if s.event == down {
				c.end(have, Left, Result{Why: "stopped by operator"})
			}
			s.slots = append(s.slots, have.slots...)
			have.slots, have.ended = nil, true
		}
	}
	c.queue = append(c.queue, s)
	c.arrange()
}

// arrange sorts the queue: (Order, actions first, rank, Name).
func (c *conductor) arrange() {
	c.queue = slices.DeleteFunc(c.queue, func(s *step) bool { return s.ended })
	slices.SortStableFunc(c.queue, func(a, b *step) int {
		return cmp.Or(
			cmp.Compare(a.order, b.order),
			cmp.Compare(kindRank(a), kindRank(b)),
			cmp.Compare(c.rank[a.name], c.rank[b.name]),
			cmp.Compare(a.name, b.name))
	})
}

func kindRank(s *step) int {
	if s.kind == decider.RunAction {
		return 0
	}
	return 1
}

// The look at the queue.

// look takes a new look at all services. What has failed is dealt with before
// the state that followed is acted on.
func (c *conductor) look() {
	var failures []downfall
	for {
		for name, s := range c.services {
			c.views[name] = s.now.Load()
		}
		// Views are newer than what was taken before, and nothing that led to
		// them is left to take.
		more := c.host.failures.take()
		if len(more) == 0 {
			break
		}
		failures = append(failures, more...)
	}
	for _, d := range failures {
		c.fail(d)
	}
	c.lookForTenancies()
	c.begun()
	c.forget()
}

// view is what a service shows.
func (c *conductor) view(name string) *view { return c.views[name] }

// resolve ends steps that have come to an outcome, and reports whether it did
// anything.
func (c *conductor) resolve() bool {
	did := false
	for _, s := range c.queue {
		if s.ended || s.kind != decider.RestartService {
			continue
		}
		if !s.active {
			// One that may begin comes to Waiting first, and says so.
			if s.event != down && len(s.slots) > 0 && c.stuck(s.name) && !c.mayBegin(s) {
				c.detach(s, Result{Why: c.blockers(s.name), State: c.view(s.name).status.State})
				did = true
			}
			continue
		}
		v := c.view(s.name)
		switch {
		case v.settled >= s.turn:
			o := v.outcome
			r := Result{State: o.State, Generation: o.Generation, Why: o.Reason}
			failed := o.Generation
			if o.refused != nil {
				failed, r.Why = o.refused.generation, o.refused.why
			}
			if o.AtTarget() && o.refused == nil {
				r.Why = ""
				c.end(s, Done, r)
			} else {
				for _, l := range c.services[s.name].kept.last(failed, tailLines) {
					r.Tail = append(r.Tail, l.Text)
				}
				c.failService(s, r)
				c.end(s, Failed, r)
			}
			did = true
		case v.turn >= s.turn && v.status.State == StateWaiting && len(s.slots) > 0 && c.stuck(s.name):
			c.detach(s, Result{Why: c.blockers(s.name), State: StateWaiting})
			did = true
		}
	}
	c.queue = slices.DeleteFunc(c.queue, func(s *step) bool { return s.ended })
	for name := range c.leaving {
		if !slices.ContainsFunc(c.queue, func(s *step) bool { return s.name == name }) {
			c.remove(name)
		}
	}
	return did
}

// remove forgets a service that is no longer configured.
func (c *conductor) remove(name string) {
	s := c.services[name]
	s.inbox.put(letter{event: quit})
	c.work.Go(func() {
		<-s.done
		if c.host.gone != nil {
			c.host.gone(name)
		}
	})
	delete(c.services, name)
	delete(c.views, name)
	delete(c.leaving, name)
	c.mean(name, "")
	delete(c.cleared, name)
	c.unblock(name)
}

// end gives a step its outcome.
func (c *conductor) end(s *step, o Outcome, r Result) {
	s.ended = true
	for _, at := range s.slots {
		at.ticket.set(at.index, o, r)
	}
}

// detach gives the tickets of a step that waits for a blocked service their
// outcome; the step itself goes on waiting.
func (c *conductor) detach(s *step, r Result) {
	slots := s.slots
	s.slots = nil
	for _, at := range slots {
		at.ticket.set(at.index, Withheld, r)
		c.holdAfter(at, r.Why)
	}
}

// failService holds the actions that come after a failed service in its plans,
// and what comes after them.
func (c *conductor) failService(s *step, r Result) {
	why := fmt.Sprintf("%s is %s", s.name, r.State)
	if r.State == StateReady {
		why = s.name + ": " + r.Why // its successor has failed
	}
	for _, at := range s.slots {
		c.holdAfter(at, why)
	}
}

// holdAfter holds, in the ticket of a service that did not come up, the first
// later action and all that follows it.
func (c *conductor) holdAfter(at slot, why string) {
	for i := at.index + 1; i < len(at.ticket.results); i++ {
		if at.ticket.results[i].Kind == decider.RunAction {
			c.withhold(at.ticket, i, why, nil)
			return
		}
	}
}

// withhold gives up the steps of a ticket from index on.
func (c *conductor) withhold(t *Ticket, index int, why string, hold *decider.Hold) {
	for _, s := range c.queue {
		if s.active || s.ended {
			continue
		}
		before := len(s.slots)
		s.slots = slices.DeleteFunc(s.slots, func(at slot) bool {
			if at.ticket != t || at.index < index {
				return false
			}
			t.set(at.index, Withheld, Result{Why: why})
			return true
		})
		if before > 0 && len(s.slots) == 0 {
			s.ended = true
			if s.kind != decider.RunAction && hold != nil {
				h := *hold
				h.Service = s.name
				c.block(s.name, &h)
			}
		}
	}
}

// advance starts what may start, and reports whether it did anything.
func (c *conductor) advance() bool {
	did := false
	// Those that are down already go first.
	for _, name := range c.ordered() {
		if v := c.view(name); v.status.State == StateWaiting && c.cleared[name] < v.ask && c.maySwitch(name, v) {
			c.cleared[name] = v.ask
			delete(c.after, name)
			c.services[name].inbox.put(letter{event: cleared, ask: v.ask})
			did = true
		}
	}
	for _, s := range slices.Clone(c.queue) {
		if s.active || s.ended || !c.mayBegin(s) {
			continue
		}
		did = true
		switch s.kind {
		case decider.RunAction:
			s.active = true
			c.runAction(s)
		case decider.SignalService:
			c.signal(s)
		default:
			s.active = true
			c.turn++
			s.turn = c.turn
			c.services[s.name].inbox.put(letter{event: s.event, turn: s.turn, wish: s.wish, why: s.why, verdict: s.verdict})
			if s.wish != nil && s.wish.cause.asked() {
				c.rearm(s.name)
			}
		}
	}
	return did
}

// maySwitch reports whether a waiting service may start.
func (c *conductor) maySwitch(name string, v *view) bool {
	if _, left := c.leaving[name]; left || c.closing || !c.dependenciesThere(name) {
		return false
	}
	if v.status.Generation == 0 && len(c.leaving) > 0 {
		return false // it may be one of those that leave, by another name
	}
	if len(c.tenants(name)) > 0 {
		return false
	}
	for _, s := range c.queue {
		if slices.Contains(s.round, name) && !c.made(s) {
			return false
		}
	}
	return c.activeStep(name) == nil || c.slotFree()
}

// mayBegin reports whether it is a step's turn.
func (c *conductor) mayBegin(s *step) bool {
	switch {
	case s.kind == decider.RunAction:
		return !c.closing && !c.acting() && !c.anyBefore(s)
	case s.event == condemned && c.gone(s.name):
		return true // nothing has to end, and nothing may begin
	case s.ends():
		return !slices.ContainsFunc(c.queue, func(o *step) bool {
			return o != s && !o.ended && o.event == s.event && (c.waitsFor(o.name, s.name) || c.startsBefore(s.name, o.name))
		})
	case c.closing:
		return false
	case s.now:
		return !slices.ContainsFunc(c.queue, func(o *step) bool {
			return o != s && o.now && c.waitsFor(o.name, s.name) && !c.made(o)
		})
	}
	for _, o := range c.queue {
		if o == s || o.ended {
			continue
		}
		if o.kind == decider.RunAction && !s.operator && o.order <= s.order {
			return false
		}
		if s.serial != nil && o.serial == s.serial && (o.active || o.place < s.place) && !c.stuck(o.name) && !c.hasFor(s.name, o.name) {
			return false
		}
	}
	if s.kind == decider.SignalService {
		return true
	}
	if !c.view(s.name).status.State.live() {
		return true // it stands in Waiting until all is there
	}
	if c.isBlocked(s.name) {
		return false
	}
	if c.isAwaited(s.name) {
		return true // and starts when it is its turn
	}
	return c.dependenciesThere(s.name) && (c.activeStep(s.name) != nil || c.slotFree())
}

// acting reports whether an action runs: there is one at a time.
func (c *conductor) acting() bool {
	return slices.ContainsFunc(c.queue, func(s *step) bool {
		return s.kind == decider.RunAction && s.active && !s.ended
	})
}

// anyBefore reports whether an action has to wait for a step.
func (c *conductor) anyBefore(s *step) bool {
	for _, o := range c.queue {
		if o == s {
			return false
		}
		if !o.ended && !o.operator && len(o.slots) > 0 {
			return true
		}
	}
	return false
}

// brings reports whether a step is a plan's start or restart.
func (s *step) brings() bool { return s.event == wanted || s.event == called }

// starts reports whether all that is asked for is that a service is up.
func starts(reasons []decider.Reason) bool {
	return len(reasons) > 0 && !slices.ContainsFunc(reasons, func(r decider.Reason) bool { return r.Path != "" || r.Change != decider.Started })
}

// ends reports whether a step stops its service.
func (s *step) ends() bool { return s.event == down || s.event == condemned }

// needs returns what a service depends on, and those of its group that it waits
// for; also of one that is being removed.
func (c *conductor) needs(name string) []Dependency {
	var needs []Dependency
	if s := c.services[name]; s != nil {
		needs = slices.Clone(s.newest.Load().DependsOn)
	}
	for _, before := range c.after[name] {
		needs = append(needs, Dependency{Name: before, Condition: ConditionReady})
	}
	return needs
}

// waitsFor reports whether a service is started after another one.
func (c *conductor) waitsFor(name, other string) bool {
	return slices.ContainsFunc(c.needs(name), func(d Dependency) bool { return d.Name == other })
}

// startsBefore reports whether a group has one service start before another one, or
// has had when that one was configured.
func (c *conductor) startsBefore(first, second string) bool {
	return c.tree.before(first, second) || slices.Contains(c.leaving[second], first)
}

// dependenciesThere reports whether all that a service depends on is at its
// target and is not about to be replaced.
func (c *conductor) dependenciesThere(name string) bool {
	for _, d := range c.needs(name) {
		if !c.there(d) {
			return false
		}
	}
	return true
}

func (c *conductor) there(d Dependency) bool {
	v := c.view(d.Name)
	if !d.met(v.status) || v.turn < c.sent(d.Name) {
		return false
	}
	// A step that is under way has replaced what there was when a new process
	// runs.
	begun := d.Condition == ConditionStarted && v.status.State == StateStarting
	return !slices.ContainsFunc(c.queue, func(s *step) bool {
		return s.raises(d.Name) && !(begun && s.active)
	})
}

// raises reports whether a step brings a new generation of a service and is not
// done.
func (s *step) raises(name string) bool {
	return !s.ended && s.kind == decider.RestartService && s.name == name && !s.ends()
}

// rising reports whether a step that brings a new generation of a service is
// under way.
func (c *conductor) rising(name string) bool {
	return slices.ContainsFunc(c.queue, func(s *step) bool { return s.raises(name) })
}

// sent is the number of the last wish that a service was sent.
func (c *conductor) sent(name string) uint64 {
	var turn uint64
	for _, s := range c.queue {
		if s.name == name && s.kind == decider.RestartService {
			turn = max(turn, s.turn)
		}
	}
	return turn
}

func (c *conductor) activeStep(name string) *step {
	for _, s := range c.queue {
		if s.active && s.raises(name) {
			return s
		}
	}
	return nil
}

// slotFree reports whether one more service may restart.
func (c *conductor) slotFree() bool {
	if c.parallel <= 0 {
		return true
	}
	busy := make(map[string]bool)
	for _, s := range c.queue {
		if !s.active || s.ended || s.kind != decider.RestartService || s.ends() {
			continue
		}
		v := c.view(s.name)
		if v.turn >= s.turn && v.status.State == StateWaiting && c.cleared[s.name] < v.ask {
			continue // it waits, for others or for its turn
		}
		busy[s.name] = true
	}
	return len(busy) < c.parallel
}

// stuck reports whether a service that is wanted waits for one that does not
// come up by itself.
func (c *conductor) stuck(name string) bool {
	for _, d := range c.needs(name) {
		if c.there(d) {
			continue
		}
		v := c.view(d.Name)
		onItsWay := c.rising(d.Name) || v.moving || v.turn < c.sent(d.Name) ||
			d.Condition == ConditionCompleted && v.status.State.live()
		if !onItsWay || c.stuck(d.Name) && !v.status.State.live() {
			return true
		}
	}
	return c.isBlocked(name)
}

// blockers says what a stuck service waits for.
func (c *conductor) blockers(name string) string {
	return waitsFor(c.needs(name), func(d Dependency) (Status, bool) { return c.view(d.Name).status, !c.there(d) }, c.awaits(name))
}

// waitsFor names those of needs that are missing, or says otherwise if none is.
func waitsFor(needs []Dependency, missing func(d Dependency) (Status, bool), otherwise string) string {
	var words []string
	for _, d := range needs {
		if s, yes := missing(d); yes {
			words = append(words, fmt.Sprintf("%s (%s)", d.Name, s.State))
		}
	}
	if len(words) == 0 {
		return otherwise
	}
	return "waits for " + strings.Join(words, ", ")
}

// onSettled answers when nothing moves.
func (c *conductor) onSettled(answer chan error) {
	c.waiters = append(c.waiters, answer)
}

// answer tells those who wait in Settled.
func (c *conductor) answer() {
	if len(c.waiters) == 0 || c.moving() && !c.closing {
		return
	}
	var err error = ErrClosed
	if !c.closing {
		err = nil
		e := &NotAtTarget{}
		for _, st := range c.r.Status() {
			if st.State != StateReady && st.State != StateUnverified && st.State != StateStopped {
				e.Services = append(e.Services, st)
			}
		}
		if len(e.Services) > 0 {
			err = e
		}
	}
	for _, w := range c.waiters {
		w <- err
	}
	c.waiters = nil
}

// moving reports whether anything is under way that ends by itself.
func (c *conductor) moving() bool {
	for _, s := range c.queue {
		if s.kind == decider.RunAction || s.ends() || !c.stuck(s.name) {
			return true
		}
	}
	for name := range c.services {
		v := c.view(name)
		if v.moving && !(v.status.State == StateWaiting && c.stuck(name)) {
			return true
		}
	}
	return false
}

// ordered returns the services, dependencies first, then by Order and name.
func (c *conductor) ordered() []string {
	names := sortedKeys(c.services)
	c.sort(names)
	return names
}

func (c *conductor) sort(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(c.rank[a], c.rank[b]),
			cmp.Compare(c.specs[a].Order, c.specs[b].Order),
			cmp.Compare(a, b))
	})
}

// inTurn puts services that are sorted in an order in which each comes after
// those that it waits for, and after those before it in its groups.
func (c *conductor) inTurn(names []string) []string {
	turn := make([]string, 0, len(names))
	for rest := slices.Clone(names); len(rest) > 0; {
		i := slices.IndexFunc(rest, func(name string) bool {
			return !slices.ContainsFunc(rest, func(other string) bool {
				return c.tree.before(other, name) || c.waitsFor(name, other)
			})
		})
		i = max(i, 0) // what is left waits for each other, which check refuses
		turn = append(turn, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return turn
}

// ranks numbers the levels of dependency: 0 for a service that needs none.
func ranks(specs map[string]Spec) map[string]int {
	rank := make(map[string]int, len(specs))
	var level func(name string) int
	level = func(name string) int {
		if r, ok := rank[name]; ok {
			return r
		}
		r := 0
		for _, d := range specs[name].DependsOn {
			r = max(r, level(d.Name)+1)
		}
		rank[name] = r
		return r
	}
	for name := range specs {
		level(name)
	}
	return rank
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// describe says in a few words why a plan takes a step.
func describe(reasons []decider.Reason, cause string) string {
	if len(reasons) == 0 {
		return cmp.Or(cause, "plan")
	}
	words := reasons[0].String()
	if more := len(reasons) - 1; more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words
}
