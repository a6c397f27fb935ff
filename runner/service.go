package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bounce/decider"
	"bounce/internal/lines"
	"bounce/internal/pyruntime/warm"
	"bounce/internal/terminal"
)

// service owns one service. Its goroutine alone touches the fields below run;
// the conductor, timers, the process and the prober write letters to it, and
// everybody reads the view that it publishes after each letter.
type service struct {
	name   string
	host   *host
	inbox  *mailbox[letter]
	now    atomic.Pointer[view]
	output *outlet
	kept   *kept
	seat   *terminal.Seat // of a service that has a terminal
	leave  chan struct{}  // closed when nobody waits for its processes any more
	done   chan struct{}  // closed when run has returned
	newest atomic.Pointer[Spec]

	// Owned by run.
	spec     Spec
	state    State
	since    time.Time
	reason   string
	intent   Intent
	parting  string  // why it is to be down
	turn     uint64  // of the last wish
	settled  uint64  // the last turn that has come to rest
	outcome  outcome // how it did
	asks     uint64  // times it has come to Waiting
	next     *wish   // the generation that is wanted, beside the one there is
	restarts Restarts
	account  account
	failing  bool // the last generation failed
	// completed says that the last generation ended with success; sentence is
	// what follows the end of one that its group has stopped.
	completed bool
	sentence  *verdict
	// hold is what a held service waits for; planHold is what plans say.
	hold, planHold *decider.Hold
	byPlan         bool // held because of planHold

	// incarnation is the current generation, or the last one; heir is the
	// successor that a rolling restart has started beside it, nil for none.
	*incarnation
	heir     *incarnation
	numbered int           // the newest generation
	vacant   bool          // nothing of the current generation is left, the end of heir is awaited
	called   chan struct{} // closed when the hooks that were called have run; nil: none
	refused  *refusal      // of the newest successor, until there is another one
	apart    string        // why its generations must not overlap, as was found out; "" when they may

	nursery nursery // of warm starts
	// doubtful are sources of which bytecode that could be older cannot be removed.
	doubtful []string
	sockets  []*held        // that it is lent, over all generations
	stray    []*stray       // of an earlier agent; ended before the first start
	rivals   []*rival       // likewise
	work     sync.WaitGroup // goroutines of this service
}

// host is what all services of a runner share; it does not change.
type host struct {
	run    string
	by     string // the origin of what is started, in words
	dir    string
	dry    bool
	ctx    context.Context // ends when Close is called
	stop   context.CancelFunc
	force  <-chan struct{} // closed when everything is to be killed
	before func(ctx context.Context, service string, generation int) ([]string, error)
	beside func(ctx context.Context, service string, generation int) ([]string, error)
	// took, beforeAction and afterAction may be nil, as may before.
	took         func(service string, generation int)
	environ      func(service string, generation int, env []string) []string
	beforeAction func(ctx context.Context, action string) (Errand, error)
	afterAction  func(action string, err error)
	scratch      string
	keep         string // the directory of shims; "" when there are none
	memo         func(service string, generation int) []byte
	emit         func(Event)
	sink         func(Line)
	record       func(Line)           // may be nil
	gone         func(service string) // may be nil
	lines        int
	random       func() float64
	start        starter
	observer     Observer // nil for none: no warm starts
	bounds       warm.Bounds
	// failures are told to the conductor, before the state that follows one
	// is published.
	failures *mailbox[downfall]
	// changed rings when a view was published.
	changed chan struct{}
}

// mark is that of what it starts.
func (h *host) mark(service string, generation int) mark {
	return mark{run: h.run, service: service, generation: generation, by: h.by}
}

// wish is a generation that is wanted, and why.
type wish struct {
	cause   Cause
	reasons []decider.Reason
	why     string
	trial   *trial // what the generation may show besides, nil for nothing
}

// letter is a message to a service.
type letter struct {
	event event
	// generation and state are those that the letter belongs to; 0 and "" for
	// any. A timer of another state, the exit of an earlier generation: such
	// letters are dropped, in receive and nowhere else.
	generation int
	state      State

	turn uint64        // with a wish: its number
	wish *wish         // with a wish for a generation
	why  string        // with down
	ask  uint64        // with cleared: which stay in Waiting it is for
	pids []int         // with stuck: what does not go away
	err  error         // with ailing: what is wrong
	hold *decider.Hold // with withhold
	memo []byte        // with memorize
	// verdict is what follows the end, with condemned.
	verdict *verdict
	// signal is the name of one that is to be sent, reply is told what came of
	// it.
	signal string
	reply  func(error)
	notice notice        // with noticed
	made   chan nursling // with nursed
	parent parent        // with chilled
}

