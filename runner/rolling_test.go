package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"bounce/internal/soak"
)

// The lives of one service, "a", told in testdata/runner/rolling.txtar,
// overlap.txtar, elsewhere.txtar and hooks.txtar. Each file is a life: its processes, what is asked of it, and
// behind a line of dashes what became of it, which -update writes. Lines before
// the dashes:
//
//	set KEY=VALUE ...     of the spec: strategy, overlap (true), probed (false),
//	                      settle, drain, restarts, live (an interval), hooks
//	                      (their timeout), listen (the name of a socket),
//	                      before_start (true)
//	hook NAME KEY=VALUE   what its next run does, as run does; without any it ends
//	                      at once; timeout=TIME is its own
//	run KEY=VALUE ...     what the next process does; the last is for all further
//	                      ones: ready=TIME since its start, ill=TIME likewise,
//	                      after=TIME and exit=N, error=CLASS, busy=TIME,
//	                      linger=TIME, immortal=N, refuse
//	reload KEY=VALUE ...  the spec is another one by now, as set says
//	meanwhile N KEY=VALUE ...
//	                      likewise, in the moment in which generation N is about
//	                      to start
//	change, restart, stop, start, withdraw
//	                      ask for something; a mark ! waits for the outcome
//	wait TIME
//	status, reason        say how it is, and why
//	close                 end the runner
func TestRollingLives(t *testing.T) { tellLives(t, "../testdata/runner/rolling.txtar") }

func TestOverlaps(t *testing.T) { tellLives(t, "../testdata/runner/overlap.txtar") }

func TestHooks(t *testing.T) { tellLives(t, "../testdata/runner/hooks.txtar") }

func tellLives(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			script, want, _ := strings.Cut(string(f.Data), "----\n")
			got := tellLife(t, script)
			if *update {
				archive.Files[i].Data = []byte(script + "----\n" + got)
			} else if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tellLife plays a script and tells of the processes, the events and what was
// asked to be told.
func tellLife(t *testing.T, script string) string {
	spec := rollingSpec("a")
	spec.HookTimeout = 30 * time.Second
	runs := map[string][]run{}
	var steps [][]string
	var life *rig
	// reload has the spec be another one.
	reload := func(words []string) {
		setSpec(t, &spec, words)
		if _, err := life.Configure([]Spec{spec}, nil, nil, 0); err != nil {
			t.Error(err)
		}
	}
	meanwhile := map[int][]string{}
	before := func(_ context.Context, _ string, generation int) ([]string, error) {
		if words := meanwhile[generation]; words != nil {
			delete(meanwhile, generation)
			reload(words)
		}
		return nil, nil
	}
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "set":
			setSpec(t, &spec, words[1:])
		case words[0] == "run":
			runs["a"] = append(runs["a"], parseRun(t, words[1:]))
		case words[0] == "hook":
			if spec.Hooks == nil {
				spec.Hooks = map[Hook][]string{}
			}
			spec.Hooks[Hook(words[1])] = []string{words[1]}
			if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "timeout=") }); i > 0 {
				spec.HookTimeouts = map[Hook]time.Duration{Hook(words[1]): duration(t, strings.TrimPrefix(words[i], "timeout="))}
				words = slices.Delete(words, i, i+1)
			}
			if len(words) > 2 {
				runs[words[1]] = append(runs[words[1]], parseRun(t, words[2:]))
			}
		case words[0] == "meanwhile":
			meanwhile[number(t, words[1])] = words[2:]
		default:
			steps = append(steps, words)
		}
	}
	var told strings.Builder
	bubble(t, Options{Specs: []Spec{spec}, Before: before}, runs, func(g *rig, w *world) {
		w.rolls, life = true, g
		at := func() string { return time.Since(w.zero).Round(time.Millisecond).String() }
		var said strings.Builder
		for _, words := range steps {
			verb, waits := strings.CutSuffix(words[0], "!")
			if verb == "wait" {
				time.Sleep(duration(t, words[1]))
				synctest.Wait()
				continue
			}
			if verb == "close" {
				if err := g.Close(context.Background()); err != nil {
					t.Error(err)
				}
				continue
			}
			if verb == "reload" {
				reload(words[1:])
				synctest.Wait()
				continue
			}
			if verb == "status" {
				synctest.Wait()
				fmt.Fprintf(&said, "%s %s\n", at(), describeStatus(g.status("a")))
				continue
			}
			if verb == "reason" {
				fmt.Fprintf(&said, "%s reason: %s\n", at(), g.status("a").Reason)
				continue
			}
			ticket := askFor(t, g, verb)
			if waits {
				fmt.Fprintf(&said, "%s %s: %s\n", at(), verb, outcomes(g.finish(ticket)))
			}
			synctest.Wait()
		}
		// What is under way comes to its end.
		_ = g.settled()
		synctest.Wait()
		fmt.Fprintf(&said, "%s %s\n", at(), describeStatus(g.status("a")))
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, e := range g.events {
			if e.Kind == KindStarted || e.Kind == KindExited || e.Kind == KindCrashed {
				continue // the processes tell
			}
			fmt.Fprintf(&told, "%s %s %d", e.Time.Sub(w.zero).Round(time.Millisecond), e.Kind, e.Generation)
			if e.What != "" {
				fmt.Fprintf(&told, ": %s", e.What)
			}
			told.WriteString("\n")
		}
		told.WriteString("\n")
		for line := range strings.SplitSeq(w.events(), "; ") {
			told.WriteString(line + "\n")
		}
		told.WriteString("\n" + said.String())
	})
	return hooksLast(told.String())
}

