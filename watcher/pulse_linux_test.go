package watcher

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// frozenVariable has the directory that a second process of this test watches,
// and with what, on two lines.
const frozenVariable = "BOUNCE_TEST_FROZEN"

// TestFreeze: after a stop, what gave no event is found at once, whatever the
// source.
func TestFreeze(t *testing.T) {
	if dir, backend, ok := strings.Cut(os.Getenv(frozenVariable), "\n"); ok {
		watchFrozen(t, dir, Backend(backend))
		return
	}
	for b, causes := range map[Backend]string{FSNotify: "audit", Notify: "audit", Poll: "audit edit"} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			freeze(t, b, strings.Fields(causes))
		})
	}
}

// freeze stops a process that watches, and has a file changed by another name.
func freeze(t *testing.T, b Backend, causes []string) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other.py")
	put(t, dir, "a.py", "x = 1\n")
	if err := os.Link(filepath.Join(dir, "a.py"), other); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFreeze$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), atOnce, frozenVariable+"="+dir+"\n"+string(b))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	next := func() string {
		for lines.Scan() {
			if line, ok := strings.CutPrefix(lines.Text(), "batch: "); ok {
				return line
			}
		}
		t.Fatal("the process ended")
		return ""
	}
	if got := next(); got != "scan +a.py" {
		t.Fatal(got)
	}
	signal := func(s syscall.Signal) {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(unix.SIGSTOP)
	if err := os.WriteFile(other, []byte("x = 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	<-time.After(20 * frozenPulse)
	signal(unix.SIGCONT)
	cause, changes, _ := strings.Cut(next(), " ")
	if !slices.Contains(causes, cause) || changes != "~a.py" {
		t.Errorf("%s %s", cause, changes)
	}
}

const frozenPulse = 50 * time.Millisecond

// watchFrozen prints batches until it is killed.
func watchFrozen(t *testing.T, dir string, b Backend) {
	o, err := Options{Dir: dir, Backend: b, Audit: -1}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	src, chosen := choose(o)
	w := start(context.Background(), o, src, chosen, newPulse(frozenPulse))
	for b := range w.Batches() {
		fmt.Println("batch:", b.Cause, format(b))
	}
}