// Letters that are no events of the table.
const (
	vanished   event = "vanished"   // nothing of the generation is left
	unprepared event = "unprepared" // what comes before a start has failed
	respec     event = "respec"     // the spec has changed
	withhold   event = "withhold"   // what plans hold has changed
	told       event = "told"       // send the command a signal
	noticed    event = "noticed"    // the generation says something
	rung       event = "rung"       // something should have been said by now
	memorize   event = "memorize"   // what the next runner is to know of a generation
	imported   event = "imported"   // its libraries are there, as far as can be told
	nursed     event = "nursed"     // a parent was made, or cannot be
	chilled    event = "chilled"    // a parent was not used for long
	quit       event = "quit"       // end the goroutine
)

// view is what others see of a service; it does not change once published.
type view struct {
	status  Status
	turn    uint64
	settled uint64
	outcome outcome
	moving  bool // it will change by itself in the near future
	stays   bool // it may go on without the runner
	ask     uint64
	needs   []Dependency
	listens []Listen // what is held open for it
	tty     bool
}

// outcome is how a wish came to rest.
type outcome struct {
	Status
	refused *refusal // of the successor that was wished for; nil for none
}

func newService(h *host, spec Spec, strays []*stray, ward *adoption) *service {
	s := &service{
		name: spec.Name, host: h, spec: spec,
		inbox: newMailbox[letter](), leave: make(chan struct{}), done: make(chan struct{}),
		kept:  &kept{limit: h.lines},
		state: StateStopped, since: time.Now(), intent: Up, stray: strays,
		incarnation: &incarnation{state: StateStopped},
	}
	s.newest.Store(&spec)
	s.output = newOutlet(h.sink, s.dropped)
	s.seat = terminal.NewSeat(s.name, s.prompted)
	if ward != nil {
		s.adopt(ward)
	}
	s.publish()
	go s.run()
	return s
}

// run handles letters until it is told to quit.
func (s *service) run() {
	defer close(s.done)
	for range s.inbox.bell {
		for _, l := range s.inbox.take() {
			if l.event == quit {
				if s.heir != nil && s.stays() {
					s.recall()
				}
				// Of a service that is unclean the goroutines below would
				// wait for what does not end.
				close(s.leave)
				s.wean("")
				for _, n := range []*incarnation{s.incarnation, s.heir} {
					if n == nil {
						continue
					}
					n.still()
					if !n.stays() {
						n.deafen()
					}
					if n.pipes != nil {
						n.pipes.finish()
					}
				}
				if s.stays() {
					s.leaveSockets()
				} else {
					s.releaseSockets()
				}
				s.work.Wait()
				s.output.close()
				return
			}
			s.receive(l)
			s.publish()
		}
	}
}

