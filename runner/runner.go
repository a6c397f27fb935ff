package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"bounce/decider"
	"bounce/internal/cgroup"
	"bounce/internal/pyruntime/warm"
	"bounce/internal/terminal"
)

// ErrClosed says that the runner has been closed.
var ErrClosed = errors.New("runner is closed")

// OccupiedError is returned by [New] when another agent, which lives, looks after
// processes of the same run and directory.
type OccupiedError struct {
	PID int
	// UID is that of its user; -1 when it is not known.
	UID int
}

func (e *OccupiedError) Error() string {
	return fmt.Sprintf("process %d of user %d, another agent, runs services of this directory", e.PID, e.UID)
}

// Options are what New needs. Only Specs is needed to do anything.
type Options struct {
	Specs   []Spec
	Actions []Action
	// Groups are supervisors of the services.
	Groups []Group
	// Before is called on the service's goroutine right before each start,
	// with the generation about to start, and before a signal of a plan is
	// sent, with the generation that gets it. It returns the .py files, relative
	// to Dir, whose bytecode is removed first. An error holds the
	// service. ctx ends when the runner is closed.
	Before func(ctx context.Context, service string, generation int) ([]string, error)
	// Beside is called in place of Before when another generation serves, and
	// goes on if this one fails; default Before.
	Beside func(ctx context.Context, service string, generation int) ([]string, error)
	// Took is called on the service's goroutine when a generation that was
	// started beside another one is the service's own: it has taken over, or
	// the other one has ended.
	Took func(service string, generation int)
	// Environ is called on the service's goroutine right before a generation
	// starts, with the environment that it would have, and returns variables,
	// "KEY=value" each, that take the place of others of their names; default
	// none.
	Environ func(service string, generation int, env []string) []string
	// BeforeAction is called on the action's goroutine right before it runs,
	// once for all of its attempts, and says what it is about; nil: nothing is
	// known of that. An error is the failure of the action. ctx ends when the
	// runner is closed.
	BeforeAction func(ctx context.Context, action string) (Errand, error)
	// AfterAction is called when an action has run, before anything that waits
	// for it begins; err is nil when it has succeeded.
	AfterAction func(action string, err error)
	// Events gets every event, in order, from one goroutine. Until it returns
	// later events queue; services do not wait for it.
	Events func(Event)
	// Output gets every line, in order per service, from one goroutine per
	// service. Services do not wait for it: past 1 MiB lines are dropped,
	// counted and said.
	Output func(Line)
	// Record gets every line of services as well, in order per stream, from the
	// goroutine that reads it: none is dropped, so it must not wait for anything.
	Record func(Line)
	// Gone is called, from a goroutine of its own, when nothing is left of a
	// service that Configure has removed, and no line of it is to come.
	Gone func(service string)
	// MaxParallel limits how many services restart at a time; 0: no limit.
	// Crash restarts are not limited.
	MaxParallel int
	// Dir is the project directory; default the working directory.
	Dir string
	// Scratch is the directory of the files that tell actions what changed;
	// default that of the system for temporary files.
	Scratch string
	// Run marks the processes in their environment. The same value for
	// every agent of a project lets the next one find what a killed one has
	// left behind: New looks for it, and it is ended before the service
	// starts. What belongs to an agent that lives is left alone, as is what an
	// agent of another directory has left. Default: random.
	Run string
	// Lines is how many lines are kept per generation; default 500.
	Lines int
	// Seed makes the jitter of backoffs repeatable; 0: random.
	Seed uint64
	// Keep is a directory, which only this user may enter, for the processes that
	// keep services of Spec.Keep alive when the runner is not. New finds there
	// what an earlier runner of the same Run has left, and goes on with it; what
	// it has left of other services is ended. Default: none is kept.
	Keep string
	// Memo is called on the service's goroutine right before a generation that
	// is kept starts, and returns what the next runner is to know of it, see
	// [Runner.Kept].
	Memo func(service string, generation int) []byte
	// Observer tells what services load, for those of Spec.Warm; default: none
	// is started warm.
	Observer Observer
	// Dry starts no process and changes no file: services are taken to run,
	// and to be up at once, until they are stopped, and actions to succeed.
	Dry bool

	// start makes the processes; tests have their own. bare does without control
	// groups. bounds are those of the parents of warm starts.
	start  starter
	bare   bool
	bounds warm.Bounds
}

