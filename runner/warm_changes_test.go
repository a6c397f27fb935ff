package runner

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"bounce/internal/pyruntime/warm"
)

// diary is an observer of services that load and alter what a test says.
type diary struct {
	mu      sync.Mutex
	modules []string
	altered []warm.Alteration // by generations from since on
	since   int
	imports map[Import]bool
}

func (*diary) Packages(string) (string, error) { return "1", nil }

func (d *diary) Imports(string) map[Import]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.imports)
}

func (d *diary) Loaded(_ string, generation int) (Loaded, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := Loaded{Modules: d.modules, Files: "1"}
	if generation >= d.since {
		l.Altered = d.altered
	}
	return l, nil
}

func (d *diary) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// diaryBubble runs a test with one service a that is started warm, is ready after
// a second, and has had a cold start.
func diaryBubble(t *testing.T, d *diary, strategy Strategy, test func(g *rig, w *world)) {
	t.Helper()
	spec := rollingSpec("a")
	spec.Warm, spec.Strategy = WarmAuto, strategy
	bubble(t, Options{Specs: []Spec{spec}, Observer: d}, nil, func(g *rig, w *world) {
		w.runs["a"], w.rolls = []run{{ready: time.Second}}, strategy == Rolling
		w.care.takes = time.Second
		g.up("a")
		g.want(1, firstCold)
		passes(2 * time.Second)
		w.events()
		test(g, w)
	})
}

// loads compares what the last parent has loaded.
func (w *world) loads(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.loaded, want) {
		w.t.Errorf("the last parent has loaded %q, not %q", w.loaded, want)
	}
}

// TestWarmLater: what is loaded, or told, after a service was ready is in the
// next parent, whether that was soon, or at the end of the generation.
func TestWarmLater(t *testing.T) {
	d := &diary{modules: []string{"json"}}
	diaryBubble(t, d, Immediate, func(g *rig, w *world) {
		d.set(func() { d.modules = []string{"json", "lazy"} })
		passes(warmLater)
		w.expect("soon", "6s load 2; 7s close 1")
		w.loads("json", "lazy")
		passes(time.Minute)
		d.set(func() { d.modules = []string{"json", "lazy", "rare"} })
		g.up("a")
		g.want(2, "warm")
		passes(time.Minute)
		if w.parents != 3 {
			t.Errorf("%d parents at the end", w.parents)
		}
		w.loads("json", "lazy", "rare")
	})
}

// TestWarmForgets: an import that is removed from the code is not there any more
// after one cold start; one that the parent never had does not matter.
func TestWarmForgets(t *testing.T) {
	d := &diary{
		modules: []string{"json", "effect"},
		imports: map[Import]bool{{Module: "effect"}: true, {Module: "json"}: true, {Module: "own"}: true},
	}
	diaryBubble(t, d, Immediate, func(g *rig, w *world) {
		passes(time.Minute)
		d.set(func() { delete(d.imports, Import{Module: "own"}) })
		g.up("a")
		g.want(2, "warm")
		passes(time.Minute)
		d.set(func() { delete(d.imports, Import{Module: "effect"}); d.modules = []string{"json"} })
		g.up("a")
		g.want(3, "cold: its code does not import effect any more where it did, and its parent has it")
		passes(time.Minute)
		w.loads("json")
		g.up("a")
		g.want(4, "warm")
		passes(time.Minute)
		d.set(func() {
			delete(d.imports, Import{Module: "json"})
			d.imports[Import{Module: "json", Later: true}] = true
		})
		g.up("a")
		g.want(5, "cold: its code does not import json any more where it did, and its parent has it")
	})
}

// TestWarmPatched: there is no parent as long as the service patches the standard
// library.
func TestWarmPatched(t *testing.T) {
	const why = "it patches the standard library (gevent.monkey), and libraries are imported after that"
	d := &diary{modules: []string{"json"}, altered: []warm.Alteration{{Kind: warm.Patch, Name: "gevent.monkey"}}}
	diaryBubble(t, d, Immediate, func(g *rig, w *world) {
		for n := 2; n < 4; n++ {
			passes(time.Minute)
			g.up("a")
			g.want(n, "cold: "+why)
		}
		passes(time.Minute) // with which it is known what generation 3 has done
		d.set(func() { d.altered = nil })
		g.up("a")
		g.want(4, "cold: "+why)
		passes(time.Minute)
		g.up("a")
		g.want(5, "warm")
		if n := g.count("a", KindUnwarmable); n != 1 {
			t.Errorf("it was told %d times", n)
		}
	})
}

// TestWarmAltered: a warm generation that alters what its parent did not know of
// is never ready; the next one is cold, and the one after it warm again.
func TestWarmAltered(t *testing.T) {
	const why = "it changes DEBUG in its environment, which its parent did not know"
	for _, strategy := range []Strategy{Immediate, Rolling} {
		t.Run(string(strategy), func(t *testing.T) {
			d := &diary{modules: []string{"json"}}
			diaryBubble(t, d, strategy, func(g *rig, w *world) {
				passes(time.Minute)
				d.set(func() { d.since, d.altered = 2, []warm.Alteration{{Kind: warm.Environ, Name: "DEBUG"}} })
				g.up("a")
				g.want(2, "warm")
				g.want(3, "cold: "+why)
				passes(time.Minute)
				if g.count("a", KindCrashed) != 0 || g.count("a", KindReady) != 2 {
					t.Errorf("what was unlike has been ready, or counts as a crash:\n%s", g.story())
				}
				g.up("a")
				g.want(4, "warm")
				passes(time.Minute)
				if st := g.status("a").State; st != StateReady {
					t.Errorf("it is %s:\n%s", st, g.story())
				}
			})
		})
	}
}

// TestWarmAlteredAnew: a service that alters something else each time is not
// started twice each time.
func TestWarmAlteredAnew(t *testing.T) {
	d := &diary{modules: []string{"json"}}
	diaryBubble(t, d, Immediate, func(g *rig, w *world) {
		generation, twice := 1, 0
		for i := range 6 {
			passes(time.Minute)
			d.set(func() {
				d.since, d.altered = generation+1, []warm.Alteration{{Kind: warm.Environ, Name: "KEY" + string(rune('A'+i))}}
			})
			g.up("a")
			passes(time.Minute)
			if st := g.status("a").Generation; st == generation+2 {
				twice++
			}
			generation = g.status("a").Generation
		}
		if twice != warmOdd {
			t.Errorf("it was started twice %d times\n%s", twice, g.story())
		}
	})
}

// TestWarmPatchesLater: one that patches when it has long been ready is ended too.
func TestWarmPatchesLater(t *testing.T) {
	d := &diary{modules: []string{"json"}}
	diaryBubble(t, d, Immediate, func(g *rig, w *world) {
		passes(time.Minute)
		g.up("a")
		g.want(2, "warm")
		passes(2 * time.Second)
		d.set(func() { d.altered = []warm.Alteration{{Kind: warm.Environ, Name: "DEBUG"}} })
		passes(warmLater)
		if g.status("a").Generation != 2 {
			t.Errorf("a variable that changes later ends it:\n%s", g.story())
		}
		g.up("a")
		g.want(3, "warm")
		d.set(func() { d.altered = append(d.altered, warm.Alteration{Kind: warm.Patch, Name: "time.time"}) })
		g.want(4, "cold: it patches the standard library (time.time), and libraries are imported after that")
	})
}
