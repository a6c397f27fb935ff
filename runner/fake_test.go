package runner

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bounce/decider"
)

// world has processes that do what a script says, in the time of a synctest
// bubble.
type world struct {
	t *testing.T

	mu sync.Mutex
	// runs has what the starts of a service do, in order; the last is for all
	// further ones. A service without runs runs until it is ended.
	runs   map[string][]run
	starts map[string]int
	alive  map[string]int
	log    []string // "0s start a/1", "3s end a/1"
	zero   time.Time
	rolls  bool // two generations of a service may be there
	lives  map[mark]*fake
	draw   func(Hook) run // for what has no runs; nil: services run, hooks end at once

	care    care     // of parents
	loaded  []string // by the last parent
	parents int      // made, or tried to be made
}

// run is the behaviour of one process.
type run struct {
	// refuse is an error of the start.
	refuse error
	// after is when it ends by itself, with exit and printing stderr; 0: never.
	after  time.Duration
	exit   Exit
	stderr string
	// linger is how long it takes to end when told to; it dies of KILL.
	linger time.Duration
	// immortal ones do not die at all for so many attempts.
	immortal int
	// reads is told the environment.
	reads func(env []string)
	// busy is how long it has connections after its start, 0 for none; ready is
	// when probes begin to pass, and ill when they cease to, 0 for never.
	busy, ready, ill time.Duration
}

func newWorld(t *testing.T) *world {
	return &world{t: t, runs: make(map[string][]run), starts: make(map[string]int), alive: make(map[string]int), lives: make(map[mark]*fake), zero: time.Now()}
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%s ", time.Since(w.zero))+fmt.Sprintf(format, args...))
}

func (w *world) start(c command, m mark, stdout, stderr *os.File) (process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer stdout.Close()
	defer stderr.Close()
	if _, probed := strings.CutPrefix(m.service, probeMark); probed {
		return w.probe(m), nil
	}
	hook := m.hook != ""
	if hook {
		m.service = string(m.hook)
	}
	n := w.starts[m.service]
	w.starts[m.service]++
	var r run
	if runs := w.runs[m.service]; len(runs) > 0 {
		r = runs[min(n, len(runs)-1)]
	} else if w.draw != nil {
		r = w.draw(m.hook)
	} else if m.hook != "" {
		r.after = time.Nanosecond
	}
	name := fmt.Sprintf("%s/%d", m.service, n+1)
	if m.hook != "" {
		name = fmt.Sprintf("%s of %d", m.hook, m.generation)
	}
	if r.refuse != nil {
		w.note("refuse %s", name)
		return nil, r.refuse
	}
	if r.reads != nil {
		r.reads(c.env)
	}
	// One hook may still be ending when the next generation's begins.
	if n := w.alive[m.service]; n > 0 && !hook && (n > 1 || !w.rolls) {
		w.t.Errorf("%s is started beside %d others", name, n)
	}
	if was := w.lives[m]; was != nil {
		select {
		case <-was.gone:
		default:
			w.t.Errorf("%s is started beside itself", name)
		}
	}
	w.alive[m.service]++
	w.note("start %s", name)
	stderr.WriteString(r.stderr)
	p := &fake{w: w, run: r, name: name, service: m.service, number: 1000 + n, begun: time.Now(), gone: make(chan struct{}), told: make(chan struct{}), killed: make(chan struct{})}
	w.lives[m] = p
	go p.live()
	return p, nil
}

// probe answers for a process, by when it is to be ready.
func (w *world) probe(m mark) process {
	m.service = strings.TrimPrefix(m.service, probeMark)
	p := &fake{w: w, begun: time.Now(), gone: make(chan struct{})}
	if of := w.lives[m]; of == nil || time.Since(of.begun) < of.run.ready || of.run.ill > 0 && time.Since(of.begun) >= of.run.ill {
		p.status = Exit{Code: 1}
	}
	close(p.gone)
	return p
}

// events returns the log and empties it.
func (w *world) events() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.Join(w.log, "; ")
	w.log = nil
	return text
}

// fake is one such process.
type fake struct {
	w             *world
	run           run
	name, service string
	number        int
	begun         time.Time
	gone          chan struct{}
	status        Exit
	ended         time.Time
	once, mortal  sync.Once
	told, killed  chan struct{}
	attempts      int
}

func (p *fake) live() {
	var end <-chan time.Time
	if p.run.after > 0 {
		end = time.After(p.run.after)
	}
	status := p.run.exit
	select {
	case <-end:
	case <-p.told:
		select {
		case <-time.After(p.run.linger):
			status = Exit{Code: -1, Signal: "SIGTERM"}
		case <-p.killed:
			status = Exit{Code: -1, Signal: "SIGKILL"}
		}
	}
	p.w.mu.Lock()
	p.status, p.ended = status, time.Now()
	p.w.alive[p.service]--
	p.w.note("end %s %s", p.name, status)
	p.w.mu.Unlock()
	close(p.gone)
}