// receive handles one letter.
func (s *service) receive(l letter) {
	n := s.incarnation
	if s.heir != nil && l.generation == s.heir.generation {
		n = s.heir
	}
	if l.generation != 0 && (l.generation != n.generation || l.state != "" && l.state != n.state) {
		return // of another life
	}
	switch l.event {
	case wanted, called:
		s.turn, s.intent = l.turn, Up
		e := l.event
		if e == called || l.wish.cause.asked() {
			s.account.forgive()
			s.sentence = nil
			if e == wanted {
				e = s.manner(l.wish)
			}
		}
		if e == called && s.heir != nil && s.heir.state.live() && !s.heir.asked {
			return // there is one to come
		}
		if _, ok := next(s.state, e); ok {
			s.next = s.next.merge(l.wish)
			s.asked = s.asked || s.state.live() && e != rolled
		}
		s.happen(e, Event{What: l.wish.why})
	case down:
		// Down means that nothing of it runs, what an earlier agent left
		// included. What does not go away is tried again before a start.
		if len(s.stray) > 0 && len(endStrays(s.stray, s.host.force)) == 0 {
			s.stray = nil
		}
		s.turn, s.intent, s.next, s.sentence, s.parting = l.turn, Down, nil, nil, l.why
		s.asked = s.asked || s.state.live()
		if s.state == StateStopping {
			s.reason = l.why // it ends for good by now
		}
		about := Event{What: l.why}
		if s.generation == 0 {
			about.Cause = CauseOperator // there is none whose cause it could be
		}
		s.happen(down, about)
		if s.heir != nil {
			s.heir.asked = true
			s.develop(down, Event{})
		}
	case condemned:
		s.condemn(l)
	case cleared:
		if _, ok := next(s.state, cleared); ok && l.ask == s.asks {
			// The generation that begins is the wished one.
			s.incarnation = s.conceive(s.next)
			s.next = nil
			s.count()
			s.happen(cleared, Event{What: s.why})
		}
	case exited:
		s.ended(n)
	case overdue:
		if time.Now().Before(n.until) {
			return // it was given more time meanwhile
		}
		if time.Since(n.until) > lateness {
			// The agent was stopped or starved, and may not have seen how it became
			// ready.
			s.extend(n, lateness)
			return
		}
		n.fault = s.late(n)
		s.happens(n, overdue, Event{What: n.fault})
	case ailing:
		s.ail(n, l.err)
	case noticed:
		s.hear(n, l.notice)
	case rung:
		s.listenOut(n)
	case prepared:
		n.preparing = nil
		s.happens(n, prepared, Event{})
	case unprepared:
		n.preparing = nil
		s.unmade(n, l.err)
	case vanished:
		s.vacate(n)
	case stuck:
		s.stick(n, l.pids)
	case elapsed:
		if n == s.heir {
			s.develop(elapsed, Event{})
			return
		}
		if s.vain() && s.state != StateUnclean {
			s.holdByPlan("")
			return
		}
		if s.state != StateUnclean {
			s.next = s.next.merge(&wish{cause: s.cause, why: s.why})
		}
		s.happen(elapsed, Event{What: s.why})
	case respec:
		s.renew()
		if !s.state.live() && s.state != StateStopping && s.state != StateUnclean {
			s.vacateSockets()
		}
	case memorize:
		if n.stays() {
			n.pipes.ward.memorize(l.memo)
		}
	case told:
		l.reply(s.send(l))
	case imported:
		s.learn(n)
	case proved:
		s.proves(n)
	case nursed:
		s.grown(l.made)
	case chilled:
		if l.parent == s.nursery.parent {
			s.dropParent(fmt.Sprintf("nothing was started for %s", warmIdle))
		}
	case withhold:
		s.planHold = l.hold
		if s.byPlan && !s.vain() {
			s.happen(released, Event{What: "the hold is over"})
		}
	default:
		s.happens(n, l.event, Event{})
	}
}

// happen looks up the table and does what it says.
func (s *service) happen(e event, about Event) {
	c, ok := next(s.state, e)
	if !ok {
		return
	}
	if c.to != s.state {
		s.enter(c.to, about)
	}
	switch c.do {
	case precede:
		s.makeReady(s.incarnation)
	case launch:
		s.launch(s.incarnation)
	case probe:
		s.probe(s.incarnation)
	case guard:
		s.guard(s.incarnation)
	case forgive:
		s.prove(s.incarnation)
		if s.account.streak > 0 || s.account.cooldowns > 0 {
			s.account.forgive()
			s.emit(Event{Kind: KindForgiven, Time: time.Now()})
		}
	case end:
		s.end(s.incarnation)
	case delay:
		s.arm(s.incarnation, about.Wait, elapsed)
	case look:
		s.arm(s.incarnation, limits[StateUnclean].span(s.spec), elapsed)
	case refresh:
		s.giveWay()
	case relay:
		s.relay()
	case summon:
		s.summon()
	case dismiss:
		s.dismiss()
	case drain:
		s.drain()
	}
}

// lookAgain is the pause before another attempt to end what does not end.
const lookAgain = 5 * time.Second

// enter is the one place where the state changes; it records when and why.
func (s *service) enter(to State, about Event) {
	if s.incarnation.state != to { // as that of a successor which takes over
		s.still()
		s.incarnation.state = to
	}
	about.Kind, about.Time = Kind(to), time.Now()
	up := s.state == StateReady || s.state == StateUnverified || s.state == StateDraining
	s.state, s.since, s.reason = to, about.Time, about.What
	s.hold, s.byPlan = about.Hold, false
	switch to {
	case StateStopped:
		s.releaseSockets()
		s.wean("it was stopped")
		s.nursery.unfit = nil
	case StateWaiting:
		s.asks++
		if s.next == nil {
			s.next = &wish{cause: s.cause, why: s.why}
		}
	case StateStarting:
		s.completed, s.sentence = false, nil
		s.kept.serves(s.generation)
	case StateReady, StateUnverified:
		s.kept.serves(s.generation)
		s.failing = false
		s.reason, about.What = s.why, s.why
		if !up && !s.served { // a successor that failed has it stay up
			s.call(afterReady, s.incarnation, s.why)
		}
		s.note(s.incarnation)
	}
	s.emit(about)
}

