package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bounce/internal/pyruntime/warm"
)

const firstCold = "cold: no cold start was up yet"

// want compares how a generation was started.
func (g *rig) want(generation int, how string) {
	g.t.Helper()
	var got string
	g.until(fmt.Sprintf("the start of generation %d", generation), func() bool {
		i := slices.IndexFunc(g.events, func(e Event) bool { return e.Kind == KindStarted && e.Generation == generation })
		if i >= 0 {
			got = g.events[i].What
		}
		return i >= 0
	})
	if got != how {
		g.t.Errorf("generation %d was started %q, want %q\n%s", generation, got, how, g.story())
	}
}

// shelf is an observer of services that load nothing but json.
type shelf struct{ err error }

func (shelf) Packages(string) (string, error) { return "1", nil }

func (shelf) Imports(string) map[Import]bool { return nil }

func (s shelf) Loaded(string, int) (Loaded, error) { return Loaded{Modules: []string{"json"}}, s.err }

// care is what parents of the world are like.
type care struct {
	takes time.Duration // to load
	err   error         // why there is none when it has passed
	grows int64         // bytes at each fork
	most  int64         // bytes that one has held
}

func (w *world) read(command) (warm.Command, error) { return warm.Command{}, nil }

func (w *world) foster(ctx context.Context, _ command, _ mark, s warm.Setup) (parent, error) {
	w.mu.Lock()
	w.parents++
	p := &fakeParent{w: w, number: w.parents, loaded: s.Modules, held: 100 << 20}
	care := w.care
	w.note("load %d", p.number)
	w.loaded = s.Modules
	w.mu.Unlock()
	select {
	case <-time.After(care.takes):
	case <-ctx.Done():
		care.err = ctx.Err()
	}
	if care.err != nil {
		p.Close()
		return nil, care.err
	}
	return p, nil
}

func (w *world) fork(p parent, c command, m mark, stdout, stderr *os.File) (process, error) {
	of := p.(*fakeParent)
	w.mu.Lock()
	w.note("fork %d", of.number)
	of.held += w.care.grows
	w.care.most = max(w.care.most, of.held)
	w.mu.Unlock()
	return w.start(c, m, stdout, stderr)
}

type fakeParent struct {
	w      *world
	number int
	loaded []string
	held   int64 // guarded by w.mu
}

func (p *fakeParent) Loaded() []string      { return p.loaded }
func (p *fakeParent) Left() []warm.Unloaded { return nil }
func (p *fakeParent) PID() int              { return p.number }

func (p *fakeParent) Memory() int64 {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.held
}

func (p *fakeParent) Overgrown() error {
	if p.Memory() > 1<<30 {
		return errors.New("it has grown")
	}
	return nil
}

func (p *fakeParent) Close() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.note("close %d", p.number)
}

// warmBubble runs a test with one service a that is started warm, and has had a
// cold start.
func warmBubble(t *testing.T, c care, test func(g *rig, w *world)) {
	t.Helper()
	spec := fakeSpec("a")
	spec.Warm = WarmAuto
	bubble(t, Options{Specs: []Spec{spec}, Observer: shelf{}}, nil, func(g *rig, w *world) {
		w.care = c
		g.up("a")
		g.want(1, firstCold)
		passes(3 * time.Second)
		if n := w.parents; n != 1 {
			t.Errorf("%d parents after the first start", n)
		}
		w.events()
		test(g, w)
	})
}

// passes lets time pass, and all that is due at its end happen.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestWarmIdle: a parent is ended when nothing was started for an hour; the start
// after that is cold, and has another one made.
func TestWarmIdle(t *testing.T) {
	warmBubble(t, care{}, func(g *rig, w *world) {
		passes(time.Hour - time.Minute)
		g.up("a")
		g.want(2, "warm")
		passes(time.Hour - time.Second)
		w.expect("used within the hour", "59m3s end a/1 ended by SIGTERM; 59m3s fork 1; 59m3s start a/2")
		passes(time.Second)
		w.expect("not used for an hour", "1h59m3s close 1")
		passes(24 * time.Hour)
		w.expect("and longer", "")
		g.up("a")
		g.want(3, "cold: nothing was started for 1h0m0s")
		passes(3 * time.Second)
		g.up("a")
		g.want(4, "warm")
		w.expect("another one", "25h59m3s end a/2 ended by SIGTERM; 25h59m3s start a/3; 25h59m5s load 2; "+
			"25h59m6s end a/3 ended by SIGTERM; 25h59m6s fork 2; 25h59m6s start a/4")
	})
}

