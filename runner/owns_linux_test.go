package runner

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Between fork and exec the command of a service has every descriptor of the
// agent, the pipes of other services among them, and no mark yet. The hunt for
// what is left of another service must not take it for an orphan.
//
// Here the command is a shell that has no mark until it executes itself with
// one, and the fork lock stands for a fork that is under way.
func TestACommandThatIsBeingStartedIsNobodysOrphan(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	stopped := &proc{
		os:    &os.Process{Pid: 1 << 30}, // nobody's
		mark:  mark{run: "run", service: "stopped", generation: 1},
		pipes: [2]string{pipeName(w), pipeName(w)},
	}

	cmd := exec.Command("sh", "-c", `echo unmarked >&2; read go; exec env BOUNCE_RUN=run BOUNCE_SERVICE=starting BOUNCE_GENERATION=1 sh -c 'echo marked >&2; read end'`)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdout = w // as the fork would have it
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(said)
	lines.Scan()
	s, alive := readStat(cmd.Process.Pid)
	if !alive || lines.Text() != "unmarked" {
		t.Fatalf("the command did not start: %q", lines.Text())
	}

	if !stopped.owns(s, nil) {
		t.Error("what has our pipe and no mark is not found")
	}

	syscall.ForkLock.Lock()
	owned := make(chan bool)
	go func() { owned <- stopped.owns(s, nil) }()
	if _, err := in.Write([]byte("go\n")); err != nil {
		t.Error(err)
	}
	lines.Scan() // it has its mark now, as after its exec
	syscall.ForkLock.Unlock()
	if <-owned {
		t.Errorf("the command of another service was taken for an orphan (%q)", lines.Text())
	}
}
