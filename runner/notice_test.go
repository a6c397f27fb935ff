package runner

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func (n notice) String() string {
	var words []string
	if n.unit != "" {
		words = append(words, fmt.Sprintf("unit=%s", n.unit))
	}
	if n.state != "" {
		words = append(words, fmt.Sprintf("state=%q", n.state))
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"ready", n.ready}, {"reloading", n.reloading}, {"stopping", n.stopping}, {"beat", n.beat}, {"alarm", n.alarm}} {
		if f.set {
			words = append(words, f.name)
		}
	}
	if n.said {
		words = append(words, fmt.Sprintf("status=%q", n.status))
	}
	if n.pid != 0 {
		words = append(words, fmt.Sprintf("pid=%d", n.pid))
	}
	if n.every != 0 {
		words = append(words, fmt.Sprintf("every=%s", n.every))
	}
	if n.extend != 0 {
		words = append(words, fmt.Sprintf("extend=%s", n.extend))
	}
	return strings.Join(words, " ")
}

func TestNotices(t *testing.T) {
	data, err := os.ReadFile("../testdata/runner/notices.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		left, want, ok := strings.Cut(line, "->")
		text, err := strconv.Unquote(`"` + strings.TrimRight(left, " ") + `"`)
		if !ok || err != nil {
			t.Fatalf("notices.txt:%d: no case: %v", i+1, err)
		}
		if got := parseNotice(text).String(); got != strings.TrimSpace(want) {
			t.Errorf("notices.txt:%d: %q says %s, want %s", i+1, text, got, want)
		}
	}
}

func FuzzNotice(f *testing.F) {
	f.Add("READY=1\nSTATUS=x\nWATCHDOG_USEC=1\nEXTEND_TIMEOUT_USEC=18446744073709551615\nMAINPID=2147483648")
	f.Add("UNIT=poller\nSTATE=fetching\nREADY=1\nMAINPID=4711\nWATCHDOG=trigger\nSTATUS=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		n := parseNotice(text)
		if n.pid < 0 || n.pid == 1 || n.every < 0 || n.extend < 0 || len(n.status) > maxStatus ||
			len(n.unit) > maxName || len(n.state) > maxName || n.unit != "" && (n.ready || n.pid != 0) || !utf8.ValidString(n.status) {
			t.Errorf("%q: %+v", text, n)
		}
	})
}

// TestVigil tells a vigil at what times it is looked at and fed.
func TestVigil(t *testing.T) {
	zero := time.Now()
	at := func(d time.Duration) time.Time { return zero.Add(d) }
	for _, c := range []struct {
		name  string
		vigil vigil
		now   time.Duration
		want  string
		due   time.Duration // afterwards; 0: never
	}{
		{"nothing is asked", vigil{}, time.Hour, "", 0},
		{"in time", vigil{every: time.Second, last: zero}, 999 * time.Millisecond, "", time.Second},
		{"missed", vigil{every: time.Second, last: zero}, time.Second, "no heartbeat for 1s", time.Second},
		{"a little late", vigil{every: time.Second, last: zero}, 1900 * time.Millisecond, "no heartbeat for 1s", time.Second},
		{"the agent was asleep", vigil{every: time.Second, last: zero}, time.Minute, "", time.Minute + time.Second},
		{"reload in time", vigil{reloaded: at(time.Second), patience: time.Second}, 0, "", time.Second},
		{"reload missed", vigil{reloaded: at(time.Second), patience: time.Second}, time.Second, "not ready again within 1s of RELOADING=1", time.Second},
		{"asleep in a reload", vigil{reloaded: at(time.Second), patience: time.Second}, time.Minute, "", time.Minute + time.Second},
		{"the sooner counts", vigil{every: time.Minute, last: zero, reloaded: at(time.Second), patience: time.Second}, time.Second, "not ready again within 1s of RELOADING=1", time.Second},
		{"the sooner is the heartbeat", vigil{every: time.Second, last: zero, reloaded: at(time.Minute), patience: time.Minute}, time.Second, "no heartbeat for 1s", time.Second},
	} {
		v := c.vigil
		if got := v.missed(at(c.now)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if due, ok := v.due(); ok != (c.due != 0) || ok && !due.Equal(at(c.due)) {
			t.Errorf("%s: due after %s (%t), want %s", c.name, due.Sub(zero), ok, c.due)
		}
	}
}

// TestWatchLife lets probes answer as the letters say: + well, - badly.
func TestWatchLife(t *testing.T) {
	for _, c := range []struct {
		answers string
		after   time.Duration // when it gives up
	}{
		{"---", 30 * time.Second},
		{"+--+---", 70 * time.Second},
		{"-+-+-+--+----", 120 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, i := time.Now(), 0
			err := watchLife(t.Context(), Live{Interval: 10 * time.Second, Failures: 3}, func(_ context.Context, _ time.Duration) error {
				if i++; c.answers[i-1] == '-' {
					return fmt.Errorf("answer %d", i)
				}
				return nil
			})
			want := fmt.Sprintf("not alive, 3 probes in a row failed: answer %d", c.after/(10*time.Second))
			if err == nil || err.Error() != want || time.Since(begin) != c.after {
				t.Errorf("%s: %v after %s, want %s after %s", c.answers, err, time.Since(begin), want, c.after)
			}
		})
	}
}