// count books a restart to who wanted it; the first generation is none, nor is
// one that is tried again.
func (s *service) count() {
	if s.generation == 1 {
		return
	}
	s.call(onRestart, s.incarnation, s.why)
	if s.trial != nil {
		return
	}
	switch s.cause {
	case CauseOperator:
		s.restarts.Operator++
	case CauseCrash, CauseExit, CauseGroup, CauseDependency:
		s.restarts.Crash++
	default:
		s.restarts.Change++
	}
}

// launch starts the command of a new generation.
func (s *service) launch(n *incarnation) {
	err := s.tryLaunch(n)
	if err == nil {
		s.announce(n, Event{Kind: KindStarted, Time: n.proc.since(), What: n.start.String()})
		s.call(afterStart, n, n.why)
		s.happens(n, launched, Event{})
		return
	}
	n.deafen()
	if n == s.heir {
		if errors.Is(err, errAlone) {
			s.next, n.asked = n.wish().merge(s.next), true
		}
		n.fault = err.Error()
		s.develop(refused, Event{})
		return
	}
	s.failing = true
	var permanent *StartError
	switch {
	case s.host.ctx.Err() != nil:
		s.happen(emptied, Event{What: "the agent stops"})
	case errors.As(err, &permanent):
		s.call(onFailure, n, err.Error())
		s.report(downfall{what: err.Error()})
		s.happen(refused, Event{What: err.Error(), Hold: &decider.Hold{
			Kind: "start", Service: s.name, What: err.Error(), EndsWhen: s.mends(),
		}})
	default:
		var taken *takenError
		s.judge(failure{taken: errors.As(err, &taken)}, err.Error())
	}
}

func (s *service) tryLaunch(n *incarnation) error {
	if len(s.stray) > 0 {
		if left := endStrays(s.stray, s.host.force); len(left) > 0 {
			return fmt.Errorf("cannot start: pid %s of an earlier agent cannot be ended", join(left))
		}
		s.stray = nil
	}
	if left := s.endRivals(); len(left) > 0 {
		return fmt.Errorf("cannot start: pid %s of another generation that an earlier agent has left cannot be ended", join(left))
	}
	if err := s.prepare(n); err != nil {
		return &StartError{Command: s.spec.Argv[0], Problem: err.Error(), Err: err}
	}
	sockets := s.holdSockets
	if n == s.heir {
		if err := s.mayJoin(n); err != nil {
			return err
		}
		sockets = s.openBeside
		if n.early {
			sockets = s.openAhead
		}
	}
	if err := sockets(); err != nil {
		return err
	}
	env, err := s.lendEar(n)
	if err != nil {
		return err
	}
	if n.sign, err = prepareSign(s.spec.Ready, s.spec.Confine); err != nil {
		return err
	}
	if s.spec.TTY && variable(env, "TERM") == "" {
		env = setenv(env, "TERM=xterm-256color") // what most are, where the agent has none
	}
	if s.host.environ != nil {
		env = setenv(env, s.host.environ(s.name, n.generation, env)...)
	}
	if len(s.doubtful) > 0 {
		env = setenv(env, noBytecode)
	}
	files, names := s.lent(n == s.heir)
	for _, f := range files {
		block(f)
	}
	c := command{argv: s.spec.Argv, dir: s.spec.Dir, env: env, files: files, names: names, ear: n.ear, confine: s.spec.Confine, tty: s.spec.TTY}
	if s.keeps() {
		n.proc, n.pipes, err = s.entrust(n, c)
	} else {
		n.command = c
		err = s.begin(n, c)
	}
	if err != nil {
		return err
	}
	s.follow(n)
	return nil
}

// launch starts a command whose output we read ourselves, from what open makes.
func (h *host) launch(c command, m mark, open func() (*pipes, *os.File, *os.File, error)) (process, *pipes, error) {
	return h.launchBy(h.start.start, c, m, open)
}

// launchBy is launch by another way than the start of a process.
func (h *host) launchBy(start func(c command, m mark, stdout, stderr *os.File) (process, error), c command, m mark, open func() (*pipes, *os.File, *os.File, error)) (process, *pipes, error) {
	pipes, stdout, stderr, err := open()
	if err != nil {
		return nil, nil, err
	}
	proc, err := start(c, m, stdout, stderr)
	if err != nil {
		pipes.close()
		return nil, nil, err
	}
	return proc, pipes, nil
}

// follow takes in what a generation reports and prints, and how it ends.
func (s *service) follow(n *incarnation) {
	s.attend(n)
	generation, proc, pipes := n.generation, n.proc, n.pipes
	seen := s.seeLine(n)
	pipes.read(func(l Line, old bool) {
		l.Service, l.Generation = s.name, generation
		s.kept.add(l)
		if !old {
			if s.host.record != nil {
				s.host.record(l)
			}
			s.output.put(l)
		}
		seen(l.Text)
	})
	s.work.Go(func() { <-pipes.done })
	s.work.Go(func() {
		select {
		case <-proc.exited():
			s.inbox.put(letter{event: exited, generation: generation})
		case <-s.leave:
		}
	})
}

