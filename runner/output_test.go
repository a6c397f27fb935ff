package runner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeptLines(t *testing.T) {
	k := &kept{limit: 3}
	say := func(generation int, texts ...string) {
		for _, text := range texts {
			k.add(Line{Generation: generation, Text: text})
		}
	}
	expect := func(generation, n int, want ...string) {
		t.Helper()
		var got []string
		for _, l := range k.last(generation, n) {
			got = append(got, l.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("last(%d, %d) = %q, want %q", generation, n, got, want)
		}
	}
	expect(0, 10)
	say(1, "a", "b", "c", "d", "e")
	expect(0, 10, "c", "d", "e")
	expect(0, 2, "d", "e")
	say(2, "f")
	expect(0, 10, "c", "d", "e", "f")
	expect(1, 10, "c", "d", "e")
	// The old one may speak while the new one does.
	say(1, "g")
	expect(0, 10, "d", "e", "g", "f")
	say(3, "h")
	expect(0, 10, "f", "h")
	say(1, "too late")
	expect(0, 10, "f", "h")
}

func TestOutlet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		lost := 0
		gate := make(chan struct{})
		o := newOutlet(func(l Line) { <-gate; got = append(got, l.Text) }, func(n int) { lost += n })
		text := strings.Repeat("x", 1000)
		for i := range 5000 {
			o.put(Line{Text: fmt.Sprint(i, " ", text)})
			if i == 0 {
				synctest.Wait() // the sink is stuck with its first line
			}
		}
		close(gate)
		o.close()
		if len(got)+lost != 5000 || lost == 0 {
			t.Errorf("%d lines came, %d were lost, of 5000", len(got), lost)
		}
		// What was with the sink has come, and then the newest.
		for i, line := range got {
			if i > 0 {
				i += lost
			}
			if !strings.HasPrefix(line, fmt.Sprint(i, " ")) {
				t.Fatalf("line %.10s in place of line %d", line, i)
			}
		}
	})
}

func TestOutletGivesUpOnAStuckSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		o := newOutlet(func(Line) { <-gate }, func(int) {})
		o.put(Line{Text: "x"})
		begin := time.Now()
		o.close()
		if took := time.Since(begin); took != flushTime {
			t.Errorf("gave up after %s", took)
		}
		close(gate)
		<-o.done
	})
}
