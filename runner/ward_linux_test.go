package runner

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestGenerationThatGoesOn(t *testing.T) {
	at := func(generation int, serves, over bool) *adoption {
		return &adoption{record: record{Generation: generation, Numbered: generation, Serves: serves}, over: over}
	}
	for _, c := range []struct {
		what string
		all  []*adoption
		want int
	}{
		{"alone", []*adoption{at(3, false, true)}, 3},
		{"the successor has yet to show that it serves", []*adoption{at(3, true, false), at(4, false, false)}, 3},
		{"both serve", []*adoption{at(4, true, false), at(3, true, false)}, 4},
		{"the successor has ended meanwhile", []*adoption{at(4, true, true), at(3, true, false)}, 3},
		{"only the successor is left", []*adoption{at(3, true, true), at(4, false, false)}, 4},
		{"nothing is left", []*adoption{at(3, true, true), at(4, false, true)}, 3},
	} {
		best := pick(c.all)
		if best.Generation != c.want || len(best.rivals) != len(c.all)-1 {
			t.Errorf("%s: %d with %d rivals, want %d", c.what, best.Generation, len(best.rivals), c.want)
		}
		for _, a := range c.all {
			if best.Numbered < a.Generation {
				t.Errorf("%s: generation %d is forgotten", c.what, a.Generation)
			}
		}
	}
}

// TestARivalThatCannotBeEndedKeepsOthersFromStarting adopts a generation beside
// one that does not die at the first attempts, and replaces it.
func TestARivalThatCannotBeEndedKeepsOthersFromStarting(t *testing.T) {
	runs := map[string][]run{"a": {{}, {immortal: 3}, {}}}
	bubble(t, Options{Specs: []Spec{fakeSpec("a")}}, runs, func(g *rig, w *world) {
		generation := func(number int) *adoption {
			p, err := w.start(command{}, mark{service: "a", generation: number}, os.NewFile(^uintptr(0), "none"), os.NewFile(^uintptr(0), "none"))
			if err != nil {
				t.Fatal(err)
			}
			return &adoption{record: record{Generation: number, Serves: true, Stop: Stop{Grace: time.Second}}, proc: p, pipes: newPipes()}
		}
		w.rolls = true
		kept := generation(3)
		kept.rivals = []*adoption{generation(4)}
		g.do(func() { // in place of what New finds
			g.conductor.services["a"].inbox.put(letter{event: quit})
			g.conductor.services["a"] = newService(g.conductor.host, fakeSpec("a"), nil, kept)
		})
		ticket := g.Apply(planFor("a"))
		e := g.event("a", KindBackoff, 1)
		if !strings.Contains(e.What, "of another generation that an earlier agent has left cannot be ended") {
			t.Errorf("%+v", e)
		}
		g.finish(ticket)
		g.event("a", KindUnverified, 2)
		w.expect("in turn", "0s start a/1; 0s start a/2; 0s end a/1 ended by SIGTERM; 6s end a/2 ended by SIGTERM; 6s start a/3")
	})
}

func TestWithin(t *testing.T) {
	command := exec.Command("sh", "-c", "sleep 100 & echo; wait")
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	shell := command.Process.Pid
	below := children(shell)
	if len(below) != 1 {
		t.Fatal(below)
	}
	defer exec.Command("kill", "-KILL", itoa(below[0])).Run()
	if !within(below[0], map[int]bool{shell: true}) || !within(shell, map[int]bool{shell: true}) || within(shell, map[int]bool{below[0]: true}) {
		t.Error("the parent of a process is not found")
	}
}
