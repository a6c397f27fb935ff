//go:build unix

package pyruntime

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTimesOut has an interpreter that hangs behind a shim: both must be gone
// when the error is there.
func TestTimesOut(t *testing.T) {
	tests := []struct {
		name string
		ask  func(ctx context.Context, python string) error
		want string
	}{
		{"compile", func(ctx context.Context, python string) error {
			_, err := Compile(ctx, python, filepath.Dir(python), []string{"a.py"})
			return err
		}, "did not get past a.py, file 1 of 1 to compile"},
		{"search path", func(ctx context.Context, python string) error {
			_, err := Python{Path: python, Dir: filepath.Dir(python)}.SearchPath(ctx)
			return err
		}, "does not say where it looks for modules"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { timesOut(t, test.ask, test.want) })
	}
}

func timesOut(t *testing.T, ask func(ctx context.Context, python string) error, want string) {
	dir := t.TempDir()
	python := filepath.Join(dir, "python3")
	// The child says on a named pipe that it runs and holds it open until it
	// ends.
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n(echo running; exec sleep 1000) > pipe\n"
	if err := os.WriteFile(python, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	ended := make(chan error, 1)
	go func() {
		r, err := os.Open(pipe)
		if err != nil {
			cancel(err)
			ended <- err
			return
		}
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, len("running\n"))); err == nil {
			cancel(late)
		}
		// Reading ends when no process has the pipe open any more.
		_, err = io.Copy(io.Discard, r)
		ended <- err
	}()
	err := ask(ctx, python)
	if !errors.Is(err, late) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says where it was and why it ended", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the hanging interpreter is still there")
	}
}