func (p *fake) pid() int                { return p.number }
func (p *fake) since() time.Time        { return p.begun }
func (p *fake) exited() <-chan struct{} { return p.gone }
func (p *fake) exit() Exit              { return p.status }
func (p *fake) leave()                  {}
func (p *fake) signal(name string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.note("%s %s", name, p.name)
	return nil
}
func (p *fake) owner(string, int) ownership { return ownership{unknown: true} }
func (p *fake) has(int) (ours, known bool)  { return true, true }
func (p *fake) sockets() map[string]bool    { return nil }
func (p *fake) busy() (busy, known bool)    { return time.Since(p.begun) < p.run.busy, true }

func (p *fake) end(s Stop, force <-chan struct{}) []int {
	select {
	case <-p.gone:
		return nil
	default:
	}
	if p.attempts++; p.attempts <= p.run.immortal {
		time.Sleep(time.Second)
		return []int{p.number}
	}
	p.once.Do(func() { close(p.told) })
	select {
	case <-p.gone:
		return nil
	case <-time.After(s.Grace):
	case <-force:
	}
	p.mortal.Do(func() { close(p.killed) })
	<-p.gone
	return nil
}

// bubble runs a test on fake processes in fake time.
func bubble(t *testing.T, o Options, runs map[string][]run, test func(g *rig, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for name, r := range runs {
			w.runs[name] = r
		}
		o.start = w
		g := &rig{t: t, dir: t.TempDir(), patience: 1000 * time.Hour, grown: make(chan struct{})}
		o.Dir = g.dir
		o.Events = func(e Event) { g.add(func() { g.events = append(g.events, e) }) }
		r, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		g.Runner = r
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			r.Close(ctx) // the processes below tell whether it did
			w.mu.Lock()
			defer w.mu.Unlock()
			for name, n := range w.alive {
				if n != 0 {
					t.Errorf("%d processes of %s are left", n, name)
				}
			}
			if t.Failed() {
				t.Log(g.story())
			}
		})
		test(g, w)
	})
}

// fakeSpec is a service of the world with the defaults of production.
func fakeSpec(name string, needs ...string) Spec {
	var on []Dependency
	for _, n := range needs {
		on = append(on, Dependency{Name: n})
	}
	return Spec{
		Name: name, Argv: []string{name}, Dir: "/", DependsOn: on, Order: 100,
		Stop: Stop{Grace: 10 * time.Second},
		Restart: Restart{
			When:        OnFailure,
			Backoff:     Backoff{Base: time.Second, Factor: 2, Max: time.Minute},
			Budget:      Budget{Restarts: 5, Window: 300 * time.Second},
			StableAfter: 60 * time.Second,
			HoldOn:      []string{"SyntaxError", "ImportError"},
		},
	}
}

// expect compares what happened in the world.
func (w *world) expect(what, want string) {
	w.t.Helper()
	if got := w.events(); got != want {
		w.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func outcomes(results []Result) string {
	var words []string
	for _, r := range results {
		word := r.Name + " " + string(r.Outcome)
		if r.Why != "" {
			word += " (" + r.Why + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func TestCrashLoopBacksOffAndExhaustsExactlyAtItsBudget(t *testing.T) {
	crash := run{after: time.Second, exit: Exit{Code: 1}}
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {crash, crash, crash, crash, crash, crash, {}}}, func(g *rig, w *world) {
		g.Apply(planFor("a"))
		g.event("a", KindExhausted, 1)
		w.expect("crash loop", "0s start a/1; 1s end a/1 exit code 1; 2s start a/2; 3s end a/2 exit code 1; "+
			"5s start a/3; 6s end a/3 exit code 1; 10s start a/4; 11s end a/4 exit code 1; "+
			"19s start a/5; 20s end a/5 exit code 1; 36s start a/6; 37s end a/6 exit code 1")
		s := g.status("a")
		if s.Restarts != (Restarts{Crash: 5}) || s.Hold == nil || s.Hold.Kind != "budget" || s.Health != HealthFailing {
			t.Errorf("exhausted: %+v", s)
		}
		// A change starts it at once, and it has its whole budget again.
		if got := outcomes(g.up("a")); got != "a done" {
			t.Error(got)
		}
		w.expect("after a change", "37s start a/7")
		if s := g.status("a"); s.State != StateUnverified || s.Hold != nil || s.Health != HealthUnverified {
			t.Errorf("after a change: %+v", s)
		}
	})
}

func TestAChangeCutsTheBackoffShort(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: time.Second, exit: Exit{Code: 1}}, {}}}, func(g *rig, w *world) {
		g.Apply(planFor("a"))
		e := g.event("a", KindBackoff, 1)
		if e.Attempt != 1 || e.Wait != time.Second || e.Cause != CauseCrash {
			t.Errorf("%+v", e)
		}
		g.up("a")
		// The timer of the backoff means nothing to the new generation.
		time.Sleep(10 * time.Second)
		w.expect("start", "0s start a/1; 1s end a/1 exit code 1; 1s start a/2")
		if s := g.status("a"); s.Restarts != (Restarts{Change: 1}) {
			t.Errorf("%+v", s.Restarts)
		}
	})
}

