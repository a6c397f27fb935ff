package runner

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bounce/decider"
	"bounce/internal/soak"
)

// TestEveryTransitionIsTold walks services through their lives at random, and
// checks that the events tell all of it: a walk along the table without a gap,
// each step with its time, cause and generation.
func TestEveryTransitionIsTold(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	seen := make(map[State]int)
	for range soak.Times(30, 2000) {
		walk(t, random, seen)
	}
	for _, s := range States() {
		// Nothing here is probed, and nothing rolls.
		if s != StateReady && s != StateDraining && seen[s] == 0 {
			t.Errorf("no walk came to %s", s)
		}
	}
}

// walk has three services in a group live through sixty things that happen.
func walk(t *testing.T, random *rand.Rand, seen map[State]int) {
	names := []string{"a", "b", "c"}
	var specs []Spec
	runs := make(map[string][]run)
	overlap := random.IntN(2) == 0
	for _, name := range names {
		s := fakeSpec(name)
		s.Overlap = overlap
		s.Restart.Budget = Budget{Restarts: random.IntN(3), Window: time.Minute}
		s.Restart.OnExhausted = []Exhausted{HoldExhausted, CooldownExhausted, EscalateExhausted}[random.IntN(3)]
		s.Restart.Cooldown = 20 * time.Second
		s.Stop.Grace = 2 * time.Second
		specs = append(specs, s)
		for range 40 {
			r := run{linger: time.Duration(random.IntN(4)) * time.Second}
			switch random.IntN(8) {
			case 0, 1, 2:
				r.after, r.exit = time.Duration(1+random.IntN(5))*time.Second, Exit{Code: 1}
			case 3:
				r.after = time.Duration(1+random.IntN(5)) * time.Second
			case 4:
				r.after, r.exit, r.stderr = time.Second, Exit{Code: 1}, "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nImportError: no\n"
			case 5:
				r.refuse = &StartError{Command: name, Problem: "there is none", Err: errors.New("none")}
			case 6:
				r.immortal = 1
			}
			runs[name] = append(runs[name], r)
		}
	}
	group := Group{
		Name: "g", Strategy: []GroupStrategy{OneForOne, RestForOne, OneForAll}[random.IntN(3)], Members: names,
		Budget: Budget{Restarts: random.IntN(4), Window: time.Minute}, Cooldown: 15 * time.Second,
		OnExhausted: []Exhausted{HoldExhausted, CooldownExhausted}[random.IntN(2)],
	}
	bubble(t, Options{Specs: specs, Groups: []Group{group}}, runs, func(g *rig, w *world) {
		w.rolls = overlap
		for range 60 {
			name := names[random.IntN(len(names))]
			switch random.IntN(10) {
			case 0:
				_, _ = g.Start(names...)
			case 1:
				_, _ = g.Restart(name)
			case 2:
				_, _ = g.Stop(name)
			case 3, 4:
				g.Apply(planFor(name))
			case 5:
				g.Apply(decider.Plan{})
			default:
				time.Sleep(time.Duration(random.IntN(12000)) * time.Millisecond)
			}
			if random.IntN(2) == 0 {
				synctest.Wait()
			}
		}
		if _, err := g.Stop(names...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // also for what does not die at once
		synctest.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		at := map[string]State{"a": StateStopped, "b": StateStopped, "c": StateStopped}
		generation, last := make(map[string]int), time.Time{}
		for _, e := range g.events {
			if e.Time.IsZero() || e.Kind != KindStarted && e.Time.Before(last) {
				t.Errorf("%+v: its time is not after %s", e, last)
			}
			last = e.Time
			if e.Service == "" || !slices.Contains(States(), State(e.Kind)) {
				continue
			}
			from, to := at[e.Service], State(e.Kind)
			seen[to]++
			led := false
			for _, c := range table[from] {
				led = led || c.to == to && to != from
			}
			if !led || e.State != to {
				t.Errorf("%s: %s after %s: %+v", e.Service, to, from, e)
			}
			switch {
			case overlap:
				// It may have been started, and have ended, while the one before it
				// was there; it never is an older one.
				generation[e.Service] = max(generation[e.Service], e.Generation)
			case to == StateStarting:
				generation[e.Service]++
			}
			if e.Cause == "" || e.Generation != generation[e.Service] {
				t.Errorf("%s, generation %d: no cause, or another generation: %+v", e.Service, generation[e.Service], e)
			}
			at[e.Service] = to
		}
		for _, s := range g.Status() {
			if s.State != at[s.Name] || s.Generation != generation[s.Name] {
				t.Errorf("%s is %s in generation %d, told was %s in %d", s.Name, s.State, s.Generation, at[s.Name], generation[s.Name])
			}
		}
	})
}