// openOutput makes what a generation writes to: two pipes, or a terminal.
func (s *service) openOutput(n *incarnation) (*pipes, *os.File, *os.File, error) {
	if !s.spec.TTY {
		return openPipes()
	}
	screen, tty, err := s.seat.Open(n.generation)
	if err != nil {
		return nil, nil, nil, err
	}
	return newPipes(pipe{Terminal, screen}), tty, tty, nil
}

// prompted says that the service may be waiting at its terminal, where nobody is; it
// runs on a goroutine of the seat's.
func (s *service) prompted(prompt string) {
	s.output.put(Line{
		Service: s.name, Stream: Notice, Time: time.Now(),
		Text: fmt.Sprintf("%q stands at its terminal; to answer: bounce attach %s", prompt, s.name),
	})
}

// prepare tells the host that the service is about to load what there is now,
// and removes bytecode that would be in the way.
func (s *service) prepare(n *incarnation) error {
	before := s.host.before
	if n == s.heir && !n.early {
		before = s.host.beside
	}
	if before == nil {
		return nil
	}
	// The host notes what the generation is started from: that has to be the
	// spec of that moment, whatever letter is on its way.
	var sources []string
	for {
		spec := s.renew()
		more, err := before(s.host.ctx, s.name, n.generation)
		if err != nil {
			return err
		}
		if sources = append(sources, more...); s.newest.Load() == spec {
			break
		}
	}
	if s.host.dry {
		return nil
	}
	s.distrust(sources)
	return nil
}

// distrust removes the bytecode of sources. Of what stays the service is told
// nothing by its Python, from now on until it is gone or another one.
func (s *service) distrust(sources []string) {
	known := s.doubtful
	var err error
	s.doubtful, err = dropBytecode(s.host.dir, s.spec.Dir, s.spec.environ(), append(slices.Clone(known), sources...))
	if len(without(s.doubtful, known)) > 0 {
		s.host.emit(Event{Kind: KindWarning, Time: time.Now(), Service: s.name, State: s.state,
			What: fmt.Sprintf("%v; %s is started without bytecode (%s), which takes longer", err, s.name, noBytecode)})
	}
}

// renew takes the newest spec.
func (s *service) renew() *Spec {
	spec := s.newest.Load()
	if !reflect.DeepEqual(s.spec, *spec) {
		s.apart = ""
	}
	s.spec = *spec
	if !s.warms() {
		s.wean("warm starts were off")
	}
	return spec
}

// ended notes that the command has ended, once: the news comes from the
// command itself and again when nothing of its generation is left.
func (s *service) ended(n *incarnation) {
	if n.over || n.proc == nil {
		return
	}
	exit := n.proc.exit()
	about := Event{Kind: KindExited, Time: time.Now(), PID: n.proc.pid(), Exit: &exit, What: exit.String()}
	if !n.asked && n.fault == "" && !s.spec.Restart.succeeded(exit) {
		about.Kind = KindCrashed
	}
	if !n.asked && (n.fault != "" || about.Kind == KindCrashed) {
		s.stillborn(n, cmp.Or(n.fault, exit.String()))
	}
	if n.nursed && n == s.incarnation && s.heir == nil && s.intent == Up {
		s.nurse(n) // with all that it has loaded
	}
	s.compare(n)
	n.over = true
	n.deafen()
	s.announce(n, about)
	s.happens(n, exited, Event{What: exit.String()})
}

// end ends what is left of a generation, in the background.
func (s *service) end(n *incarnation) {
	at := letter{event: vanished, generation: n.generation}
	if n.proc == nil {
		preparing := n.preparing
		s.work.Go(func() {
			if preparing != nil {
				preparing()
			}
			s.inbox.put(at)
		})
		return
	}
	proc, pipes, stop, asked := n.proc, n.pipes, s.spec.Stop, n.asked
	farewell := s.farewell(n, s.reason)
	var old []*os.File
	queues, mine := true, proc.sockets
	switch {
	case s.heir == nil:
		old, mine = s.handOver(), nil
	case s.heir.early && n != s.heir:
		old = s.handOver()
	case n.early && n.asked && !n.over && s.intent == Up:
		// What it has not accepted is for the next one.
		old, queues = s.ahead(), false
	}
	s.work.Go(func() {
		farewell(context.Background())
		if len(old) > 0 {
			// The grace is for both: to read what has come, and to answer it.
			begin := time.Now()
			settle(old, queues, mine, stop.Grace/2, s.host.force)
			stop.Grace -= time.Since(begin)
		}
		left := proc.end(stop, s.host.force)
		if len(left) > 0 {
			at.event, at.pids = stuck, left
			s.inbox.put(at)
			return
		}
		// The last words matter only to judge a failure: a wished restart
		// goes on at once.
		pipes.finish()
		if !asked {
			<-pipes.done
		}
		s.inbox.put(at)
	})
}

