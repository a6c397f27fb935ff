package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAsInit runs the agent as the first process of a container: 200 orphans of
// its service, and commands of its own beside them.
func TestAsInit(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOUNCE_TEST_INIT") != "" {
		asInit(t)
		return
	}
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^TestAsInit$", "-test.v")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_INIT=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAsInit") {
		t.Errorf("%v\n%s", err, out)
	}
}

func asInit(t *testing.T) {
	if os.Getpid() != 1 {
		t.Fatalf("pid %d", os.Getpid())
	}
	for _, err := range []error{
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", 0, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const orphans = 200
	s := specOf(t, "a", "sh", "-c", fmt.Sprintf(`for i in $(seq %d); do setsid sh -c '(sleep 0.01 &)'; done; echo up; exec sleep 1000`, orphans))
	g := newRig(t, Options{Specs: []Spec{s}})
	g.Apply(planFor("a"))
	for i := range 50 {
		err := exec.Command("sh", "-c", fmt.Sprint("exit ", i%7)).Run()
		var exit *exec.ExitError
		if i%7 != 0 && (!errors.As(err, &exit) || exit.ExitCode() != i%7) || i%7 == 0 && err != nil {
			t.Fatalf("exit %d: %v", i%7, err)
		}
	}
	g.line("up")
	// The last of them end and are reaped soon.
	pid := g.event("a", KindStarted, 1).PID
	for deadline := time.Now().Add(g.patience); ; {
		var left []string
		for _, name := range names("/proc") {
			if n, _ := strconv.Atoi(name); n != 1 && n != pid {
				left = append(left, name)
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes %v are left", left)
		}
	}
	g.stop("a")
	if left := names("/proc"); len(left) != 1 {
		t.Errorf("%v", left)
	}
}
