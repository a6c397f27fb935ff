package runner

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestJudge: whose a process is, by its mark.
func TestJudge(t *testing.T) {
	us := originOf(t.TempDir())
	if us.agent.pid != os.Getpid() || us.space == 0 || us.mounts == 0 || us.ino == 0 {
		t.Fatalf("%+v", us)
	}
	parent, _ := readStat(os.Getppid())
	dead := identity{os.Getppid(), parent.start + 1} // the number was given anew
	moved := originOf(t.TempDir())
	for _, c := range []struct {
		name    string
		change  func(o *origin)
		strange bool
		keeper  identity
	}{
		{"of ours", func(o *origin) {}, false, identity{}},
		{"of one that is dead", func(o *origin) { o.agent = dead }, false, identity{}},
		{"of one that lives", func(o *origin) { o.agent = parent.identity }, false, parent.identity},
		{"of one that lives, by other mounts", func(o *origin) { o.agent, o.mounts = parent.identity, 1 }, false, parent.identity},
		{"of another directory by other mounts", func(o *origin) { o.agent, o.mounts, o.ino = dead, 1, moved.ino }, true, identity{}},
		{"of one that lives, in another directory by other mounts", func(o *origin) { o.agent, o.mounts, o.ino = parent.identity, 1, moved.ino }, true, parent.identity},
		{"of a directory that was there before", func(o *origin) { o.agent, o.ino = dead, moved.ino }, false, identity{}},
		{"of another process namespace", func(o *origin) { o.agent, o.space = parent.identity, 1 }, true, identity{}},
	} {
		o := us
		c.change(&o)
		got := judge(mark{by: o.String()}, os.Getpid(), us)
		if got.strange != c.strange || got.keeper != c.keeper {
			t.Errorf("%s: strange %v, keeper %v", c.name, got.strange, got.keeper)
		}
	}
	for _, text := range []string{"", "1", us.String() + ".1", us.String() + "x", "-" + us.String()} {
		if o, ok := parseOrigin(text); ok {
			t.Errorf("%q is %+v", text, o)
		}
	}
}

// TestEarlierVersions: of a process whose mark does not say who has started it,
// the tree tells whether its agent lives.
func TestEarlierVersions(t *testing.T) {
	us := originOf(".")
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscan(line, &child); err != nil {
		t.Fatal(err)
	}
	defer func() { p, _ := os.FindProcess(child); p.Kill() }()
	if got := judge(mark{}, child, us); got.strange || got.keeper != (identity{}) {
		t.Errorf("below no agent: %+v", got)
	}
	if got := judge(mark{}, child, origin{mounts: us.mounts + 1}); !got.strange {
		t.Errorf("of other mounts: %+v", got)
	}
	shell, _ := readStat(cmd.Process.Pid)
	if got := agentAbove(child, shell.comm); got != shell.identity {
		t.Errorf("below an agent: %+v, want %+v", got, shell.identity)
	}
}

// TestALiveAgentKeepsItsServices: a second one is refused, and ends nothing.
func TestALiveAgentKeepsItsServices(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAgentThatLives$")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_LIVES=lives-1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	var pid int
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "runs "); ok {
			_, _ = fmt.Sscan(text, &pid)
		}
	}
	if pid == 0 {
		t.Fatal("it does not run")
	}
	r, err := New(Options{Specs: []Spec{specOf(t, "a", "sleep", "1000")}, Dir: "../testdata/runner", Run: "lives-1"})
	if err == nil {
		r.Close(t.Context())
	}
	var occupied *OccupiedError
	if !errors.As(err, &occupied) || occupied.PID != cmd.Process.Pid || occupied.UID != os.Getuid() {
		t.Errorf("%v", err)
	}
	if !alive(pid) {
		t.Error("its service was ended")
	}
}

// TestAgentThatLives is the other one, which ends with us.
func TestAgentThatLives(t *testing.T) {
	run := os.Getenv("BOUNCE_TEST_LIVES")
	if run == "" {
		return
	}
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "sleep", "1000")}, Run: run})
	g.up("a")
	fmt.Println("\nruns", g.event("a", KindStarted, 1).PID)
	_, _ = os.Stdin.Read(make([]byte, 1))
}