// stick notes what of a generation cannot be ended.
func (s *service) stick(n *incarnation, pids []int) {
	n.survivors = pids
	if n != s.heir {
		s.happen(stuck, Event{What: s.cannotEnd(n)})
		return
	}
	s.refused = &refusal{n.generation, fmt.Sprintf("generation %d is to end: %s", n.generation, s.cannotEnd(n))}
	s.hold = s.holdFor("rollback", s.refused.why)
	s.develop(stuck, Event{})
	if s.vacant {
		s.inheritance()
	}
}

// vacate goes on when nothing of a generation is left.
func (s *service) vacate(n *incarnation) {
	s.ended(n)
	n.survivors = nil
	if n.proc != nil {
		s.call(afterStop, n, cmp.Or(n.fault, s.reason))
	}
	switch {
	case n == s.heir:
		s.develop(emptied, Event{})
	case s.heir != nil:
		s.inheritance()
	default:
		s.takeOver()
		s.settleEnd()
	}
}

// settleEnd decides what follows when nothing is left of any generation.
func (s *service) settleEnd() {
	s.vacateSockets()
	switch {
	case s.intent == Down:
		s.happen(emptied, Event{What: s.parting})
	case s.next != nil:
		s.happen(renewed, Event{What: s.next.why})
	case s.sentence != nil:
		s.serve()
	case s.start.odd:
		s.tryAgain(findings{what: s.fault}, "by a cold start, which knows of it", true)
	default:
		f, what := failure{}, s.fault
		if what == "" && s.proc != nil {
			exit := s.proc.exit()
			f.ok, what = s.spec.Restart.succeeded(exit), exit.String()
			f.signalled = exit.Signal != ""
			if !f.signalled {
				f.code = exit.Code
			}
		}
		s.judge(f, what)
	}
}

// findings are what is known of a failure.
type findings struct {
	failure
	what   string   // in words
	tail   []string // the last lines
	trace  traceback
	traced bool
}

// inquest finds out more of how a generation failed: the exception that ended
// it, and who has the port that it needs.
func (s *service) inquest(n *incarnation, f failure, what string) findings {
	tail := s.tail(n.generation)
	d := findings{failure: f, what: what, tail: tail.all}
	d.trace, d.traced = parseTraceback(tail.stderr)
	if d.traced = d.traced && !f.ok && !f.signalled && !tail.wentOn(d.trace.at); d.traced {
		d.class = d.trace.class
		d.what += ": " + d.trace.text
		if d.class == "BdbQuit" && !s.spec.TTY {
			// breakpoint() has found its input at its end.
			d.what += fmt.Sprintf(": a debugger needs a terminal: 'bounce up --tty', or tty: true and 'bounce attach %s'", s.name)
		}
	}
	if host, port, ok := s.spec.Ready.endpoint(); ok && !f.ok && n.proc != nil {
		if who := n.proc.owner(host, port); who.pid != 0 && !s.holds(port) {
			d.taken = true
			if taken := who.taken(port).Error(); !strings.Contains(d.what, taken) {
				d.what += "; " + taken
			}
		}
	}
	return d
}

