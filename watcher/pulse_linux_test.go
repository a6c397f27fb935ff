package watcher

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// frozenVariable has the directory that a second process of this test watches.
const frozenVariable = "BOUNCE_TEST_FROZEN"

// TestFreeze: after a stop, what gave no event is found at once.
func TestFreeze(t *testing.T) {
	if dir := os.Getenv(frozenVariable); dir != "" {
		watchFrozen(t, dir)
		return
	}
	dir := t.TempDir()
	put(t, dir, "a.py", "x = 1\n")
	cmd := exec.Command(os.Args[0], "-test.run=^TestFreeze$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), atOnce, frozenVariable+"="+dir)
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
	if err := mmapWrite(filepath.Join(dir, "a.py"), "x = 2"); err != nil {
		t.Fatal(err)
	}
	<-time.After(20 * frozenPulse)
	signal(unix.SIGCONT)
	if got := next(); got != "audit ~a.py" {
		t.Error(got)
	}
}

const frozenPulse = 50 * time.Millisecond

// watchFrozen prints batches until it is killed.
func watchFrozen(t *testing.T, dir string) {
	o, err := Options{Dir: dir, Backend: FSNotify, Audit: -1}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	src, chosen := choose(o)
	w := start(context.Background(), o, src, chosen, newPulse(frozenPulse))
	for b := range w.Batches() {
		fmt.Println("batch:", b.Cause, format(b))
	}
}
