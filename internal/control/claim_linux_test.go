package control

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestClaim: a directory is claimed once, whatever path leads to it, and is free
// when it was given back or its process was killed.
func TestClaim(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	first, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := Claim(other)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for _, path := range []string{dir, link} {
		var taken *TakenError
		if _, err := Claim(path); !errors.As(err, &taken) || taken.PID != os.Getpid() || taken.UID != os.Getuid() {
			t.Errorf("%s is claimed twice: %v", path, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}

	for _, left := range []string{"", "cat"} {
		killed(t, dir, left)
		again, err := Claim(dir)
		if err != nil {
			t.Fatalf("with %q left: %v", left, err)
		}
		again.Close()
	}
	if _, err := Claim(filepath.Join(dir, "none")); err == nil {
		t.Error("what is not there is claimed")
	}
}

// killed has another process claim dir, and kills it. What it has started is left
// until the test ends, with a copy of its descriptors, as if it was yet to execute
// its program.
func killed(t *testing.T, dir, left string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestClaimOfAProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_CLAIM="+dir, "BOUNCE_TEST_LEFT="+left)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, ours, err := os.Pipe() // it ends with us
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	defer in.Close()
	cmd.Stdin = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "claimed"; {
	}
	var taken *TakenError
	if _, err := Claim(dir); !errors.As(err, &taken) || taken.PID != cmd.Process.Pid {
		t.Errorf("what process %d has is not taken: %v", cmd.Process.Pid, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// TestClaimOfAProcess is the other process.
func TestClaimOfAProcess(t *testing.T) {
	dir := os.Getenv("BOUNCE_TEST_CLAIM")
	if dir == "" {
		return
	}
	c, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if left := os.Getenv("BOUNCE_TEST_LEFT"); left != "" {
		f, err := c.(*claim).ln.File()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(left)
		cmd.Stdin, cmd.ExtraFiles = os.Stdin, []*os.File{f}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("\nclaimed")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the other one ends
}
