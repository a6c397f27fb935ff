package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bounce/watcher"
)

// TestNextQuestion adds changes, "file old new", to what is asked next.
func TestNextQuestion(t *testing.T) {
	for _, c := range []struct{ changes, want string }{
		{"a 1 2", "a 1 2"},
		{"a 1 2, b 0 1", "a 1 2, b 0 1"},
		{"a 1 2, a 2 3", "a 1 3"},
		{"a 1 2, a 2 1", ""},
		{"a 1 2, b 1 2, a 2 1", "b 1 2"},
		{"a 0 1, a 1 0, a 0 2", "a 0 2"},
	} {
		var o oracle
		first := (<-chan struct{})(nil)
		for change := range strings.SplitSeq(c.changes, ", ") {
			var path string
			var old, now byte
			if _, err := fmt.Sscan(change, &path, &old, &now); err != nil {
				t.Fatal(err)
			}
			o.add(watcher.Change{Path: path, Old: watcher.Hash{old}, New: watcher.Hash{now}})
			if first == nil {
				first = o.last()
			}
		}
		var got []string
		for p := range o.pending {
			got = append(got, fmt.Sprintf("%s %d %d", p.Path, p.Old[0], p.New[0]))
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: asks about %q, want %q", c.changes, text, c.want)
		}
		// Who waits for a question that came to nothing waits no longer.
		if (o.next == nil) != (c.want == "") || o.next == nil && !isClosed(first) {
			t.Errorf("%s: next is %v", c.changes, o.next)
		}
		if o.next != nil && len(slices.Collect(maps.Keys(o.next.changes))) == 0 {
			t.Errorf("%s: a question about nothing", c.changes)
		}
	}
}
