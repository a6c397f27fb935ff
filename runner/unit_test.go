package runner

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnits(t *testing.T) {
	eachCase(t, "units.txt", func(t *testing.T, lines []string) {
		var units []Unit
		for _, line := range lines {
			if declared, ok := strings.CutPrefix(line, "unit "); ok {
				units = append(units, parseUnit(t, declared))
			}
		}
		begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		k := newTracker(units, begin)
		for _, line := range lines[len(units):] {
			question, want, ok := strings.Cut(line, " -> ")
			words := strings.Fields(question)
			if !ok || len(words) < 2 {
				t.Fatalf("cannot read %q", line)
			}
			if got := ask(&k, begin, begin.Add(duration(t, words[0])), words[1:]); got != want {
				t.Errorf("%s: got %s, want %s", question, got, want)
			}
		}
	})
}

// ask does what a line of the cases says.
func ask(k *tracker, begin, now time.Time, words []string) string {
	var got []string
	switch words[0] {
	case "look":
		for _, s := range k.overdue(now) {
			do := "restart"
			if s.signal != "" {
				do = "signal"
			}
			got = append(got, fmt.Sprintf("%s %s: %s", s.unit, do, s.why))
		}
		if len(got) == 0 {
			return "-"
		}
		return strings.Join(got, "; ")
	case "up":
		k.watch(now)
	case "tells":
		switch h := k.hear(parseNotice("UNIT="+words[1]+"\n"+strings.Join(words[2:], "\n")), now); {
		case h.move == nil:
			return "-"
		case h.move.untold > 0:
			return fmt.Sprintf("%s to %s, %d left out", h.move.from, h.move.to, h.move.untold)
		default:
			return fmt.Sprintf("%s to %s", h.move.from, h.move.to)
		}
	default:
		h := k.hear(parseNotice("UNIT="+words[0]+"\n"+strings.Join(words[1:], "\n")), now)
		if !h.known {
			got = append(got, "unknown")
		}
		if h.mended {
			got = append(got, "mended")
		}
	}
	next := "never"
	if at, ok := k.due(); ok {
		next = fmt.Sprintf("%gs", at.Sub(begin).Seconds())
	}
	return strings.Join(append(got, "next "+next), " ")
}

// parseUnit reads "NAME KEY=VALUE ...".
func parseUnit(t *testing.T, text string) Unit {
	words := strings.Fields(text)
	u := Unit{Name: words[0], Deadlines: map[string]time.Duration{}}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "heartbeat":
			u.Heartbeat = duration(t, value)
		case "start":
			u.Start = duration(t, value)
		case "signal":
			u.Signal = value
		case "answer":
			u.Answer = duration(t, value)
		default:
			u.Deadlines[key] = duration(t, value)
		}
	}
	return u
}

// TestAStallIsSeenAtItsDeadline has a clock look when the tracker says.
func TestAStallIsSeenAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		k := newTracker([]Unit{
			{Name: "a", Heartbeat: 5 * time.Second},
			{Name: "b", Heartbeat: time.Hour, Deadlines: map[string]time.Duration{"busy": 12 * time.Second}, Signal: "HUP", Answer: 3 * time.Second},
		}, begin)
		k.watch(begin)
		k.hear(notice{unit: "b", state: "busy"}, begin)
		beats := time.NewTicker(4 * time.Second)
		defer beats.Stop()
		k.hear(notice{unit: "a"}, begin)
		for {
			at, ok := k.due()
			if !ok {
				t.Fatal("nothing is due")
			}
			select {
			case <-beats.C:
				k.hear(notice{unit: "a"}, time.Now())
				continue
			case <-time.After(time.Until(at)):
			}
			stalls := k.overdue(time.Now())
			if len(stalls) != 1 || stalls[0].unit != "b" {
				t.Fatalf("after %s: %v", time.Since(begin), stalls)
			}
			if stalls[0].signal == "" {
				break
			}
			if got := time.Since(begin); got != 12*time.Second {
				t.Errorf("the signal comes after %s", got)
			}
		}
		if got := time.Since(begin); got != 15*time.Second {
			t.Errorf("the restart comes after %s", got)
		}
	})
}