func TestStabilityForgives(t *testing.T) {
	spec := fakeSpec("a")
	spec.Restart.Budget.Restarts = 1
	runs := []run{{after: time.Second, exit: Exit{Code: 1}}, {after: 61 * time.Second, exit: Exit{Code: 1}}, {after: time.Second, exit: Exit{Code: 1}}, {}}
	bubble(t, Options{Specs: []Spec{spec}}, map[string][]run{"a": runs}, func(g *rig, w *world) {
		g.Apply(planFor("a"))
		g.event("a", KindForgiven, 1)
		g.event("a", KindExhausted, 1)
		w.expect("lives", "0s start a/1; 1s end a/1 exit code 1; 2s start a/2; 1m3s end a/2 exit code 1; 1m4s start a/3; 1m5s end a/3 exit code 1")
	})
}

// A flapper is up each time, and dies after three seconds: not long enough to
// be forgiven. One that lives for 61 seconds each time is, and goes on for ever.
func TestFlapping(t *testing.T) {
	for after, want := range map[time.Duration]State{3 * time.Second: StateExhausted, 61 * time.Second: StateUnverified} {
		t.Run(after.String(), func(t *testing.T) {
			bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: after, exit: Exit{Code: 1}}}}, func(g *rig, w *world) {
				g.up("a")
				time.Sleep(100*62*time.Second + time.Second)
				synctest.Wait()
				crashes := 6 // the first, and one for each restart that the budget allows
				if want == StateUnverified {
					crashes = 100
				}
				if got := g.status("a").State; got != want || g.count("a", KindCrashed) != crashes {
					t.Errorf("after %d crashes it is %s, want %s after %d", g.count("a", KindCrashed), got, want, crashes)
				}
			})
		})
	}
}

// The jitter of a seed is the same each time.
func TestTheJitterOfASeedIsRepeatable(t *testing.T) {
	waits := func(seed uint64) (list []time.Duration) {
		spec := fakeSpec("a")
		spec.Restart.Backoff.Jitter = 0.5
		bubble(t, Options{Specs: []Spec{spec}, Seed: seed}, map[string][]run{"a": {{after: time.Second, exit: Exit{Code: 1}}}}, func(g *rig, w *world) {
			g.Apply(planFor("a"))
			g.event("a", KindExhausted, 1)
			for _, e := range g.events {
				if e.Kind == KindBackoff {
					list = append(list, e.Wait)
				}
			}
		})
		return list
	}
	first, again, other := waits(7), waits(7), waits(8)
	if len(first) != 5 || !slices.Equal(first, again) || slices.Equal(first, other) {
		t.Errorf("seed 7: %v and %v, seed 8: %v", first, again, other)
	}
}

// A kill timer that outlives its run kills the next one too early: stop, start
// and stop again within the grace.
func TestGraceBelongsToItsGeneration(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{linger: 100 * time.Millisecond}, {linger: 9 * time.Second}, {}}}, func(g *rig, w *world) {
		g.up("a")
		g.up("a")
		time.Sleep(2 * time.Second)
		g.up("a")
		w.expect("lives", "0s start a/1; 100ms end a/1 ended by SIGTERM; 100ms start a/2; 11.1s end a/2 ended by SIGTERM; 11.1s start a/3")
	})
}

func TestWishesMerge(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{linger: time.Second}}}, func(g *rig, w *world) {
		g.up("a")
		var tickets []*Ticket
		for range 50 {
			tickets = append(tickets, g.Apply(planFor("a")))
			time.Sleep(10 * time.Millisecond)
		}
		for _, ticket := range tickets {
			if got := outcomes(g.finish(ticket)); got != "a done" {
				t.Error(got)
			}
		}
		if s := g.status("a"); s.Generation != 2 || s.Restarts.Change != 1 {
			t.Errorf("50 changes within one stop: %+v", s)
		}
	})
}

func TestStopWins(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{linger: time.Second}}}, func(g *rig, w *world) {
		g.up("a")
		change := g.Apply(planFor("a"))
		stop, err := g.Stop("a")
		if err != nil {
			t.Fatal(err)
		}
		g.finish(stop)
		g.finish(change)
		if got := outcomes(g.up("a")); got != "a left (stopped by operator)" {
			t.Error(got)
		}
		w.expect("lives", "0s start a/1; 1s end a/1 ended by SIGTERM")
		start, err := g.Start("a")
		if err != nil {
			t.Fatal(err)
		}
		g.finish(start)
		g.up("a")
		if s := g.status("a"); s.Restarts != (Restarts{Operator: 1, Change: 1}) {
			t.Errorf("%+v", s.Restarts)
		}
	})
}