// Runner runs the services of a project.
type Runner struct {
	conductor *conductor
	calls     *mailbox[func()] // what the conductor is to do
	force     context.CancelFunc
	done      chan struct{} // closed when everything has ended
	ownership Ownership

	kept []Kept // what New has found

	mu       sync.RWMutex
	services []*service              // in the order of the specs
	groups   *tree                   // as of a moment ago; nil for none
	after    map[string][]Dependency // who waits for others of its group
	awaits   map[string]string       // who waits for an address, in words
	blocks   map[string]*decider.Hold
	intent   map[string]Intent // what is meant, which services may have yet to learn
	closed   bool
}

// New checks the specs and returns a runner in which nothing runs yet: every
// service is meant to be up and waits for the first plan or verb. It makes
// this process a subreaper on Linux, for good.
func New(o Options) (*Runner, error) {
	if o.Dir == "" {
		o.Dir = "."
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot run services: %w", err)
	}
	o.Dir = dir
	if o.Lines <= 0 {
		o.Lines = 500
	}
	if o.Beside == nil {
		o.Beside = o.Before
	}
	if o.Run == "" {
		o.Run = fmt.Sprintf("%016x", rand.Uint64())
	}
	random := rand.Float64
	if o.Seed != 0 {
		var mu sync.Mutex
		source := rand.New(rand.NewPCG(o.Seed, o.Seed))
		random = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return source.Float64()
		}
	}
	if err := validate(o.Specs, o.Actions, o.Groups); err != nil {
		return nil, err
	}
	var leaves *cgroup.Tree
	var ownership Ownership
	strays, wards := map[string][]*stray(nil), map[string]*adoption(nil)
	var unfound error
	var by string
	if !canKeep || o.Dry || o.start != nil {
		o.Keep = ""
	}
	switch {
	case o.Dry:
		o.start = dryStarter{}
	case o.start == nil:
		if err := prepare(); err != nil {
			return nil, err
		}
		us := originOf(dir)
		marks, err := survey(o.Run, us)
		if err != nil {
			return nil, fmt.Errorf("cannot run services: %w", err)
		}
		by, err = us.String(), errBare
		if !o.bare {
			leaves, err = cgroup.Open(o.Run) // else the other layers hold
		}
		ownership = ownershipOf(err)
		if leaves != nil {
			ownership.Memory = string(leaves.Kills())
		} else {
			ownership.Memory = string(cgroup.CountKills(nil).Scope)
		}
		if o.Keep != "" {
			wards, unfound = findWards(o.Keep, o.Run, leaves)
		}
		strays = leftovers(marks, leaves, wards)
	}
	ctx, stop := context.WithCancel(context.Background())
	forced, force := context.WithCancel(context.Background())
	r := &Runner{
		calls: newMailbox[func()](), force: force, ownership: ownership,
		done:   make(chan struct{}),
		blocks: make(map[string]*decider.Hold),
		intent: make(map[string]Intent),
	}
	for _, name := range sortedKeys(wards) {
		r.kept = append(r.kept, Kept{Service: name, Generation: wards[name].Generation, Memo: wards[name].memo})
	}
	events := newHerald(o.Events)
	if o.start == nil {
		o.start = unixStarter{leaves: leaves, escaped: func(m mark, pid int) { events.tell(escape(m, pid)) }}
	}
	h := &host{
		run: o.Run, by: by, dir: dir, dry: o.Dry, ctx: ctx, stop: stop, force: forced.Done(),
		before: o.Before, beside: o.Beside, took: o.Took, environ: o.Environ, beforeAction: o.BeforeAction, afterAction: o.AfterAction, scratch: o.Scratch,
		emit: events.tell, sink: o.Output, record: o.Record, gone: o.Gone, lines: o.Lines,
		observer: o.Observer, bounds: o.bounds,
		keep: o.Keep, memo: o.Memo, random: random, start: o.start, failures: newMailbox[downfall](), changed: make(chan struct{}, 1),
	}
	if unfound != nil {
		events.tell(Event{Kind: KindUnkept, Time: time.Now(), What: unfound.Error()})
	}
	r.conductor = newConductor(r, h, strays, wards)
	r.conductor.configure(o.Specs, o.Actions, o.Groups, o.MaxParallel)
	r.conductor.publish()
	r.conductor.sweep()
	go func() {
		defer close(r.done)
		defer force()
		r.conductor.run()
		if leaves != nil {
			leaves.Close()
		}
		events.close()
	}()
	return r, nil
}

