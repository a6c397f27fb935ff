//go:build !breakreach

package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A build with the tag breakreach knows no imports: it is wrong on purpose.
// Whatever is said to test the program has to notice, and for that reason.

// TestBrokenReachFailsScripts runs the script of the main promise.
func TestBrokenReachFailsScripts(t *testing.T) {
	t.Parallel()
	out, ok := outside(t, "go", "test", "-vet=off", "-tags", "breakreach", "-count", "1", "-run", "^TestScripts$/^reach$", ".")
	if ok {
		t.Fatalf("the script passes without imports:\n%s", out)
	}
	// An edit in a library was to restart two services, and restarts none.
	if !strings.Contains(out, "restarted: [], want [api worker]") {
		t.Errorf("it fails for another reason:\n%s", out)
	}
}

// TestBrokenReachFailsDemo runs the demo with the program as it is, too: a demo
// that always fails shows nothing.
func TestBrokenReachFailsDemo(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := func(name string, args ...string) string {
		path := filepath.Join(bin, name)
		if out, ok := outside(t, "go", append([]string{"build", "-o", path}, args...)...); !ok {
			t.Fatalf("go build: %s", out)
		}
		return path
	}
	demo := build("demo", "../bounce-demo")
	shop := filepath.Join("..", "..", "testdata", "python", "shop")
	if out, ok := outside(t, demo, "-bounce", build("whole", "."), "-shop", shop); !ok {
		t.Fatalf("the demo fails with the program as it is:\n%s", out)
	}
	out, ok := outside(t, demo, "-bounce", build("broken", "-tags", "breakreach", "."), "-shop", shop)
	if ok {
		t.Fatalf("the demo passes without imports:\n%s", out)
	}
	if !strings.Contains(out, "api should have restarted, and is still") {
		t.Errorf("it fails for another reason:\n%s", out)
	}
}

// outside runs a command and says whether it succeeded.
func outside(t *testing.T, name string, args ...string) (out string, ok bool) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("cannot run %s: %v", name, err)
	}
	return string(text), err == nil
}
