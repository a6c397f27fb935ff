package watcher

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWindow runs testdata/watcher/window.table. A line is a case:
//
//	quiet max: events -> closings
//
// in milliseconds; an event "N!" is followed by a Flush, which has the window
// close a quiet time later at the latest; "N@M" has it stay open until M; "N%R"
// has the rest be R for 100 ms.
func TestWindow(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "testdata", "watcher", "window.table"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cases++
		head, rest, _ := strings.Cut(line, ":")
		events, want, _ := strings.Cut(rest, "->")
		var quiet, limit int
		if _, err := fmt.Sscan(head, &quiet, &limit); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := closings(quiet, limit, strings.Fields(events)); got != strings.TrimSpace(want) {
			t.Errorf("%s\ngot %s", line, got)
		}
	}
	if cases == 0 {
		t.Fatal("no cases")
	}
}

// closings feeds a window with events and returns when it closed.
func closings(quiet, limit int, events []string) string {
	start := time.Unix(1e9, 0)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	w := window{quiet: ms(quiet), max: ms(limit)}
	var out []string
	closeBefore := func(t time.Time) {
		if due := w.due(); !due.IsZero() && (t.IsZero() || !due.After(t)) {
			out = append(out, strconv.Itoa(int(due.Sub(start)/time.Millisecond)))
			w.close()
		}
	}
	for _, e := range events {
		number, flushed := strings.CutSuffix(e, "!")
		number, until, staying := strings.Cut(number, "@")
		number, rest, calm := strings.Cut(number, "%")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err.Error()
		}
		at := start.Add(ms(n))
		closeBefore(at)
		w.event(at)
		if flushed {
			w.closeBy(at.Add(w.quiet))
		}
		if calm {
			r, err := strconv.Atoi(rest)
			if err != nil {
				return err.Error()
			}
			w.calmly(ms(r), at.Add(ms(100)))
		}
		if staying {
			m, err := strconv.Atoi(until)
			if err != nil {
				return err.Error()
			}
			w.notBefore(start.Add(ms(m)))
		}
	}
	closeBefore(time.Time{})
	return strings.Join(out, " ")
}

func TestWaits(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	ws := make(waits)
	if !ws.due().IsZero() || ws.over("a", at(0)) {
		t.Error("something waits before it began")
	}
	ws.begin("a", wait{until: at(400), mark: 1})
	ws.begin("b", wait{until: at(500), mark: 2})
	ws.begin("a", wait{until: at(900), mark: 3}) // once only
	if ws.due() != at(400) || ws["a"].mark != 1 {
		t.Errorf("after three: %v", ws)
	}
	if ws.over("a", at(399)) || !ws.over("a", at(400)) || ws.over("b", at(400)) {
		t.Error("over at the wrong time")
	}
}