func TestHeldUntilAChange(t *testing.T) {
	trace := "Traceback (most recent call last):\n  File \"lib/db.py\", line 7, in <module>\n    import nope\nModuleNotFoundError: No module named 'nope'\n"
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: time.Second, exit: Exit{Code: 1}, stderr: trace}, {}}}, func(g *rig, w *world) {
		g.Apply(planFor("a"))
		e := g.event("a", KindHeld, 1)
		if len(e.Tail) != 4 || !strings.Contains(e.What, "No module named 'nope'") {
			t.Errorf("%+v", e)
		}
		time.Sleep(time.Hour)
		if s := g.status("a"); s.State != StateHeld || s.Hold.Kind != "error" || s.Hold.Line != 7 || !strings.HasSuffix(s.Hold.Path, "lib/db.py") {
			t.Errorf("%+v %+v", s, s.Hold)
		}
		w.expect("held", "0s start a/1; 1s end a/1 exit code 1")
		g.up("a")
		w.expect("changed", "1h0m1s start a/2")
	})
}

func TestStartErrors(t *testing.T) {
	permanent := &StartError{Command: "a", Problem: "command not found", Err: syscall.ENOENT}
	passing := fmt.Errorf("cannot start: %w", syscall.EAGAIN)
	bubble(t, Options{Specs: []Spec{fakeSpec("a"), fakeSpec("b")}}, map[string][]run{
		"a": {{refuse: permanent}, {}},
		"b": {{refuse: passing}, {refuse: passing}, {}},
	}, func(g *rig, w *world) {
		if got := outcomes(g.up("a")); got != `a failed (cannot start "a": command not found)` {
			t.Error(got)
		}
		g.Apply(planFor("b"))
		g.event("b", KindUnverified, 1)
		w.expect("starts", "0s refuse a/1; 0s refuse b/1; 1s refuse b/2; 3s start b/3")
		if s := g.status("a"); s.State != StateHeld || s.Hold.Kind != "start" {
			t.Errorf("%+v", s)
		}
	})
}

func TestUncleanStartsNothing(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{immortal: 2}, {}}}, func(g *rig, w *world) {
		g.up("a")
		if got := outcomes(g.up("a")); got != "a failed (cannot end pid 1000)" {
			t.Error(got)
		}
		if s := g.status("a"); s.State != StateUnclean || !slices.Equal(s.Survivors, []int{1000}) {
			t.Errorf("%+v", s)
		}
		if err, ok := g.settled().(*NotAtTarget); !ok || len(err.Services) != 1 {
			t.Errorf("Settled: %v", err)
		}
		// Attempts go on, and once it is gone the wish is carried out.
		g.event("a", KindStarted, 2)
		w.expect("lives", "0s start a/1; 12s end a/1 ended by SIGTERM; 12s start a/2")
	})
}

func TestCloseGivesUpOnWhatCannotBeEnded(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a"), fakeSpec("b")}}, map[string][]run{"a": {{immortal: 1000, after: time.Hour}}}, func(g *rig, w *world) {
		g.up("a", "b")
		err := g.Close(context.Background())
		if err == nil || err.Error() != "cannot end pid 1000 of a" {
			t.Errorf("Close: %v", err)
		}
		if got := time.Since(w.zero); got != time.Second {
			t.Errorf("it took %s", got)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestStartLeavesARunningServiceAlone(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: time.Minute, exit: Exit{Code: 1}, stderr: "last words\n"}, {}}}, func(g *rig, w *world) {
		g.up("a")
		start, err := g.Start("a")
		if err != nil {
			t.Fatal(err)
		}
		g.finish(start)
		// Its crash is a crash all the same.
		g.event("a", KindCrashed, 1)
		if e := g.event("a", KindBackoff, 1); !slices.Equal(e.Tail, []string{"last words"}) {
			t.Errorf("%+v", e)
		}
	})
}

func TestDependenciesStartInOrderAndStopInReverse(t *testing.T) {
	specs := []Spec{fakeSpec("web", "api"), fakeSpec("api", "db", "queue"), fakeSpec("db"), fakeSpec("queue"), fakeSpec("other")}
	lingers := []run{{linger: time.Second}}
	bubble(t, Options{Specs: specs}, map[string][]run{"web": lingers, "api": lingers, "db": lingers, "queue": lingers}, func(g *rig, w *world) {
		g.up("web", "api", "db", "queue")
		order := w.events()
		at := func(name string) int { return strings.Index(order, "start "+name+"/1") }
		if at("db") > at("api") || at("queue") > at("api") || at("api") > at("web") {
			t.Errorf("start order: %s", order)
		}
		// A dependent is left alone, and waits only if it is to restart too.
		g.up("db")
		w.expect("db alone", "1s end db/1 ended by SIGTERM; 1s start db/2")
		g.up("db", "api")
		w.expect("db, then api", "2s end db/2 ended by SIGTERM; 2s start db/3; 3s end api/1 ended by SIGTERM; 3s start api/2")
		stop, err := g.Stop("db", "web", "api")
		if err != nil {
			t.Fatal(err)
		}
		g.finish(stop)
		w.expect("stop", "4s end web/1 ended by SIGTERM; 5s end api/2 ended by SIGTERM; 6s end db/3 ended by SIGTERM")
		start, err := g.Start("web")
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(g.finish(start)); got != "db done, api done, web done" {
			t.Error(got)
		}
		w.expect("start", "6s start db/4; 6s start api/3; 6s start web/2")
	})
}

