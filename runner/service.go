package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bounce/decider"
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
	leave  chan struct{} // closed when nobody waits for its processes any more
	done   chan struct{} // closed when run has returned

	// Owned by run.
	spec     Spec
	state    State
	since    time.Time
	reason   string
	intent   Intent
	turn     uint64 // of the last wish
	settled  uint64 // the last turn that has come to rest
	outcome  Status // how it did
	asks     uint64 // times it has come to Waiting
	next     *wish  // the generation that is wanted, beside the one there is
	restarts Restarts
	account  account
	failing  bool // the last generation failed
	// hold is what a held service waits for; planHold is what plans say.
	hold, planHold *decider.Hold
	byPlan         bool // held because of planHold

	// Of the current generation.
	generation int
	cause      Cause
	reasons    []decider.Reason
	why        string // in words, what brought it about
	proc       process
	pipes      *pipes
	fault      string // why it is being ended, when it did not end itself
	asked      bool   // its end was wished for
	over       bool   // its command has ended
	survivors  []int
	// What the generation says of itself, see report.go.
	ear          *ear // nil when it is not listened to
	sign         sign
	says         string        // its STATUS
	main         int           // its MAINPID, 0 for none
	every        time.Duration // between heartbeats, 0 for none
	vigil        vigil
	alarm        *time.Timer // of vigil
	begun, until time.Time   // when it was launched, and when that is overdue
	unready      atomic.Pointer[error]

	sockets []*held  // that it is lent, over all generations
	stray   []*stray // of an earlier agent; ended before the first start

	timer *time.Timer        // of the current state
	quiet context.CancelFunc // ends the prober; nil when none runs
	work  sync.WaitGroup     // goroutines of this service
}

// host is what all services of a runner share; it does not change.
type host struct {
	run    string
	dir    string
	dry    bool
	ctx    context.Context // ends when Close is called
	stop   context.CancelFunc
	force  <-chan struct{} // closed when everything is to be killed
	before func(ctx context.Context, service string, generation int) ([]string, error)
	// beforeAction and afterAction may be nil, as may before.
	beforeAction func(ctx context.Context, action string) (Errand, error)
	afterAction  func(action string, err error)
	scratch      string
	emit         func(Event)
	sink         func(Line)
	lines        int
	random       func() float64
	start        starter
	// changed rings when a view was published.
	changed chan struct{}
}

// wish is a generation that is wanted, and why.
type wish struct {
	cause   Cause
	reasons []decider.Reason
	why     string
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
	spec *Spec         // with respec
	hold *decider.Hold // with withhold
	// signal is the name of one that is to be sent, reply is told what came of
	// it.
	signal string
	reply  func(error)
	notice notice // with noticed
}

// Letters that are no events of the table.
const (
	vanished event = "vanished" // nothing of the generation is left
	respec   event = "respec"   // the spec has changed
	withhold event = "withhold" // what plans hold has changed
	told     event = "told"     // send the command a signal
	noticed  event = "noticed"  // the generation says something
	rung     event = "rung"     // something should have been said by now
	quit     event = "quit"     // end the goroutine
)

// view is what others see of a service; it does not change once published.
type view struct {
	status  Status
	turn    uint64
	settled uint64
	outcome Status
	ask     uint64
	needs   []string
}

