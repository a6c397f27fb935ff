package runner

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAPausedAgentBlamesNobody stops the agent, as a suspended or starved
// machine does, for longer than a service may take to be ready. The service has
// been ready meanwhile, and is not ended for what the agent did not see.
func TestAPausedAgentBlamesNobody(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOUNCE_TEST_PAUSED") != "" {
		s := specOf(t, "a", "sh", "-c", "sleep 0.5; echo serving; exec sleep 1000")
		s.Ready.Log, s.Ready.Timeout = "^serving", time.Second
		g := newRig(t, Options{Specs: []Spec{s}})
		ticket := g.Apply(planFor("a"))
		g.event("a", KindStarted, 1)
		fmt.Println("begun")
		g.finish(ticket)
		g.event("a", KindReady, 1)
		if n := g.count("a", KindStopping); n != 0 {
			t.Errorf("it was ended %d times", n)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^TestAPausedAgentBlamesNobody$", "-test.v")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_PAUSED=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if lines.Text() == "begun" {
			if err := exec.Command("sh", "-c", `kill -STOP "$0"; sleep 3; kill -CONT "$0"`, fmt.Sprint(cmd.Process.Pid)).Run(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}