func TestOperatorRestartsOneByOne(t *testing.T) {
	specs := []Spec{fakeSpec("b", "a"), fakeSpec("a"), fakeSpec("c")}
	lingers := []run{{linger: time.Second}}
	bubble(t, Options{Specs: specs}, map[string][]run{"a": lingers, "b": lingers, "c": lingers}, func(g *rig, w *world) {
		g.up("a", "b", "c")
		w.events()
		ticket, err := g.Restart("b", "c", "a", "a")
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(g.finish(ticket)); got != "a done, c done, b done" {
			t.Error(got)
		}
		w.expect("one by one", "1s end a/1 ended by SIGTERM; 1s start a/2; 2s end c/1 ended by SIGTERM; 2s start c/2; 3s end b/1 ended by SIGTERM; 3s start b/2")
		if _, err := g.Restart("nobody"); err == nil || !strings.Contains(err.Error(), "a, b, c") {
			t.Errorf("unknown name: %v", err)
		}
	})
}

func TestMaxParallel(t *testing.T) {
	specs := []Spec{fakeSpec("a"), fakeSpec("b"), fakeSpec("c", "b")}
	lingers := []run{{linger: time.Second}}
	bubble(t, Options{Specs: specs, MaxParallel: 1}, map[string][]run{"a": lingers, "b": lingers, "c": lingers}, func(g *rig, w *world) {
		g.up("a", "b", "c")
		w.events()
		g.up("a", "b", "c")
		w.expect("one at a time", "1s end a/1 ended by SIGTERM; 1s start a/2; 2s end b/1 ended by SIGTERM; 2s start b/2; 3s end c/1 ended by SIGTERM; 3s start c/2")
	})
}

func TestABlockedDependencyIsReportedAndNotWaitedFor(t *testing.T) {
	specs := []Spec{fakeSpec("api", "db"), fakeSpec("db")}
	bubble(t, Options{Specs: specs}, map[string][]run{"db": {{refuse: &StartError{Command: "db", Problem: "command not found"}}, {}}}, func(g *rig, w *world) {
		got := outcomes(g.up("api", "db"))
		if want := `api held (waits for db (held)), db failed (cannot start "db": command not found)`; got != want {
			t.Errorf("got %s", got)
		}
		err, ok := g.settled().(*NotAtTarget)
		if !ok || len(err.Services) != 2 {
			t.Fatalf("Settled: %v", err)
		}
		if s := g.status("api"); s.State != StateWaiting || s.Reason != "waits for db (held)" {
			t.Errorf("%+v", s)
		}
		// When db comes, api follows by itself.
		g.up("db")
		g.event("api", KindUnverified, 1)
		if err := g.settled(); err != nil {
			t.Error(err)
		}
	})
}

func TestSettledWithNothingToDo(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, nil, func(g *rig, w *world) {
		if err := g.settled(); err != nil {
			t.Error(err)
		}
		g.finish(g.Apply(decider.Plan{}))
		if err := g.settled(); err != nil {
			t.Error(err)
		}
	})
}

func TestSettledDoesNotWaitOutABackoff(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: time.Millisecond, exit: Exit{Code: 3}}}}, func(g *rig, w *world) {
		g.Apply(planFor("a"))
		g.event("a", KindBackoff, 1)
		err, ok := g.settled().(*NotAtTarget)
		if !ok || err.Services[0].State != StateBackoff {
			t.Fatalf("%v", err)
		}
		if want := "a is backoff: exit code 3; next start in 1s"; err.Error() != want {
			t.Errorf("got %q", err)
		}
	})
}

// withActions is a plan of actions and services: "10 pip, 20 api".
func withActions(text string) decider.Plan {
	var p decider.Plan
	for _, item := range strings.Split(text, ", ") {
		var s decider.Step
		fmt.Sscan(item, &s.Order, &s.Name)
		s.Kind = decider.RestartService
		if strings.HasPrefix(s.Name, "run_") {
			s.Kind = decider.RunAction
		}
		s.Reasons = []decider.Reason{{Path: "requirements.txt", Change: "modified"}}
		p.Steps = append(p.Steps, s)
	}
	return p
}

