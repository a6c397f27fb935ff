package watcher

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPoller: where something changed lately comes first, the others in turn.
func TestPoller(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	p := &poller{interval: 500 * time.Millisecond, share: pollShare}
	dirs := make(map[string]*dir)
	for _, name := range strings.Fields("a b c d e") {
		dirs[name] = &dir{path: name}
		p.add(dirs[name])
	}
	names := func(ds []*dir) string {
		var out []string
		for _, d := range ds {
			out = append(out, d.path)
		}
		return strings.Join(out, " ")
	}
	turns := func(n int) string {
		var ds []*dir
		for range n {
			ds = append(ds, p.turn())
		}
		return names(ds)
	}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect(turns(7), "a b c d e a b")
	expect(names(p.latest(at(0))), "")
	p.changed(dirs["c"], at(1))
	p.changed(dirs["a"], at(3))
	p.changed(dirs["d"], at(2))
	p.changed(dirs["c"], at(0)) // older news
	expect(names(p.latest(at(4))), "a d c")
	p.changed(dirs["c"], at(4))
	expect(names(p.latest(at(4))), "c a d")
	p.remove(dirs["a"])
	expect(names(p.latest(at(4))), "c d")
	expect(names(p.latest(at(13))), "c")
	expect(names(p.latest(at(15))), "")
	seen := strings.Fields(turns(4))
	if len(seen) != 4 || strings.Contains(fmt.Sprint(seen), "a") {
		t.Errorf("a round without a is %q", seen)
	}
	for name, d := range dirs {
		if name != "a" {
			p.remove(d)
		}
	}
	if !p.due.IsZero() {
		t.Error("something is due and nothing polled")
	}

	for took, want := range map[time.Duration]time.Duration{
		0:                      500 * time.Millisecond,
		time.Millisecond:       500 * time.Millisecond,
		16 * time.Millisecond:  time.Second,
		160 * time.Millisecond: 10 * time.Second,
	} {
		if got := p.rest(took).Round(time.Millisecond); got != want {
			t.Errorf("after %v it rests %v, want %v", took, got, want)
		}
	}
}