// judge decides what follows an end that nobody wished for.
func (s *service) judge(f failure, what string) {
	s.failing = !f.ok
	f.served = s.shown || s.served
	d := s.inquest(s.incarnation, f, what)
	what = d.what
	if !f.ok {
		s.call(onFailure, s.incarnation, what)
	}
	if s.vain() && !f.ok {
		s.report(downfall{what: what})
		s.holdByPlan(what)
		return
	}
	if !f.ok && s.blames(s.incarnation) && (s.spec.Restart.When == Never || s.spec.Restart.final(d.failure)) {
		s.tryCold(d)
		return
	}
	if s.early && !s.shown && !s.spec.Restart.final(d.failure) {
		s.tryAlone(d)
		return
	}
	now := time.Now()
	v := s.account.judge(s.spec.Restart, d.failure, now, s.host.random())
	s.report(downfall{at: now, what: what, ok: f.ok, paid: v.attempt > 0})
	s.completed = v.event == done
	about := Event{What: what, Attempt: v.attempt, Wait: v.wait, Fatal: v.fatal}
	if !f.ok {
		about.Tail = d.tail
	}
	if v.event == spent || v.event == cooled {
		s.call(onExhausted, s.incarnation, what)
	}
	switch v.event {
	case crashed:
		s.cause, s.reasons = CauseCrash, nil
		if f.ok {
			s.cause = CauseExit
		}
		s.why = what
		about.What = fmt.Sprintf("%s; next start in %s", what, v.wait.Round(time.Millisecond))
	case cooled:
		s.cause, s.reasons, s.why = CauseCrash, nil, what
		about.What = fmt.Sprintf("%s; %s, next try in %s", what, v.why, v.wait)
		about.Hold = s.holdFor("budget", about.What)
		about.Hold.EndsWhen = fmt.Sprintf("%s have passed, or %s", v.wait, s.mends())
	case spent:
		about.What = what + "; " + v.why
		about.Hold = s.holdFor("budget", about.What)
	case doomed:
		about.Hold = s.holdFor("error", what)
		if d.traced {
			about.Hold.Path, about.Hold.Line = s.relative(d.trace.file), d.trace.line
			if holds([]string{"SyntaxError"}, d.class) {
				about.Hold.Kind = "syntax"
			}
		}
	}
	s.happen(v.event, about)
}

// vain reports whether a plan says that what is on disk cannot run.
func (s *service) vain() bool {
	return s.planHold != nil && (s.planHold.Kind == "syntax" || s.planHold.Kind == "import")
}

// holdByPlan keeps a service that has failed from a vain retry until the
// plan's hold is over.
func (s *service) holdByPlan(what string) {
	if what == "" {
		what = s.planHold.What
	}
	s.happen(doomed, Event{What: what, Hold: s.planHold})
	s.byPlan = true
}

func (s *service) holdFor(kind, what string) *decider.Hold {
	return &decider.Hold{Kind: kind, Service: s.name, What: what, EndsWhen: s.mends()}
}

// mends says what ends a hold.
func (s *service) mends() string {
	return fmt.Sprintf("a change reaches %s, or bounce restart %s", s.name, s.name)
}