func TestActionsComeInOrder(t *testing.T) {
	o := Options{Specs: []Spec{fakeSpec("api"), fakeSpec("worker")}, MaxParallel: 1, Actions: []Action{
		{Name: "run_pip", Argv: []string{"pip"}, Timeout: time.Minute},
		{Name: "run_migrate", Argv: []string{"migrate"}, Timeout: time.Minute},
		{Name: "run_smoke", Argv: []string{"smoke"}, Timeout: time.Minute},
	}}
	const pip, migrate, smoke = "action/run_pip", "action/run_migrate", "action/run_smoke"
	second := run{after: time.Second}
	fails := run{after: time.Second, exit: Exit{Code: 2}}

	bubble(t, o, map[string][]run{pip: {second}, migrate: {second}, smoke: {second}}, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 run_migrate, 30 api, 30 worker, 40 run_smoke"))))
		if got != "run_pip done, run_migrate done, api done, worker done, run_smoke done" {
			t.Error(got)
		}
		w.expect("in order", "0s start action/run_pip/1; 1s end action/run_pip/1 exit code 0; 1s start action/run_migrate/1; "+
			"2s end action/run_migrate/1 exit code 0; 2s start api/1; 2s start worker/1; 2s start action/run_smoke/1; 3s end action/run_smoke/1 exit code 0")
	})

	bubble(t, o, map[string][]run{pip: {second}, migrate: {fails}}, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("5 worker, 10 run_pip, 20 run_migrate, 30 api, 40 run_smoke"))))
		if got != "worker done, run_pip done, run_migrate failed (run_migrate failed: exit code 2), api held (run_migrate failed: exit code 2), run_smoke held (run_migrate failed: exit code 2)" {
			t.Error(got)
		}
		if s := g.status("api"); s.Generation != 0 || s.Hold == nil || s.Hold.Action != "run_migrate" {
			t.Errorf("%+v %+v", s, s.Hold)
		}
		// A plan without the action is free to restart it.
		g.up("api")
		if s := g.status("api"); s.Generation != 1 || s.Hold != nil {
			t.Errorf("%+v", s)
		}
	})

	bubble(t, o, map[string][]run{pip: {{linger: time.Second}}}, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 api"))))
		if got != "run_pip failed (run_pip failed: not done within 1m0s), api held (run_pip failed: not done within 1m0s)" {
			t.Error(got)
		}
	})

	// A service that does not come up holds the actions that come after it.
	bubble(t, o, map[string][]run{"api": {{refuse: &StartError{Command: "x", Problem: "no"}}}}, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 api, 20 run_smoke"))))
		if got != `api failed (cannot start "x": no), run_smoke held (api is held)` {
			t.Error(got)
		}
	})
}

func TestPlansShareOneQueue(t *testing.T) {
	o := Options{Specs: []Spec{fakeSpec("api"), fakeSpec("worker")}, MaxParallel: 1, Actions: []Action{
		{Name: "run_pip", Argv: []string{"pip"}, Timeout: time.Hour},
		{Name: "run_migrate", Argv: []string{"migrate"}, Timeout: time.Hour},
	}}
	slow := run{after: time.Minute}
	bubble(t, o, map[string][]run{"action/run_pip": {slow}, "action/run_migrate": {slow}}, func(g *rig, w *world) {
		first := g.Apply(withActions("10 run_pip, 30 api"))
		second := g.Apply(withActions("20 run_migrate, 30 api, 30 worker"))
		g.finish(first)
		g.finish(second)
		w.expect("merged", "0s start action/run_pip/1; 1m0s end action/run_pip/1 exit code 0; "+
			"1m0s start action/run_migrate/1; 2m0s end action/run_migrate/1 exit code 0; 2m0s start api/1; 2m0s start worker/1")
	})
}

func TestUnknownStepsFail(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, nil, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 run_x, 20 nobody, 30 a"))))
		if got != "run_x failed (no such action), nobody failed (no such service), a done" {
			t.Error(got)
		}
	})
}

func TestCloseStopsDependentsFirst(t *testing.T) {
	specs := []Spec{fakeSpec("web", "api"), fakeSpec("api", "db"), fakeSpec("db"), fakeSpec("cron")}
	lingers := []run{{linger: time.Second}}
	bubble(t, Options{Specs: specs}, map[string][]run{"web": lingers, "api": lingers, "db": lingers, "cron": lingers}, func(g *rig, w *world) {
		g.up("web", "api", "db", "cron")
		w.events()
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
		got := w.events()
		if !strings.Contains(got, "1s end cron/1") || !strings.HasSuffix(got, "2s end api/1 ended by SIGTERM; 3s end db/1 ended by SIGTERM") {
			t.Error(got)
		}
		if _, err := g.Start("web"); err != ErrClosed {
			t.Errorf("Start after Close: %v", err)
		}
	})
}

func TestASecondSignalKillsAtOnce(t *testing.T) {
	specs := []Spec{fakeSpec("b", "a"), fakeSpec("a")}
	stubborn := []run{{linger: time.Hour}}
	bubble(t, Options{Specs: specs}, map[string][]run{"a": stubborn, "b": stubborn}, func(g *rig, w *world) {
		g.up("a", "b")
		w.events()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		g.Close(ctx)
		w.expect("killed", "1s end b/1 ended by SIGKILL; 1s end a/1 ended by SIGKILL")
	})
}