// TestWarmOvergrown: one that grows as it forks is ended as soon as it holds too
// much, over however many starts.
func TestWarmOvergrown(t *testing.T) {
	const grows = 300 << 20 // three forks fit
	warmBubble(t, care{grows: grows}, func(g *rig, w *world) {
		for n := 2; n <= 5; n++ {
			g.up("a")
			g.want(n, "warm")
		}
		g.up("a")
		g.want(6, "cold: it has grown")
		passes(3 * time.Second)
		for n := 7; n <= 106; n++ { // the next one is made when a generation has come up
			g.up("a")
			g.want(n, "warm")
			passes(3 * time.Second)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.parents != 1+25+1 || w.care.most != 100<<20+4*grows {
			t.Errorf("%d parents, one of which has held %d bytes", w.parents, w.care.most)
		}
	})
}

// TestWarmTakesLong: no start waits for a parent; one that cannot be had is not
// tried again for the same modules, but when the service was stopped.
func TestWarmTakesLong(t *testing.T) {
	late := &warm.Unfit{Why: "it takes too long"}
	warmBubble(t, care{takes: 2 * time.Minute, err: late}, func(g *rig, w *world) {
		g.up("a")
		g.want(2, "cold: its libraries are still being loaded")
		passes(3 * time.Minute)
		w.expect("in the middle", "3s end a/1 ended by SIGTERM; 3s start a/2; 2m2s close 1")
		for n := 3; n < 6; n++ {
			g.up("a")
			g.want(n, "cold: it takes too long")
			passes(3 * time.Minute)
		}
		if n := g.count("a", KindUnwarmable); n != 1 || w.parents != 1 {
			t.Errorf("%d parents, of which was told %d times", w.parents, n)
		}
		w.events()

		// A stop ends an attempt at once.
		down := func() {
			stop, err := g.Stop("a")
			if err != nil {
				t.Fatal(err)
			}
			g.finish(stop)
		}
		down()
		if _, err := g.Start("a"); err != nil {
			t.Fatal(err)
		}
		passes(3 * time.Second)
		down()
		passes(0)
		w.expect("stopped", "12m3s end a/5 ended by SIGTERM; 12m3s start a/6; 12m5s load 2; "+
			"12m6s end a/6 ended by SIGTERM; 12m6s close 2")
	})
}

// TestWarmTurnedOff: there is no parent for a service that is not to be started warm
// any more, and its generation goes on.
func TestWarmTurnedOff(t *testing.T) {
	warmBubble(t, care{}, func(g *rig, w *world) {
		spec := fakeSpec("a")
		for _, mode := range []Warm{WarmOff, WarmAuto} {
			spec.Warm = mode
			if _, err := g.Configure([]Spec{spec}, nil, nil, 0); err != nil {
				t.Fatal(err)
			}
			passes(time.Second)
		}
		w.expect("turned off and on", "3s close 1")
		g.up("a")
		g.want(2, "cold: warm starts were off")
		passes(3 * time.Second)
		g.up("a")
		g.want(3, "warm")
	})
}

// TestWarmUnobserved: where it is not known what a service loads, that is why it is
// started cold, and not that there was no start.
func TestWarmUnobserved(t *testing.T) {
	spec := fakeSpec("a")
	spec.Warm = WarmAuto
	o := Options{Specs: []Spec{spec}, Observer: shelf{errors.New("it has not told what it loads")}}
	bubble(t, o, nil, func(g *rig, w *world) {
		g.up("a")
		g.want(1, firstCold)
		for n := 2; n < 4; n++ {
			passes(3 * time.Second)
			g.up("a")
			g.want(n, "cold: it has not told what it loads")
		}
	})
}

// TestWarmFailsToLoad: what another attempt may mend has another attempt.
func TestWarmFailsToLoad(t *testing.T) {
	warmBubble(t, care{err: errors.New("the parent has ended")}, func(g *rig, w *world) {
		g.up("a")
		g.want(2, "cold: the parent has ended")
		w.mu.Lock()
		w.care.err = nil
		w.mu.Unlock()
		passes(3 * time.Second)
		g.up("a")
		g.want(3, "warm")
	})
}