func newService(h *host, spec Spec, strays []*stray) *service {
	s := &service{
		name: spec.Name, host: h, spec: spec,
		inbox: newMailbox[letter](), leave: make(chan struct{}), done: make(chan struct{}),
		kept:  &kept{limit: h.lines},
		state: StateStopped, since: time.Now(), intent: Up, stray: strays,
	}
	s.output = newOutlet(h.sink, s.dropped)
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
				// Of a service that is unclean the goroutines below would
				// wait for what does not end.
				close(s.leave)
				s.deafen()
				s.releaseSockets()
				if s.pipes != nil {
					s.pipes.finish()
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
	if l.generation != 0 && l.generation != s.generation || l.state != "" && l.state != s.state {
		return // of another life
	}
	switch l.event {
	case wanted, called:
		s.turn, s.intent = l.turn, Up
		s.account.forgive()
		if _, ok := next(s.state, l.event); ok {
			s.next = s.next.merge(l.wish)
			s.asked = s.asked || s.state.live()
		}
		s.happen(l.event, Event{What: l.wish.why})
	case down:
		// Down means that nothing of it runs, what an earlier agent left
		// included. What does not go away is tried again before a start.
		if len(s.stray) > 0 && len(endStrays(s.stray, s.host.force)) == 0 {
			s.stray = nil
		}
		s.turn, s.intent, s.next = l.turn, Down, nil
		s.asked = s.asked || s.state.live()
		s.happen(down, Event{What: l.why})
	case cleared:
		if l.ask == s.asks {
			s.happen(cleared, Event{})
		}
	case exited:
		s.ended()
	case overdue:
		if time.Now().Before(s.until) {
			return // it was given more time meanwhile
		}
		s.fault = s.late()
		s.happen(overdue, Event{What: s.fault})
	case ailing:
		s.ail(l.err)
	case noticed:
		s.hear(l.notice)
	case rung:
		if why := s.vigil.missed(time.Now()); why != "" {
			s.ail(errors.New(why))
		} else {
			s.watchOut()
		}
	case vanished:
		s.vacate()
	case stuck:
		s.survivors = l.pids
		s.happen(stuck, Event{What: fmt.Sprintf("cannot end pid %s", join(l.pids))})
	case elapsed:
		if s.vain() && s.state != StateUnclean {
			s.holdByPlan("")
			return
		}
		if s.state != StateUnclean {
			s.next = s.next.merge(&wish{cause: s.cause, why: s.why})
		}
		s.happen(elapsed, Event{What: s.why})
	case respec:
		s.spec = *l.spec
	case told:
		l.reply(s.send(l))
	case withhold:
		s.planHold = l.hold
		if s.byPlan && !s.vain() {
			s.happen(released, Event{What: "the hold is over"})
		}
	default:
		s.happen(l.event, Event{})
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
	case launch:
		s.launch()
	case probe:
		s.probe()
	case guard:
		s.guard()
	case forgive:
		if s.account.streak > 0 || s.account.cooldowns > 0 {
			s.account.forgive()
			s.emit(Event{Kind: KindForgiven, Time: time.Now()})
		}
	case end:
		s.end()
	case delay:
		s.arm(about.Wait, elapsed)
	case look:
		s.arm(lookAgain, elapsed)
	}
}

// lookAgain is the pause before another attempt to end what does not end.
const lookAgain = 5 * time.Second

// enter is the one place where the state changes; it records when and why.
func (s *service) enter(to State, about Event) {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.quiet != nil {
		s.quiet()
		s.quiet = nil
	}
	about.Kind, about.Time = Kind(to), time.Now()
	s.state, s.since, s.reason = to, about.Time, about.What
	s.hold, s.byPlan = about.Hold, false
	switch to {
	case StateStopped:
		s.releaseSockets()
	case StateWaiting:
		s.asks++
		if s.next == nil {
			s.next = &wish{cause: s.cause, why: s.why}
		}
	case StateStarting:
		// The generation that begins is the wished one.
		w := s.next
		s.next = nil
		s.generation++
		s.cause, s.reasons, s.why = w.cause, w.reasons, w.why
		s.reason, about.What = s.why, s.why
		s.proc, s.pipes, s.fault, s.asked, s.over, s.survivors = nil, nil, "", false, false, nil
		s.count()
	case StateReady, StateUnverified:
		s.failing = false
		s.reason, about.What = s.why, s.why
	}
	s.emit(about)
}

// count books a restart to who wanted it; the first generation is none.
func (s *service) count() {
	if s.generation == 1 {
		return
	}
	switch s.cause {
	case CauseOperator:
		s.restarts.Operator++
	case CauseCrash, CauseExit:
		s.restarts.Crash++
	default:
		s.restarts.Change++
	}
}

// arm sets the timer of the current state.
func (s *service) arm(d time.Duration, e event) {
	l := letter{event: e, generation: s.generation, state: s.state}
	s.timer = time.AfterFunc(d, func() { s.inbox.put(l) })
}

// launch starts the command of a new generation.
func (s *service) launch() {
	err := s.tryLaunch()
	if err == nil {
		s.emit(Event{Kind: KindStarted, Time: s.proc.since(), PID: s.proc.pid()})
		s.happen(launched, Event{})
		return
	}
	s.failing = true
	var permanent *StartError
	switch {
	case s.host.ctx.Err() != nil:
		s.happen(emptied, Event{What: "the agent stops"})
	case errors.As(err, &permanent):
		s.happen(refused, Event{What: err.Error(), Hold: &decider.Hold{
			Kind: "start", Service: s.name, What: err.Error(), EndsWhen: s.mends(),
		}})
	default:
		var taken *takenError
		s.judge(failure{taken: errors.As(err, &taken)}, err.Error())
	}
}

func (s *service) tryLaunch() error {
	s.deafen()
	if len(s.stray) > 0 {
		if left := endStrays(s.stray, s.host.force); len(left) > 0 {
			return fmt.Errorf("cannot start: pid %s of an earlier agent cannot be ended", join(left))
		}
		s.stray = nil
	}
	if err := s.prepare(); err != nil {
		return &StartError{Command: s.spec.Argv[0], Problem: err.Error(), Err: err}
	}
	if err := s.holdSockets(); err != nil {
		return err
	}
	env, err := s.lendEar()
	if err != nil {
		return err
	}
	if s.sign, err = prepareSign(s.spec.Ready); err != nil {
		return err
	}
	pipes, stdout, stderr, err := openPipes()
	if err != nil {
		return err
	}
	files, names := s.lent()
	for _, h := range s.sockets {
		h.block()
	}
	proc, err := s.host.start.start(
		command{argv: s.spec.Argv, dir: s.spec.Dir, env: env, files: files, names: names},
		s.mark(), stdout, stderr)
	if err != nil {
		pipes.close()
		return err
	}
	s.proc, s.pipes = proc, pipes
	s.attend()
	generation := s.generation
	seen := s.seeLine()
	s.pipes.read(func(stream Stream, text string, split bool) {
		l := Line{Service: s.name, Generation: generation, Stream: stream, Time: time.Now(), Text: text, Split: split}
		s.kept.add(l)
		s.output.put(l)
		seen(text)
	})
	s.work.Go(func() { <-pipes.done })
	s.work.Go(func() {
		select {
		case <-proc.exited():
			s.inbox.put(letter{event: exited, generation: generation})
		case <-s.leave:
		}
	})
	return nil
}

// prepare tells the host that the service is about to load what there is now,
// and removes bytecode that would be in the way.
func (s *service) prepare() error {
	if s.host.before == nil {
		return nil
	}
	sources, err := s.host.before(s.host.ctx, s.name, s.generation)
	if err != nil || s.host.dry {
		return err
	}
	return dropBytecode(s.host.dir, s.spec.Dir, s.spec.Env, sources)
}

// ended notes that the command has ended, once: the news comes from the
// command itself and again when nothing of its generation is left.
func (s *service) ended() {
	if s.over {
		return
	}
	s.over = true
	s.deafen()
	exit := s.proc.exit()
	about := Event{Kind: KindExited, Time: time.Now(), PID: s.proc.pid(), Exit: &exit, What: exit.String()}
	if !s.asked && s.fault == "" && !s.spec.Restart.succeeded(exit) {
		about.Kind = KindCrashed
	}
	s.emit(about)
	s.happen(exited, Event{What: exit.String()})
}

// end ends what is left of the generation, in the background.
func (s *service) end() {
	at := letter{event: vanished, generation: s.generation}
	proc, pipes, stop, asked := s.proc, s.pipes, s.spec.Stop, s.asked
	old := s.handOver()
	s.work.Go(func() {
		if len(old) > 0 {
			// The grace is for both: to read what has come, and to answer it.
			begin := time.Now()
			settle(old, stop.Grace/2, s.host.force)
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

// vacate goes on when nothing of the generation is left.
func (s *service) vacate() {
	s.ended()
	s.takeOver()
	s.survivors = nil
	switch {
	case s.intent == Down:
		s.happen(emptied, Event{What: s.reason})
	case s.next != nil:
		s.happen(renewed, Event{What: s.next.why})
	default:
		f, what := failure{}, s.fault
		if what == "" {
			exit := s.proc.exit()
			f.ok, what = s.spec.Restart.succeeded(exit), exit.String()
			f.signalled = exit.Signal != ""
		}
		s.judge(f, what)
	}
}

// judge decides what follows an end that nobody wished for.
func (s *service) judge(f failure, what string) {
	s.failing = !f.ok
	tail := s.tail()
	trace, traced := parseTraceback(tail.stderr)
	if traced = traced && !f.ok && !f.signalled; traced {
		f.class = trace.class
		what += ": " + trace.text
	}
	if s.vain() && !f.ok {
		s.holdByPlan(what)
		return
	}
	if host, port, ok := s.spec.Ready.endpoint(); ok && !f.ok && s.proc != nil {
		if who := s.proc.owner(host, port); who.pid != 0 && !s.holds(port) {
			f.taken = true
			if taken := who.taken(port).Error(); !strings.Contains(what, taken) {
				what += "; " + taken
			}
		}
	}
	v := s.account.judge(s.spec.Restart, f, time.Now(), s.host.random())
	about := Event{What: what, Attempt: v.attempt, Wait: v.wait, Fatal: v.fatal}
	if !f.ok {
		about.Tail = tail.all
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
		if traced {
			about.Hold.Path, about.Hold.Line = s.relative(trace.file), trace.line
			if holds([]string{"SyntaxError"}, trace.class) {
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
type lastWords struct{ all, stderr []string }

// tailLines is how many lines go with a failure, stderrLines how many are
// searched for a traceback.
const (
	tailLines   = 20
	stderrLines = 60
)

func (s *service) tail() lastWords {
	var w lastWords
	for _, l := range s.kept.last(s.generation, s.kept.limit) {
		w.all = append(w.all, l.Text)
		if l.Stream == Stderr {
			w.stderr = append(w.stderr, l.Text)
		}
	}
	w.all = w.all[max(0, len(w.all)-tailLines):]
	w.stderr = w.stderr[max(0, len(w.stderr)-stderrLines):]
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
	e.Service, e.Generation, e.State = s.name, s.generation, s.state
	if s.proc != nil && !s.over {
		e.PID = s.proc.pid()
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
		Since: s.since, Survivors: s.survivors, Hold: s.hold, Listen: s.addresses(),
	}
	if s.hold == nil {
		st.Hold = s.planHold
	}
	if s.proc != nil && !s.over {
		pid, started := s.proc.pid(), s.proc.since()
		if s.main != 0 {
			pid = s.main
		}
		st.PID, st.Started, st.Says = &pid, &started, s.says
	}
	switch {
	case s.state == StateReady:
		st.Health = HealthReady
	case s.state == StateUnverified:
		st.Health = HealthUnverified
	case s.failing:
		st.Health = HealthFailing
	}
	if !s.state.moving() && s.settled != s.turn {
		s.settled, s.outcome = s.turn, st
	}
	s.now.Store(&view{status: st, turn: s.turn, settled: s.settled, outcome: s.outcome, ask: s.asks, needs: s.spec.DependsOn})
	ring(s.host.changed)
}

// merge adds a wish to one that waits, which may be nil.
func (w *wish) merge(more *wish) *wish {
	if w == nil {
		return more
	}
	merged := &wish{cause: more.cause, why: more.why, reasons: slices.Clone(w.reasons)}
	for _, r := range more.reasons {
		if !slices.ContainsFunc(merged.reasons, func(have decider.Reason) bool {
			return have.Path == r.Path && have.Change == r.Change && have.Rule == r.Rule
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
	ends    [2]*os.File // of stdout and stderr
	reading sync.WaitGroup
	done    chan struct{} // closed when both have been read to the end
}

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
	return &pipes{ends: [2]*os.File{outR, errR}, done: make(chan struct{})}, outW, errW, nil
}

// read calls each for every line, from one goroutine per stream.
func (p *pipes) read(each func(stream Stream, text string, split bool)) {
	for i, stream := range []Stream{Stdout, Stderr} {
		p.reading.Go(func() {
			readLines(p.ends[i], func(text string, split bool) { each(stream, text, split) })
			p.ends[i].Close()
		})
	}
	go func() {
		p.reading.Wait()
		close(p.done)
	}()
}

// finish gives the readers a moment to come to the end.
func (p *pipes) finish() {
	for _, f := range p.ends {
		_ = f.SetReadDeadline(time.Now().Add(drainTime)) // closed already is fine
	}
}

// close closes ends that nobody reads.
func (p *pipes) close() {
	for _, f := range p.ends {
		f.Close()
	}
}