func TestCloseEndsAnAction(t *testing.T) {
	o := Options{Specs: []Spec{fakeSpec("api")}, Actions: []Action{{Name: "run_pip", Argv: []string{"pip"}, Timeout: time.Hour}}}
	bubble(t, o, map[string][]run{"action/run_pip": {{linger: time.Second}}}, func(g *rig, w *world) {
		ticket := g.Apply(withActions("10 run_pip, 20 api"))
		g.event("run_pip", KindActionStarted, 1)
		g.Close(context.Background())
		if got := outcomes(g.finish(ticket)); got != "run_pip failed (run_pip failed: the agent stops), api held (the agent stops)" {
			t.Error(got)
		}
	})
}

func TestConfigure(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("a"), fakeSpec("b")}, MaxParallel: 1}, map[string][]run{"a": {{linger: time.Second}}}, func(g *rig, w *world) {
		g.up("a", "b")
		changed := fakeSpec("b")
		changed.Restart.When = Always
		ticket, err := g.Configure([]Spec{changed, fakeSpec("c", "b")}, nil, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(g.finish(ticket)); got != "a done" {
			t.Error(got)
		}
		g.up("c")
		w.expect("lives", "0s start a/1; 0s start b/1; 1s end a/1 ended by SIGTERM; 1s start c/1")
		var names []string
		for _, s := range g.Status() {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, []string{"b", "c"}) {
			t.Errorf("Status has %v", names)
		}
		if _, err := g.Configure([]Spec{fakeSpec("x", "y"), fakeSpec("y", "x"), fakeSpec("y"), {}}, nil, nil, 1); err == nil {
			t.Error("a bad configuration was taken")
		} else if text := err.Error(); !strings.Contains(text, "given twice") || !strings.Contains(text, "has no command") {
			t.Error(text)
		}
	})
}

func TestConfigureGroupsAndActions(t *testing.T) {
	actions := []Action{{Name: "run_pip", Argv: []string{"pip"}, Timeout: time.Hour}, {Name: "run_two", Argv: []string{"two"}, Timeout: time.Hour}}
	group := Group{Name: "g", Strategy: OneForOne, Members: []string{"a", "b"}, Budget: Budget{Restarts: 9, Window: time.Minute}}
	o := Options{Specs: []Spec{fakeSpec("a"), fakeSpec("b")}, Actions: actions, Groups: []Group{group}}
	bubble(t, o, map[string][]run{"action/run_pip": {{after: time.Second}}}, func(g *rig, w *world) {
		g.up("a", "b")
		// An action that runs goes on without its word, one that waits does not.
		ticket := g.Apply(withActions("10 run_pip, 20 run_two"))
		g.event("run_pip", KindActionStarted, 1)
		if _, err := g.Configure([]Spec{fakeSpec("a")}, nil, []Group{group}, 0); err == nil {
			t.Error("a group with a member that is gone was taken")
		}
		if groups := g.Groups(); len(groups) != 1 || len(groups[0].Members) != 2 {
			t.Errorf("a bad group has changed something: %+v", groups)
		}
		group.Members = []string{"a"}
		gone, err := g.Configure([]Spec{fakeSpec("a")}, nil, []Group{group}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(g.finish(gone)); got != "b done" {
			t.Error(got)
		}
		if got := outcomes(g.finish(ticket)); got != "run_pip done, run_two left (no longer configured)" {
			t.Error(got)
		}
		if groups := g.Groups(); len(groups) != 1 || !slices.Equal(groups[0].Members, []string{"a"}) {
			t.Errorf("groups are %+v", groups)
		}
		if _, err := g.Configure([]Spec{fakeSpec("a")}, nil, nil, 0); err != nil || len(g.Groups()) != 0 {
			t.Errorf("%v; groups are %+v", err, g.Groups())
		}
	})
}

// A new service may be one that is gone, by another name and with the same port.
func TestNewServicesWaitForThoseThatAreGone(t *testing.T) {
	bubble(t, Options{Specs: []Spec{fakeSpec("old"), fakeSpec("a")}}, map[string][]run{"old": {{linger: time.Second}}}, func(g *rig, w *world) {
		g.up("old")
		g.up("a")
		if _, err := g.Configure([]Spec{fakeSpec("a"), fakeSpec("new")}, nil, nil, 0); err != nil {
			t.Fatal(err)
		}
		if got := outcomes(g.up("a", "new")); got != "a done, new done" {
			t.Error(got)
		}
		w.expect("lives", "0s start old/1; 0s start a/1; 0s end a/1 ended by SIGTERM; 0s start a/2; 1s end old/1 ended by SIGTERM; 1s start new/1")
	})
}

// A generation is started from the spec of the moment in which the host notes
// what it is started from.
func TestConfigureInTheMomentOfAStart(t *testing.T) {
	var g *rig
	noted := 0
	other := fakeSpec("a")
	other.Env = []string{"REV=2"}
	o := Options{Specs: []Spec{fakeSpec("a")}}
	o.Before = func(context.Context, string, int) ([]string, error) {
		if noted++; noted == 1 {
			if _, err := g.Configure([]Spec{other}, nil, nil, 0); err != nil {
				t.Error(err)
			}
		}
		return nil, nil
	}
	var env []string
	bubble(t, o, map[string][]run{"a": {{reads: func(e []string) { env = e }}}}, func(rig *rig, w *world) {
		g = rig
		g.up("a")
		if noted != 2 || !slices.Contains(env, "REV=2") {
			t.Errorf("noted %d times, started with %q", noted, env)
		}
	})
}

func TestPlanHolds(t *testing.T) {
	syntax := decider.Hold{Kind: "syntax", Service: "a", What: "SyntaxError: '(' was never closed", Path: "db.py", Line: 3, EndsWhen: "db.py compiles"}
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, map[string][]run{"a": {{after: time.Minute, exit: Exit{Code: 1}}, {}}}, func(g *rig, w *world) {
		g.up("a")
		g.Apply(decider.Plan{Holds: []decider.Hold{syntax}})
		synctest.Wait()
		if s := g.status("a"); s.State != StateUnverified || s.Hold == nil || s.Hold.Path != "db.py" {
			t.Errorf("%+v", s)
		}
		// It crashes while what is on disk cannot run: no retry.
		g.event("a", KindHeld, 1)
		time.Sleep(time.Hour)
		w.expect("held", "0s start a/1; 1m0s end a/1 exit code 1")
		// The edit is undone: nothing is stale, yet it has to run again.
		g.Apply(decider.Plan{})
		g.event("a", KindUnverified, 2)
		if s := g.status("a"); s.Hold != nil {
			t.Errorf("%+v", s.Hold)
		}
	})
}