// relative returns a path as the project writes it, if it can.
func (s *service) relative(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.spec.Dir, path)
	}
	if rel, err := filepath.Rel(s.host.dir, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// lastWords are the last lines of a generation.
type lastWords struct {
	all, stderr []string
	times       []time.Time // of stderr
	spoke       time.Time   // of the last line on standard output
}

// flushed is how much later than a traceback that it has died of a process may
// print what it had not written to standard output yet.
const flushed = time.Second

// wentOn reports whether something was printed well after a line of stderr.
func (w lastWords) wentOn(line int) bool { return w.spoke.Sub(w.times[line]) > flushed }

// tailLines is how many lines go with a failure, stderrLines how many are
// searched for a traceback.
const (
	tailLines   = 20
	stderrLines = 60
)

// colours are what Python writes around the words of a traceback on a terminal.
var colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")

func (s *service) tail(generation int) lastWords {
	var w lastWords
	for _, l := range s.kept.last(generation, s.kept.limit) {
		w.all = append(w.all, l.Text)
		switch {
		case ofHook(l.Text): // which says nothing of how it ended
		case l.Stream == Stderr || l.Stream == Terminal:
			w.stderr, w.times = append(w.stderr, colours.ReplaceAllString(l.Text, "")), append(w.times, l.Time)
		case l.Stream == Stdout:
			w.spoke = l.Time
		}
	}
	w.all = w.all[max(0, len(w.all)-tailLines):]
	first := max(0, len(w.stderr)-stderrLines)
	w.stderr, w.times = w.stderr[first:], w.times[first:]
	return w
}

// dropped reports lost lines; it runs on the outlet's goroutine.
func (s *service) dropped(n int) {
	now := time.Now()
	s.host.sink(Line{Service: s.name, Stream: Notice, Time: now, Text: fmt.Sprintf("%d lines dropped", n)})
	s.host.emit(Event{Kind: KindDropped, Time: now, Service: s.name, Count: n})
}

// emit fills in what all events of a service have. Who gets one finds it in
// the status too.
func (s *service) emit(e Event) {
	s.publish()
	e.Service, e.State = s.name, s.state
	if e.Generation == 0 {
		e.Generation = s.generation
		if s.proc != nil && !s.over {
			e.PID = s.proc.pid()
		}
	}
	if e.Cause == "" {
		e.Cause, e.Reasons = s.cause, s.reasons
		if s.next != nil {
			e.Cause, e.Reasons = s.next.cause, s.next.reasons
		}
	}
	s.host.emit(e)
}

// publish shows the others what is.
func (s *service) publish() {
	st := Status{
		Name: s.name, State: s.state, Intent: s.intent, Health: HealthUnknown,
		Generation: s.generation, Restarts: s.restarts, Reason: s.reason,
		Start: s.incarnation.start.String(), Since: s.since, Survivors: s.survivors, Hold: s.hold, Listen: s.addresses(), Next: s.successor(),
	}
	if s.spec.Overlap {
		st.Apart = s.aside()
	}
	if s.hold == nil {
		st.Hold = s.planHold
	}
	if pid := s.pidNow(); pid != 0 {
		started := s.proc.since()
		st.PID, st.Started, st.Says = &pid, &started, s.says
	}
	switch {
	case s.state == StateReady || s.state == StateDraining:
		st.Health = HealthReady
	case s.state == StateUnverified:
		st.Health = HealthUnverified
	case s.failing:
		st.Health = HealthFailing
	}
	rests := s.rests()
	st.Completed, st.Units = s.completed, s.units.status()
	if rests && s.settled != s.turn {
		s.settled, s.outcome = s.turn, outcome{st, s.refused}
	}
	s.now.Store(&view{
		status: st, turn: s.turn, settled: s.settled, outcome: s.outcome, moving: !rests, stays: s.state.live() && s.stays(),
		ask: s.asks, needs: s.spec.DependsOn, listens: s.holding(), tty: s.spec.TTY,
	})
	ring(s.host.changed)
}

// merge adds a wish to one that waits; either may be nil.
func (w *wish) merge(more *wish) *wish {
	switch {
	case w == nil:
		return more
	case more == nil:
		return w
	}
	merged := &wish{cause: more.cause, why: more.why, reasons: slices.Clone(w.reasons)}
	if w.cause.asked() && !more.cause.asked() {
		merged.cause, merged.why = w.cause, w.why
	}
	for _, r := range more.reasons {
		if !slices.ContainsFunc(merged.reasons, func(have decider.Reason) bool {
			return have.Path == r.Path && have.Package == r.Package && have.Change == r.Change && have.Rule == r.Rule
		}) {
			merged.reasons = append(merged.reasons, r)
		}
	}
	return merged
}

func join(pids []int) string {
	words := make([]string, len(pids))
	for i, p := range pids {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, ", ")
}

// pipes are the agent's ends of a command's output.
type pipes struct {
	ward    *ward                             // that reads it for us; nil when we do ourselves
	late    func(each func(l Line, old bool)) // what was read before; nil for nothing
	ends    []pipe
	reading sync.WaitGroup
	done    chan struct{} // closed when all have been read to the end
}

// pipe is one of them: an end of a pipe, or of a terminal.
type pipe struct {
	stream Stream
	end    interface {
		io.ReadCloser
		SetReadDeadline(time.Time) error
	}
}

func newPipes(ends ...pipe) *pipes { return &pipes{ends: ends, done: make(chan struct{})} }

// drainTime is how long what is in a pipe may take to be read once the
// processes are gone. A process that is not ours to end may hold the other end
// for ever.
const drainTime = 300 * time.Millisecond

// openPipes returns the reading ends, and the two files for the command.
func openPipes() (*pipes, *os.File, *os.File, error) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return nil, nil, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	return newPipes(pipe{Stdout, outR}, pipe{Stderr, errR}), outW, errW, nil
}

// read calls each for every line, from one goroutine per stream. The line has
// its stream, time and text.
func (p *pipes) read(each func(l Line, old bool)) {
	switch {
	case p.late != nil:
		p.late(each)
		close(p.done)
		return
	case p.ward != nil:
		go func() {
			p.ward.listen(each)
			close(p.done)
		}()
		return
	}
	for _, e := range p.ends {
		p.reading.Go(func() {
			lines.Read(e.end, func(text []byte, split bool) {
				each(Line{Stream: e.stream, Time: time.Now(), Text: string(text), Split: split}, false)
			})
			e.end.Close()
		})
	}
	go func() {
		p.reading.Wait()
		close(p.done)
	}()
}

// finish gives the readers a moment to come to the end. A ward that has not
// ended is left to itself.
func (p *pipes) finish() {
	if p.ward != nil {
		p.ward.leave()
		return
	}
	for _, e := range p.ends {
		_ = e.end.SetReadDeadline(time.Now().Add(drainTime)) // closed already is fine
	}
}

// close closes ends that nobody reads.
func (p *pipes) close() {
	for _, e := range p.ends {
		e.end.Close()
	}
}
