package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bounce/internal/control"
)

// TestLinesChooses asks for lines of what was written, one word each:
// NAME/GENERATION:TEXT, an action without a generation, a second apart.
func TestLinesChooses(t *testing.T) {
	begin := time.Date(2026, 1, 31, 14, 0, 0, 0, time.UTC)
	const said = "api/1:one migrate:done api/1:two web/1:one api/2:three web/2:two api/3:four web/2:three"
	for _, c := range []struct {
		name string
		q    control.LogQuery
		want string
	}{
		{"none", control.LogQuery{}, ""},
		{"all", control.LogQuery{Tail: -1}, "one done two one three two four three"},
		{"the last", control.LogQuery{Tail: 2}, "four three"},
		{"of one", control.LogQuery{Tail: 2, Services: []string{"api"}}, "three four"},
		{"of an action", control.LogQuery{Tail: -1, Services: []string{"migrate"}}, "done"},
		{"since", control.LogQuery{Tail: -1, Since: begin.Add(5 * time.Second)}, "two four three"},
		{"a pattern", control.LogQuery{Tail: -1, Grep: "^t|e$"}, "one done two one three two three"},
		{"the last of a pattern", control.LogQuery{Tail: 1, Grep: "^one$"}, "one"},
		{"of a generation", control.LogQuery{Tail: -1, Generation: 1}, "one two one"},
		{"of one that was not", control.LogQuery{Tail: -1, Generation: 9}, ""},
		{"of the one before", control.LogQuery{Tail: -1, Generation: -1}, "one three"},
		{"of a service before", control.LogQuery{Tail: -1, Services: []string{"api"}, Generation: -2}, "one two"},
		{"before the first", control.LogQuery{Tail: -1, Generation: -9}, ""},
		{"all of it", control.LogQuery{Tail: 5, Services: []string{"api"}, Since: begin.Add(time.Second), Grep: "e", Generation: 2}, "three"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newLines()
			for i, word := range strings.Fields(said) {
				who, text, _ := strings.Cut(word, ":")
				l := control.Line{Text: text, Time: begin.Add(time.Duration(i) * time.Second), Action: who}
				if name, number, service := strings.Cut(who, "/"); service {
					l.Service, l.Action = name, ""
					fmt.Sscan(number, &l.Generation)
				}
				k.add(l)
			}
			chosen, wanted, seq, err := k.choose(c.q)
			if err != nil || seq != 8 {
				t.Fatalf("choose = %d, %v", seq, err)
			}
			var got []string
			for _, l := range chosen {
				got = append(got, l.Text)
				if !wanted(l) {
					t.Errorf("%+v is chosen and not wanted", l)
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
	var refusal *control.Refusal
	if _, _, _, err := newLines().choose(control.LogQuery{Grep: "("}); !errors.As(err, &refusal) {
		t.Errorf("a broken pattern: %v", err)
	}
}

// A service that writes without end must not push out what others have said,
// nor fill the memory.
func TestLinesAreBounded(t *testing.T) {
	k := newLines()
	k.add(control.Line{Service: "quiet", Generation: 1, Text: "here"})
	k.add(control.Line{Service: "loud", Generation: 1, Text: "at first"})
	long := strings.Repeat("x", 16<<10)
	for g := range 5 {
		for range 10_000 {
			k.add(control.Line{Service: "loud", Generation: g + 1, Text: long})
			k.add(control.Line{Service: "short", Generation: g + 1, Text: "x"})
		}
	}
	k.add(control.Line{Service: "loud", Generation: 1, Text: "too late"})
	for name, want := range map[string]int{"quiet": 1, "loud": 3 * tailBytes / len(long), "short": 3 * tailLines} {
		chosen, _, _, err := k.choose(control.LogQuery{Tail: -1, Services: []string{name}})
		if err != nil || len(chosen) != want {
			t.Errorf("%s: %d lines are kept, want %d, %v", name, len(chosen), want, err)
		}
	}
	entries, missed, _ := k.all.after(0)
	size := 0
	for _, l := range entries {
		size += len(l.Text)
	}
	if size > journalBytes || len(entries) < 500 || missed+uint64(len(entries)) != k.all.last() {
		t.Errorf("the journal has %d lines with %d bytes, and misses %d of %d", len(entries), size, missed, k.all.last())
	}
}