func TestRestartPolicies(t *testing.T) {
	for _, c := range []struct {
		when  When
		exit  Exit
		state State
	}{
		{Always, Exit{}, StateBackoff},
		{Always, Exit{Code: 1}, StateBackoff},
		{OnFailure, Exit{}, StateStopped},
		{OnFailure, Exit{Code: 4}, StateStopped}, // a success code
		{OnFailure, Exit{Code: 1}, StateBackoff},
		{OnFailure, Exit{Code: -1, Signal: "SIGSEGV"}, StateBackoff},
		{Never, Exit{}, StateStopped},
		{Never, Exit{Code: 1}, StateHeld},
	} {
		spec := fakeSpec("a")
		spec.Restart.When, spec.Restart.SuccessCodes = c.when, []int{4}
		bubble(t, Options{Specs: []Spec{spec}}, map[string][]run{"a": {{after: time.Second, exit: c.exit}}}, func(g *rig, w *world) {
			g.up("a")
			time.Sleep(time.Second + time.Millisecond)
			synctest.Wait()
			if s := g.status("a"); s.State != c.state {
				t.Errorf("%s after %s: %s", c.when, c.exit, s.State)
			}
		})
	}
}

func TestServicesThatCrashTogetherComeBackTogether(t *testing.T) {
	var specs []Spec
	runs := make(map[string][]run)
	for i := range 20 {
		s := fakeSpec(fmt.Sprint("s", i))
		s.Restart.Backoff.Jitter = 0.2
		specs = append(specs, s)
		runs[s.Name] = []run{{after: time.Second, exit: Exit{Code: 1}}, {}}
	}
	bubble(t, Options{Specs: specs, MaxParallel: 1, Seed: 1}, runs, func(g *rig, w *world) {
		var names []string
		for _, s := range specs {
			names = append(names, s.Name)
		}
		g.Apply(planFor(names...))
		for _, n := range names {
			e := g.event(n, KindStarted, 2)
			if late := e.Time.Sub(w.zero); late > time.Second+1200*time.Millisecond {
				t.Errorf("%s is back after %s", n, late)
			}
		}
	})
}

func TestBeforeIsAskedAndMayRefuse(t *testing.T) {
	var asked []string
	refuse := true
	o := Options{Specs: []Spec{fakeSpec("a")}, Before: func(_ context.Context, service string, generation int) ([]string, error) {
		asked = append(asked, fmt.Sprintf("%s/%d", service, generation))
		if refuse {
			refuse = false
			return nil, fmt.Errorf("cannot read lib/db.py")
		}
		return nil, nil
	}}
	bubble(t, o, nil, func(g *rig, w *world) {
		if got := outcomes(g.up("a")); got != `a failed (cannot start "a": cannot read lib/db.py)` {
			t.Error(got)
		}
		g.up("a")
		if !slices.Equal(asked, []string{"a/1", "a/2"}) {
			t.Errorf("asked for %v", asked)
		}
	})
}
