package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bounce/decider"
)

// eachCase runs a test for each case of a file of testdata/runner: the lines under
// "== NAME". What is above the first is for people.
func eachCase(t *testing.T, file string, test func(t *testing.T, lines []string)) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "runner", file))
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(data), "\n== ")
	for text := range strings.SplitSeq(cases, "\n== ") {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		t.Run(lines[0], func(t *testing.T) { test(t, lines[1:]) })
	}
}

// rig is a runner with what it said.
type rig struct {
	*Runner
	t   *testing.T
	dir string // a directory of the test's own
	// patience is how long to wait for an event that must come. It bounds a
	// test that hangs and never decides one that passes.
	patience time.Duration

	mu     sync.Mutex
	grown  chan struct{} // closed and replaced when something is added
	events []Event
	lines  []Line
}

// newRig makes a runner; it is closed with the test, and then nothing of it may
// be left.
func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	g := &rig{t: t, dir: t.TempDir(), patience: 30 * time.Second, grown: make(chan struct{})}
	if o.Events == nil {
		o.Events = func(e Event) { g.add(func() { g.events = append(g.events, e) }) }
	}
	if o.Output == nil {
		o.Output = func(l Line) { g.add(func() { g.lines = append(g.lines, l) }) }
	}
	if o.Dir == "" {
		o.Dir = g.dir
	}
	if os.Getenv("BOUNCE_TEST_KEEP") != "" && o.start == nil {
		// Everything in the care of shims: nothing else is to differ.
		o.Keep = filepath.Join(g.dir, ".kept")
		o.Specs = slices.Clone(o.Specs)
		for i := range o.Specs {
			o.Specs[i].Keep = true
		}
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.Runner = r
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), g.patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Log(g.story())
		}
	})
	return g
}

func (g *rig) add(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.grown)
	g.grown = make(chan struct{})
}

// until waits until the predicate holds; it is called under the lock after
// each event and line.
func (g *rig) until(what string, ok func() bool) {
	g.t.Helper()
	deadline := time.After(g.patience)
	for {
		g.mu.Lock()
		found, grown := ok(), g.grown
		g.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			g.t.Fatalf("waited in vain for %s\n%s", what, g.story())
		}
	}
}

// event waits for the n-th event, from 1, of a kind for a service.
func (g *rig) event(service string, kind Kind, n int) Event {
	g.t.Helper()
	var found Event
	g.until(fmt.Sprintf("%s %d of %s", kind, n, service), func() bool {
		seen := 0
		for _, e := range g.events {
			if e.Service+e.Action == service && e.Kind == kind {
				if seen++; seen == n {
					found = e
					return true
				}
			}
		}
		return false
	})
	return found
}

// line waits for a line that begins with text.
func (g *rig) line(text string) Line {
	g.t.Helper()
	var found Line
	g.until(fmt.Sprintf("a line that begins with %q", text), func() bool {
		i := slices.IndexFunc(g.lines, func(l Line) bool { return strings.HasPrefix(l.Text, text) })
		if i >= 0 {
			found = g.lines[i]
		}
		return i >= 0
	})
	return found
}

// count returns how many events of a kind there were.
func (g *rig) count(service string, kind Kind) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, e := range g.events {
		if e.Service+e.Action == service && e.Kind == kind {
			n++
		}
	}
	return n
}

// story tells what happened.
func (g *rig) story() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b strings.Builder
	for _, e := range g.events {
		fmt.Fprintf(&b, "%s %-10s %s%s/%d pid=%d exit=%v wait=%s %s\n",
			e.Time.Format("05.000000"), e.Kind, e.Service, e.Action, e.Generation, e.PID, e.Exit, e.Wait, e.What)
	}
	for _, l := range g.lines[max(0, len(g.lines)-40):] {
		fmt.Fprintf(&b, "%s %s| %.200s\n", l.Time.Format("05.000000"), l.Service+l.Action, l.Text)
	}
	return b.String()
}

// up applies a plan that restarts the services, and waits for its outcome.
func (g *rig) up(names ...string) []Result {
	g.t.Helper()
	return g.finish(g.Apply(planFor(names...)))
}

func (g *rig) finish(t *Ticket) []Result {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), g.patience)
	defer cancel()
	results, err := t.Wait(ctx)
	if err != nil {
		g.t.Fatalf("ticket: %v %+v\n%s", err, results, g.story())
	}
	return results
}

// settled waits until nothing moves and returns the services not at target.
func (g *rig) settled() error {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), g.patience)
	defer cancel()
	err := g.Settled(ctx)
	if ctx.Err() != nil {
		g.t.Fatalf("Settled: %v\n%s", err, g.story())
	}
	return err
}

func (g *rig) status(name string) Status {
	g.t.Helper()
	for _, s := range g.Status() {
		if s.Name == name {
			return s
		}
	}
	g.t.Fatalf("no service %q", name)
	return Status{}
}

// planFor is the plan of a change that reaches the services.
func planFor(names ...string) decider.Plan {
	var p decider.Plan
	for _, n := range names {
		p.Steps = append(p.Steps, decider.Step{
			Kind: decider.RestartService, Name: n, Order: 100,
			Reasons: []decider.Reason{{Path: "lib/a.py", Change: "modified"}},
		})
	}
	return p
}

// scripts is where the programs that tests run are.
func scripts(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../testdata/runner")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// specOf is a spec with short times that runs a script.
func specOf(t testing.TB, name string, argv ...string) Spec {
	t.Helper()
	return Spec{
		Name: name, Argv: argv, Dir: scripts(t), Order: 100,
		Env:   []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")},
		Stop:  Stop{Signal: "TERM", Grace: 5 * time.Second},
		Ready: Ready{Timeout: 20 * time.Second, Interval: 10 * time.Millisecond},
		Restart: Restart{
			When:        OnFailure,
			Backoff:     Backoff{Base: 5 * time.Millisecond, Factor: 2, Max: 20 * time.Millisecond},
			Budget:      Budget{Restarts: 3, Window: time.Hour},
			StableAfter: time.Hour,
			HoldOn:      []string{"SyntaxError", "ImportError"},
		},
	}
}
