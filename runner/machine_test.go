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

// diagram prints a table, one state after the other.
func diagram(table map[State]map[event]cell, limits map[State]limit) string {
	var b strings.Builder
	for _, s := range States() {
		if _, ok := table[s]; !ok {
			continue
		}
		bound := ""
		if l, ok := limits[s]; ok {
			bound = fmt.Sprintf(", %s: %s", l.key, l.then)
		}
		fmt.Fprintf(&b, "//\t%s%s\n", s, bound)
		// Events that lead to the same cell share a line.
		var lines []string
		at := make(map[cell]int)
		for _, e := range events() {
			c, ok := table[s][e]
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
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

func TestDocShowsTheTables(t *testing.T) {
	const finish = "package runner"
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(data), "// # The life of a service\n")
	if !ok {
		t.Fatal("doc.go does not show the life of a service")
	}
	want := head + "// # The life of a service\n//\n" + diagram(table, limits) +
		"//\n// # The life of a successor\n//\n" + diagram(succession, heirLimits) + finish + "\n"
	if *update {
		if err := os.WriteFile("doc.go", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Error("a table has changed: run go test ./runner -run TestDoc -update and read the diff of doc.go")
	}
}

// TestEveryPair walks every state and event and checks what must hold for each.
func TestEveryPair(t *testing.T) {
	states := States()
	starts := 0
	for _, table := range []map[State]map[event]cell{table, succession} {
		for s, row := range table {
			if !slices.Contains(states, s) {
				t.Errorf("the table has the state %q, States has not", s)
			}
			for e, c := range row {
				if !slices.Contains(events(), e) || !slices.Contains(states, c.to) {
					t.Errorf("%s, %s -> %s: the table has a word that events or States has not", s, e, c.to)
				}
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
			// One process at a time: a start comes from Waiting alone, after what
			// comes before it, and a live generation is left through Stopping
			// alone.
			if c.do == precede && (s != StateWaiting || c.to != StateStarting || e != cleared) {
				t.Errorf("%s: starts a second process", where)
			}
			if c.do == launch {
				if starts++; s != StateStarting || c.to != StateStarting || e != prepared {
					t.Errorf("%s: starts a second process", where)
				}
			}
			noProcess := slices.Contains([]event{refused, crashed, cooled, spent, doomed, emptied, renewed}, e)
			if s.live() && !c.to.live() && c.to != StateStopping && !(s == StateStarting && noProcess) {
				t.Errorf("%s: leaves a process behind", where)
			}
			if c.to == StateStopping && s != StateStopping && c.do != end && c.do != relay {
				t.Errorf("%s: does not end the process", where)
			}
			if (c.do == relay) != (e == lapped) {
				t.Errorf("%s: only a wish that says so starts another one meanwhile", where)
			}
			// What is up without a start was started beside another one, or before.
			takesOver := e == proved || e == unprobed || e == inherited || e == bereft || e == found
			if !s.live() && c.to.live() && c.do != precede && !takesOver {
				t.Errorf("%s: nothing was started", where)
			}
			if (c.to == StateDraining && s != StateDraining) != (c.do == drain && e == succeeded && s == StateReady) {
				t.Errorf("%s: only what is ready drains, and for a successor that is", where)
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

// TestEveryPairOfASuccessor is TestEveryPair for the second table.
func TestEveryPairOfASuccessor(t *testing.T) {
	for s, row := range succession {
		process := s != StateStopped
		for e, c := range row {
			where := fmt.Sprintf("%s, %s -> %s, %s", s, e, c.to, c.do)
			if (c.do == precede) != (s == StateStopped) || (c.do == launch) != (s == StateStarting && e == prepared) {
				t.Errorf("%s: a successor is started once", where)
			}
			if process && c.to == StateStopped && (c.do != bury || e != emptied && e != refused) {
				t.Errorf("%s: leaves a process behind", where)
			}
			if c.to == StateStopping && s != StateStopping && c.do != end {
				t.Errorf("%s: does not end the process", where)
			}
			if c.do == succeed && (s != StateReady || e != stable) {
				t.Errorf("%s: takes over without a proof", where)
			}
		}
		if !process {
			continue
		}
		// Whatever it is at, it makes room, and what it does wrong ends it.
		for _, e := range []event{rolled, recalled, down} {
			if c := row[e]; c.to != StateStopping {
				t.Errorf("%s does not end on %s", s, e)
			}
		}
		for _, e := range []event{exited, ailing, overdue} {
			if c, ok := row[e]; ok && (c.to != StateStopping || c.do != end) {
				t.Errorf("%s, %s -> %s, %s: a failure is no end", s, e, c.to, c.do)
			}
		}
	}
}

// TestEveryTimerHasALimit checks that the table and its limits tell of the same
// timers.
func TestEveryTimerHasALimit(t *testing.T) {
	for _, s := range States() {
		for _, e := range []event{overdue, stable, drained, elapsed} {
			if _, ok := table[s][e]; ok != (limits[s].then == e) {
				t.Errorf("%s: %s is in the table: %t, its limit ends with %q", s, e, ok, limits[s].then)
			}
		}
	}
}

// TestNoDeadEnd checks that every state can be reached and left for good.
func TestNoDeadEnd(t *testing.T) {
	reach := func(table map[State]map[event]cell, from State) map[State]bool {
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
	for name, table := range map[string]map[State]map[event]cell{"service": table, "successor": succession} {
		fromStopped := reach(table, StateStopped)
		for s := range table {
			if !fromStopped[s] {
				t.Errorf("%s: nothing leads to %s", name, s)
			}
			back := reach(table, s)
			if !back[StateStopped] || !back[StateStarting] {
				t.Errorf("%s: %s cannot be left for stopped and for starting", name, s)
			}
		}
	}
	for _, s := range States() {
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
		making := false // the process is that of the hook before the start
		for range 50 {
			var e event
			switch {
			case random.IntN(3) == 0:
				e = pick(wanted, lapped, called, down, released)
			case timer:
				e = elapsed
			case ending:
				e = pick(exited, stuck, emptied, renewed, done, crashed, cooled, spent, doomed)
			case making:
				e = pick(prepared, crashed, cooled, spent)
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
			if s = c.to; making && s != StateStarting {
				process, making = s == StateStopping, false
			}
			switch c.do {
			case precede:
				if process {
					t.Fatalf("%s: a second process", s)
				}
				process, making = true, true
			case launch:
				making = false
				// The start succeeds or is refused.
				if process = random.IntN(4) > 0; !process {
					c, _ = next(s, pick(refused, crashed, spent, cooled, doomed))
					s = c.to
					timer = c.do == delay
				}
			case end, relay:
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