// hooksLast puts what hooks do behind what else happens at the same time: they
// have goroutines of their own.
func hooksLast(told string) string {
	rank := func(line string) (at string, hook bool) {
		at, what, _ := strings.Cut(line, " ")
		isHook := strings.HasPrefix(what, "hook_") || slices.ContainsFunc(HookNames(), func(h Hook) bool {
			return strings.Contains(what, " "+string(h)+" of ")
		})
		return at, isHook
	}
	lines := strings.SplitAfter(told, "\n")
	for i := range lines {
		for j := i; j > 0; j-- {
			at, hook := rank(lines[j])
			before, hookBefore := rank(lines[j-1])
			if at != before || !hookBefore || hook && lines[j] >= lines[j-1] {
				break
			}
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return strings.Join(lines, "")
}

// rollingSpec is fakeSpec with a rolling restart.
func rollingSpec(name string) Spec {
	s := fakeSpec(name)
	s.Strategy, s.Drain = Rolling, 5*time.Second
	s.Ready = Ready{Probe: Probe{Command: []string{"ready?"}}, Interval: 100 * time.Millisecond, Timeout: 30 * time.Second}
	return s
}

func askFor(t *testing.T, g *rig, verb string) *Ticket {
	t.Helper()
	var ticket *Ticket
	var err error
	switch verb {
	case "change":
		return g.Apply(planFor("a"))
	case "withdraw":
		g.Withdraw("a")
		return closedTicket()
	case "restart":
		ticket, err = g.Restart("a")
	case "stop":
		ticket, err = g.Stop("a")
	case "start":
		ticket, err = g.Start("a")
	default:
		t.Fatalf("no verb %q", verb)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func describeStatus(s Status) string {
	text := fmt.Sprintf("status: %s %d, %s", s.State, s.Generation, s.Health)
	if s.PID == nil {
		text += ", no process"
	}
	if n := s.Next; n != nil {
		text += fmt.Sprintf(", next %d is %s", n.Generation, n.State)
	}
	if s.Apart != "" {
		text += ", apart: " + s.Apart
	}
	for _, path := range s.Listen {
		text += ", listens on " + filepath.Base(path)
	}
	if s.Restarts != (Restarts{}) {
		text += fmt.Sprintf(", restarts %+v", s.Restarts)
	}
	if s.Hold != nil {
		text += fmt.Sprintf(", hold %s: %s; ends when %s", s.Hold.Kind, s.Hold.What, s.Hold.EndsWhen)
	}
	return text
}

func setSpec(t *testing.T, s *Spec, words []string) {
	t.Helper()
	for _, word := range words {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "strategy":
			s.Strategy = Strategy(value)
		case "overlap":
			s.Strategy, s.Overlap = Immediate, value == "true"
		case "probed":
			if value == "false" {
				s.Ready = Ready{}
			}
		case "hooks":
			s.HookTimeout = duration(t, value)
		case "listen":
			s.Listen = []Listen{{Unix: filepath.Join(socketDir(t), value)}}
		case "before_start":
			s.Hooks = map[Hook][]string{beforeStart: {string(beforeStart)}}
		case "settle":
			s.Settle = duration(t, value)
		case "drain":
			s.Drain = duration(t, value)
		case "restarts":
			s.Restart.Budget.Restarts = number(t, value)
		case "live":
			s.Live = Live{Probe: Probe{Command: []string{"alive?"}}, Interval: duration(t, value), Failures: 2}
		default:
			t.Fatalf("no key %q", key)
		}
	}
}

func parseRun(t *testing.T, words []string) run {
	t.Helper()
	var r run
	for _, word := range words {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "ready":
			r.ready = duration(t, value)
		case "ill":
			r.ill = duration(t, value)
		case "after":
			r.after = duration(t, value)
		case "exit":
			r.exit.Code = number(t, value)
		case "error":
			r.exit.Code, r.stderr = 1, "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n"+value+": no\n"
		case "busy":
			r.busy = duration(t, value)
		case "linger":
			r.linger = duration(t, value)
		case "immortal":
			r.immortal = number(t, value)
		case "refuse":
			r.refuse = &StartError{Command: "a", Problem: "command not found", Err: syscall.ENOENT}
		default:
			t.Fatalf("no key %q", key)
		}
	}
	return r
}

// socketDir returns a directory for sockets, whose paths must be short.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRandomRolls asks for anything at any time of services whose generations do
// what chance says. What is told of must agree with what the processes did.
func TestRandomRolls(t *testing.T) {
	for seed := range uint64(soak.Times(100, 100_000)) {
		randomRoll(t, seed)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func randomRoll(t *testing.T, seed uint64) {
	random, drawn := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	pick := func(times ...time.Duration) time.Duration { return times[random.IntN(len(times))] }
	draw := func(times ...time.Duration) time.Duration { return times[drawn.IntN(len(times))] }
	spec := rollingSpec("a")
	if seed%2 == 1 {
		spec.Strategy, spec.Overlap = Immediate, true
		if random.IntN(3) == 0 {
			spec.Ready = Ready{}
		}
	}
	spec.Settle = pick(0, 0, 2*time.Second)
	if random.IntN(3) == 0 {
		spec.Live = Live{Probe: Probe{Command: []string{"alive?"}}, Interval: time.Second, Failures: 2}
	}
	spec.HookTimeout, spec.Hooks = 10*time.Second, map[Hook][]string{}
	for _, h := range HookNames() {
		if random.IntN(3) == 0 && (!spec.Overlap || random.IntN(8) == 0) {
			spec.Hooks[h] = []string{string(h)}
		}
	}
	verbs := []string{"change", "change", "change", "restart", "stop", "start", "withdraw"}
	bubble(t, Options{Specs: []Spec{spec}, Seed: seed + 1}, nil, func(g *rig, w *world) {
		w.rolls = true
		w.draw = func(h Hook) run {
			if h != "" {
				return run{after: draw(time.Nanosecond, time.Second, time.Minute), linger: draw(0, time.Second), exit: Exit{Code: drawn.IntN(6) / 5}}
			}
			r := run{
				ready: draw(0, time.Second, 3*time.Second), ill: draw(0, 0, 0, 5*time.Second), busy: draw(0, 0, 20*time.Second, time.Hour),
				linger: draw(0, time.Second, 20*time.Second), after: draw(0, 0, 0, time.Second, 2*time.Second, 6*time.Second),
				exit: Exit{Code: drawn.IntN(2)}, immortal: max(0, drawn.IntN(30)-28),
			}
			if drawn.IntN(12) == 0 {
				r.refuse = &StartError{Command: "a", Problem: "command not found", Err: syscall.ENOENT}
			}
			return r
		}
		var tickets []*Ticket
		for range 12 {
			tickets = append(tickets, askFor(t, g, verbs[random.IntN(len(verbs))]))
			time.Sleep(pick(0, time.Millisecond, 500*time.Millisecond, 2*time.Second, 7*time.Second, time.Minute))
		}
		for _, ticket := range tickets {
			g.finish(ticket)
		}
		_ = g.settled()
		g.finish(askFor(t, g, "stop"))
		time.Sleep(time.Minute) // for what does not end at the first attempt
		synctest.Wait()
		if s := g.status("a"); s.State != StateStopped || s.PID != nil || s.Next != nil {
			t.Errorf("in the end: %+v", s)
		}
		checkTold(t, g, w, spec.Overlap)
	})
}

// checkTold compares the events of a service with what its processes did. Where
// generations overlap, the older one goes whatever becomes of the newer one.
func checkTold(t *testing.T, g *rig, w *world, overlap bool) {
	ended := func(generation int, by time.Time) bool {
		p := w.lives[mark{run: g.conductor.host.run, service: "a", generation: generation}]
		return p == nil || !p.ended.IsZero() && !p.ended.After(by)
	}
	serving := 0
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.events {
		switch e.Kind {
		case KindReady, KindStarting:
			for older := range e.Generation {
				if !ended(older, e.Time) {
					t.Errorf("%s %d while generation %d is there", e.Kind, e.Generation, older)
				}
			}
			serving = e.Generation
		case KindRolledBack, KindAbandoned:
			if !ended(e.Generation, e.Time) || !overlap && ended(serving, e.Time.Add(-1)) {
				t.Errorf("%s %d at %s: generation %d is to go on, and this one not", e.Kind, e.Generation, e.Time.Sub(w.zero), serving)
			}
		case KindStopped, KindBackoff, KindWaiting, KindHeld, KindExhausted:
			for older := range e.Generation + 1 {
				if !ended(older, e.Time) {
					t.Errorf("%s while generation %d is there", e.Kind, older)
				}
			}
		}
	}
}