// escape is the event of a process that has left its control group.
func escape(m mark, pid int) Event {
	e := Event{
		Kind: KindEscaped, Time: time.Now(), Service: m.service, Generation: m.generation, PID: pid,
		What: fmt.Sprintf("pid %d has left the control group of %s; it is ended with it all the same", pid, m.service),
	}
	if action, ok := strings.CutPrefix(m.service, actionMark); ok {
		e.Service, e.Action, e.Generation = "", action, 0
	}
	return e
}

// herald tells events to a listener from a goroutine of its own.
type herald struct {
	listen func(Event)
	inbox  *mailbox[Event]
	stop   chan struct{}
	done   chan struct{}
}

func newHerald(listen func(Event)) *herald {
	h := &herald{listen: listen, inbox: newMailbox[Event](), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		for {
			select {
			case <-h.inbox.bell:
				h.flush()
			case <-h.stop:
				h.flush()
				return
			}
		}
	}()
	return h
}

func (h *herald) tell(e Event) {
	if h.listen != nil {
		h.inbox.put(e)
	}
}

func (h *herald) flush() {
	for _, e := range h.inbox.take() {
		h.listen(e)
	}
}

func (h *herald) close() {
	close(h.stop)
	<-h.done
}

// do runs f on the conductor's goroutine and waits for it; false after Close.
func (r *Runner) do(f func()) bool {
	ran := make(chan struct{})
	r.mu.RLock()
	closed := r.closed
	if !closed {
		r.calls.put(func() { f(); close(ran) })
	}
	r.mu.RUnlock()
	if closed {
		return false
	}
	<-ran
	return true
}

// Apply carries out a plan and returns at once. What an earlier plan wanted
// and has not begun merges with it: steps of all plans are taken in one order,
// (Order, actions first, Name). An action waits for everything before it and for
// an action that runs, a service for the actions before it and for the services it depends on. A
// service that is not up when it is to get a signal is restarted instead; one
// that is asked to restart for nothing but its start ([decider.Started]) is left
// alone if it is up by then, or about to be. When
// an action fails, what comes later in its plan is held. Services that are
// meant to be down are left alone.
//
// The plan's holds are shown by Status until the next plan. While one of kind
// "syntax" or "import" is on a service that has failed, it is not retried.
func (r *Runner) Apply(p decider.Plan) *Ticket {
	var t *Ticket
	if !r.do(func() { t = r.conductor.apply(p) }) {
		return closedTicket()
	}
	return t
}

// Withdraw takes back what plans want of services and what has not begun: their
// outcome is Left. It returns the services of which there was something.
// Successors that plans have started are ended, and what is held against those
// that have failed is forgotten.
func (r *Runner) Withdraw(names ...string) (withdrawn []string) {
	if len(names) > 0 {
		r.do(func() { withdrawn = r.conductor.withdraw(names) })
	}
	return withdrawn
}

// Start brings services up, and what they depend on. The name of a group stands
// for its services, here as in Restart and Stop. One that is on its way up
// or runs is left alone; one that is held, exhausted or waits after a crash is
// started at once.
func (r *Runner) Start(names ...string) (*Ticket, error) { return r.verb(called, names) }

// Restart replaces services by new generations, one by one in the order of
// their dependencies and groups; one that is down is brought up. Dependents are left
// alone unless their OnRestart says otherwise.
func (r *Runner) Restart(names ...string) (*Ticket, error) { return r.verb(wanted, names) }

// Stop ends services, dependents first, and keeps plans from starting them
// again. Dependents that are not named are left alone.
func (r *Runner) Stop(names ...string) (*Ticket, error) { return r.verb(down, names) }

