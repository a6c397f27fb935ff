package runner

import (
	"testing"
	"time"

	"bounce/internal/soak"
)

// TestEditsInQuickSuccession asks for two more generations while one is on its way
// beside one that ends, under load: whoever makes room, no request is lost.
func TestEditsInQuickSuccession(t *testing.T) {
	for _, c := range servers[:2] {
		t.Run(c.name, func(t *testing.T) {
			spec := serverSpec(t, c.argv)
			spec.Overlap = true
			g := newRig(t, Options{Specs: []Spec{spec}})
			g.up("web")
			stop := load(t, spec.Listen[0])
			for n := 1; n <= soak.Times(3, 50); n++ {
				before := g.count("web", KindOverlapping)
				first := g.Apply(planFor("web"))
				g.event("web", KindOverlapping, before+1)
				second := g.Apply(planFor("web"))
				select {
				case <-second.Done():
				case <-time.After(time.Duration(n) * 7 * time.Millisecond): // somewhere in the start
				}
				third := g.Apply(planFor("web"))
				for _, ticket := range []*Ticket{first, second, third} {
					if got := outcomes(g.finish(ticket)); got != "web done" {
						t.Error(got)
					}
				}
			}
			report(t, stop())
			if n := g.count("web", KindAbandoned); n == 0 {
				t.Error("no generation has made room for another")
			}
		})
	}
}
