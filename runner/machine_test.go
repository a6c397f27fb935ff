package runner

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"bounce/internal/soak"
)

var update = flag.Bool("update", false, "rewrite generated parts of the documentation")

// diagram prints the table, one state after the other.
func diagram() string {
	var b strings.Builder
	for _, s := range States() {
		fmt.Fprintf(&b, "//\t%s\n", s)
		// Events that lead to the same cell share a line.
		var lines []string
		at := make(map[cell]int)
		for _, e := range events() {
			c, ok := next(s, e)
			if !ok {
				continue
			}
			if i, ok := at[c]; ok {
				lines[i] += ", " + string(e)
				continue
			}
			at[c] = len(lines)
			lines = append(lines, string(e))
		}
		for c, i := range at {
			to := "-> " + string(c.to)
			if c.to == s {
				to = "   stays"
			}
			lines[i] = fmt.Sprintf("//\t    %-36s %-14s %s", lines[i], to, c.do)
			lines[i] = strings.TrimRight(lines[i], " ")
		}
		if len(lines) == 0 {
			lines = []string{"//\t    (nothing leads here yet)"}
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

func TestDocShowsTheTable(t *testing.T) {
	const begin, finish = "// # The life of a service\n", "package runner"
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, ok2 := strings.Cut(rest, finish)
	if !ok || !ok2 {
		t.Fatalf("doc.go has no %q before %q", begin, finish)
	}
	want := head + begin + "//\n" + diagram() + finish + tail
	if *update {
		if err := os.WriteFile("doc.go", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Error("the table has changed: run go test ./runner -run TestDoc -update and read the diff of doc.go")
	}
}

// TestEveryPair walks every state and event and checks what must hold for each.
func TestEveryPair(t *testing.T) {
	states := States()
	starts := 0
	for s, row := range table {
		if !slices.Contains(states, s) {
			t.Errorf("the table has the state %q, States has not", s)
		}
		for e := range row {
			if !slices.Contains(events(), e) {
				t.Errorf("%s: the table has the event %q, events has not", s, e)
			}
		}
	}
	for _, s := range states {
		for _, e := range events() {
			c, ok := next(s, e)
			if !ok {
				continue
			}
			where := fmt.Sprintf("%s, %s -> %s, %s", s, e, c.to, c.do)
			if !slices.Contains(states, c.to) {
				t.Errorf("%s: no such state", where)
			}
			// One process at a time: a start comes from Waiting alone, and a
			// live generation is left through Stopping alone.
			if c.do == launch {
				if starts++; s != StateWaiting || c.to != StateStarting || e != cleared {
					t.Errorf("%s: starts a second process", where)
				}
			}
			noProcess := slices.Contains([]event{refused, crashed, cooled, spent, doomed, emptied, renewed}, e)
			if s.live() && !c.to.live() && c.to != StateStopping && !(s == StateStarting && noProcess) {
				t.Errorf("%s: leaves a process behind", where)
			}
			if c.to == StateStopping && s != StateStopping && c.do != end {
				t.Errorf("%s: does not end the process", where)
			}
			if c.to == StateBackoff != (c.do == delay && e == crashed) {
				t.Errorf("%s: a backoff and its timer belong together", where)
			}
		}
	}
	if starts != 1 {
		t.Errorf("%d cells start a process, want 1", starts)
	}
}

// TestNoDeadEnd checks that every state can be reached and left for good.
func TestNoDeadEnd(t *testing.T) {
	reach := func(from State) map[State]bool {
		seen := map[State]bool{from: true}
		for todo := []State{from}; len(todo) > 0; {
			s := todo[0]
			todo = todo[1:]
			for _, c := range table[s] {
				if !seen[c.to] {
					seen[c.to] = true
					todo = append(todo, c.to)
				}
			}
		}
		return seen
	}
	fromStopped := reach(StateStopped)
	for _, s := range States() {
		if s == StateDraining {
			if len(table[s]) > 0 || fromStopped[s] {
				t.Error("draining is in use: the tests must know what it is for")
			}
			continue
		}
		if !fromStopped[s] {
			t.Errorf("nothing leads to %s", s)
		}
		back := reach(s)
		if !back[StateStopped] || !back[StateStarting] {
			t.Errorf("%s cannot be left for stopped and for starting", s)
		}
		// A wish is never lost: each state acts on one or remembers it.
		for _, e := range []event{wanted, down} {
			if _, ok := next(s, e); !ok && !(s == StateStopped && e == down) {
				t.Errorf("%s ignores %s", s, e)
			}
		}
	}
}

// TestRandomLives plays events that a world with processes can bring, and
// checks the world's own account of them.
func TestRandomLives(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...event) event { return from[random.IntN(len(from))] }
	for range soak.Times(2000, 100_000) {
		s := StateStopped
		process, ending, timer := false, false, false
		for range 50 {
			var e event
			switch {
			case random.IntN(3) == 0:
				e = pick(wanted, called, down, released)
			case timer:
				e = elapsed
			case ending:
				e = pick(exited, stuck, emptied, renewed, done, crashed, cooled, spent, doomed)
			case process:
				e = pick(proved, unprobed, overdue, stable, ailing, exited)
			default:
				e = pick(cleared, stable, elapsed)
			}
			c, ok := next(s, e)
			if !ok {
				continue
			}
			if c.to != s {
				timer = false
			}
			if ending && c.to != StateStopping && c.to != StateUnclean {
				process, ending = false, false
			}
			s = c.to
			switch c.do {
			case launch:
				if process {
					t.Fatalf("%s: a second process", s)
				}
				// The start succeeds or is refused.
				if process = random.IntN(4) > 0; !process {
					c, _ = next(s, pick(refused, crashed, spent, cooled, doomed))
					s = c.to
					timer = c.do == delay
				}
			case end:
				if !process {
					t.Fatalf("%s on %s: ends nothing", s, e)
				}
				ending = true
			case delay, look:
				timer = true
			}
			if e == stuck {
				ending = false // until the next attempt
			}
			if process != (s.live() || s == StateStopping || s == StateUnclean) {
				t.Fatalf("in %s after %s there is a process: %t", s, e, process)
			}
		}
	}
}