func (r *Runner) verb(e event, names []string) (t *Ticket, err error) {
	if !r.do(func() { t, err = r.conductor.verb(e, names) }) {
		return closedTicket(), ErrClosed
	}
	return t, err
}

func closedTicket() *Ticket { return newTicket(nil) }

// Configure replaces what can be another while services run: specs, actions,
// groups and MaxParallel. Services that are gone are stopped, new ones are added
// as New does and start when those have ended, as does one that was gone and is
// still being stopped, and changed ones keep running: a
// changed command counts from the next start, which is the next plan's to ask
// for. Actions that are gone and
// have not begun are [Left]; groups that are as they were keep what they have
// counted. One that is to listen where another one still does, and is no longer to,
// starts when that has ended. The ticket is about the services that are gone. With an error
// everything is as it was.
func (r *Runner) Configure(specs []Spec, actions []Action, groups []Group, parallel int) (*Ticket, error) {
	if err := validate(specs, actions, groups); err != nil {
		return nil, err
	}
	var t *Ticket
	if !r.do(func() { t = r.conductor.configure(specs, actions, groups, parallel) }) {
		return closedTicket(), ErrClosed
	}
	return t, nil
}

// Status returns every service as it is, in the order of the specs.
func (r *Runner) Status() []Status {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := time.Now()
	list := make([]Status, len(r.services))
	needs := make([][]Dependency, len(r.services))
	byName := make(map[string]Status, len(r.services))
	for i, s := range r.services {
		v := s.now.Load()
		list[i], needs[i], byName[s.name] = v.status, v.needs, v.status
	}
	for i := range list {
		st := &list[i]
		st.Intent = r.intent[st.Name]
		if st.State == StateWaiting {
			st.Reason = waitsFor(append(slices.Clip(needs[i]), r.after[st.Name]...), func(d Dependency) (Status, bool) { s := byName[d.Name]; return s, !d.met(s) }, cmp.Or(r.awaits[st.Name], st.Reason))
		}
		if st.Started != nil {
			st.UptimeS = now.Sub(*st.Started).Seconds()
		}
		if st.Hold == nil {
			st.Hold = r.blocks[st.Name]
		}
	}
	return list
}

// Groups returns every group as it is, outer ones before those in them.
func (r *Runner) Groups() []GroupStatus {
	r.mu.RLock()
	t := r.groups
	r.mu.RUnlock()
	if t == nil {
		return nil
	}
	byName := make(map[string]Status)
	for _, s := range r.Status() {
		byName[s.Name] = s
	}
	return t.status(time.Now(), func(name string) Status { return byName[name] })
}

// Services puts the services of each group that is named in its place, in the
// order of the group.
func (r *Runner) Services(names ...string) []string {
	r.mu.RLock()
	t := r.groups
	r.mu.RUnlock()
	if t == nil {
		return slices.Clone(names)
	}
	return t.members(names)
}

// Tail returns the last n lines that are kept of a service, of its current
// generation and the one before.
func (r *Runner) Tail(service string, n int) []Line {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.services {
		if s.name == service {
			return s.kept.last(0, n)
		}
	}
	return nil
}

// ErrNoTerminal says that a service has no terminal to attach to.
var ErrNoTerminal = errors.New("it has no terminal")

// Attach takes the place at the terminal of a service, over all of its
// generations, until it is left. The error wraps [ErrNoTerminal] when its spec
// asks for none, and [terminal.ErrTaken] when somebody else has the place.
func (r *Runner) Attach(service string) (*terminal.Guest, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.services {
		if s.name != service {
			continue
		}
		if !s.now.Load().tty {
			return nil, fmt.Errorf("cannot attach to %s: %w", service, ErrNoTerminal)
		}
		guest, err := s.seat.Sit()
		if err != nil {
			return nil, fmt.Errorf("cannot attach to %s: %w", service, err)
		}
		return guest, nil
	}
	return nil, fmt.Errorf("cannot attach to %q: there is no such service", service)
}

