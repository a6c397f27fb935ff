//go:build unix

package feed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFeed(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, script, want string }{
		{"it reads", `cat > got`, ""},
		{"it does not read", `true`, ""},
		{"it fails", `echo 'first' >&2; echo 'no such host  ' >&2; echo >&2; exit 3`, "ended with exit status 3: no such host"},
		{"it fails without a word", `exit 3`, "ended with exit status 3"},
		{"it says much", `head -c 100000 /dev/zero | tr '\0' x >&2; echo; exit 1`, "ended with exit status 1: " + strings.Repeat("x", maxKept)},
		{"it hangs, with a child", `sleep 1000 & sleep 1000`, "took longer than 500ms and was ended"},
		{"a child holds its output", `sleep 3 >&2 &`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Program{Argv: []string{"/bin/sh", "-c", c.script}, Dir: dir, Env: os.Environ(), Timeout: 500 * time.Millisecond}
			if c.want == "" {
				p.Timeout = 30 * time.Second
			}
			got := ""
			if err := p.Feed(t.Context(), map[string]int{"a": 1}); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("Feed: %q, want %q", got, c.want)
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(dir, "got")); err != nil || string(data) != "{\"a\":1}\n" {
		t.Errorf("it read %q, %v", data, err)
	}
	p := Program{Argv: []string{"no-such-command"}, Timeout: time.Minute}
	if err := p.Feed(t.Context(), 1); err == nil || !strings.HasPrefix(err.Error(), "cannot be run: ") {
		t.Errorf("a command that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Program{Argv: []string{"true"}, Timeout: time.Minute}).Feed(ctx, 1); err != context.Canceled {
		t.Errorf("after the end: %v", err)
	}
}