// Answers returns when the goroutine that decides whose turn it is has come to
// the call, or with the error of ctx.
func (r *Runner) Answers(ctx context.Context) error {
	ran := make(chan bool, 1)
	go func() { ran <- r.do(func() {}) }()
	select {
	case ok := <-ran:
		if !ok {
			return ErrClosed
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Settled waits until nothing moves: no step of a plan is under way and no
// service is waiting, starting or stopping. Backoff, cooldown, held, exhausted
// and unclean count as settled, and so does what waits for such a service: the
// error is then a *NotAtTarget that lists them.
func (r *Runner) Settled(ctx context.Context) error {
	answer := make(chan error, 1)
	if !r.do(func() { r.conductor.onSettled(answer) }) {
		return ErrClosed
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("services are still moving: %w", ctx.Err())
	}
}

// Close stops everything, dependents before what they depend on, and returns
// when all processes and goroutines have ended. Once ctx is done everything is
// killed at once. The error names processes that could not be ended.
func (r *Runner) Close(ctx context.Context) error { return r.end(ctx, false) }

// Leave is Close, but for services of Spec.Keep that run: they go on, for the
// next runner.
func (r *Runner) Leave(ctx context.Context) error { return r.end(ctx, true) }

func (r *Runner) end(ctx context.Context, leave bool) error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		r.calls.put(func() { r.conductor.close(leave) })
	}
	r.mu.Unlock()
	stop := context.AfterFunc(ctx, r.force)
	defer stop()
	<-r.done
	return r.conductor.failure
}

// validate finds mistakes that configs should have found.
func validate(specs []Spec, actions []Action, groups []Group) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	byName := make(map[string]Spec)
	for _, s := range specs {
		switch _, twice := byName[s.Name]; {
		case s.Name == "":
			bad("a service has no name")
		case twice:
			bad("service %q is given twice", s.Name)
		}
		byName[s.Name] = s
		if len(s.Argv) == 0 {
			bad("service %q has no command", s.Name)
		}
		if s.Strategy == Rolling && !s.Ready.probes() {
			bad("service %q: a rolling restart needs to know when a new generation is ready", s.Name)
		}
		if _, err := signalNumber(s.Stop.Signal); err != nil {
			bad("service %q: %w", s.Name, err)
		}
		for h := range s.Hooks {
			if !slices.Contains(HookNames(), h) || len(s.Hooks[h]) == 0 || s.HookTimeout <= 0 {
				bad("service %q: the hook %q is unknown, or has no command or no timeout", s.Name, h)
			}
		}
		_, broken := regexp.Compile(s.Ready.Log)
		for _, err := range []error{s.Ready.check(), s.Live.check(), broken} {
			if err != nil {
				bad("service %q: %w", s.Name, err)
			}
		}
	}
	for _, s := range specs {
		for _, d := range s.DependsOn {
			if _, ok := byName[d.Name]; !ok {
				bad("service %q depends on %q, which is no service", s.Name, d.Name)
			}
		}
	}
	if cycle := findCycle(byName); cycle != nil {
		bad("services depend on each other: %s", strings.Join(cycle, " -> "))
	}
	if err := checkGroups(groups, byName); err != nil {
		bad("%w", err)
	}
	seen := make(map[string]bool)
	for _, a := range actions {
		if a.Name == "" || len(a.Argv) == 0 || seen[a.Name] {
			bad("action %q has no name or no command, or is given twice", a.Name)
		}
		seen[a.Name] = true
	}
	if len(errs) > 0 {
		return fmt.Errorf("cannot run services: %w", errors.Join(errs...))
	}
	return nil
}

// findCycle returns the names along a cycle of dependencies, nil if there is
// none.
func findCycle(specs map[string]Spec) []string {
	const (
		open = iota + 1
		shut
	)
	mark := make(map[string]int)
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		switch mark[name] {
		case shut:
			return nil
		case open:
			return append(slices.Clone(path[slices.Index(path, name):]), name)
		}
		mark[name] = open
		path = append(path, name)
		for _, d := range specs[name].DependsOn {
			if c := visit(d.Name); c != nil {
				return c
			}
		}
		path = path[:len(path)-1]
		mark[name] = shut
		return nil
	}
	names := make([]string, 0, len(specs))
	for n := range specs {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if c := visit(n); c != nil {
			return c
		}
	}
	return nil
}
