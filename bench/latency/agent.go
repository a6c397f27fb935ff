//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"bounce/bench/internal/measure"
	"bounce/internal/control"
)

// patience is how long anything may take before the bench gives up on it.
const patience = 20 * time.Second

// service is its name in the generated bounce.yaml.
const service = "probe"

// agent is a running `bounce up --json`.
type agent struct {
	bounce, dir string
	env         []string
	cmd         *exec.Cmd
	launched    time.Time
	events      chan control.Event
	wg          sync.WaitGroup
	said        *measure.Tail
}

// configure writes the bounce.yaml of a project.
func configure(p *project, pr *probe, quiet time.Duration) error {
	config := fmt.Sprintf("watch: {quiet: %s}\nservices:\n  %s:\n    run: [%q, %q]\n    entry: [%s]\n",
		quiet, service, pr.program, pr.pipe, moduleName(0))
	return os.WriteFile(filepath.Join(p.dir, "bounce.yaml"), []byte(config), 0o644)
}

// launch runs `bounce up --json` in dir. State and socket go below state.
func launch(bounce, dir, state string) (*agent, error) {
	a := &agent{
		bounce: bounce, dir: dir,
		env:    append(os.Environ(), "XDG_STATE_HOME="+state, "XDG_RUNTIME_DIR="+state),
		events: make(chan control.Event, 4096),
		said:   &measure.Tail{},
	}
	a.cmd = exec.Command(bounce, "up", "--json")
	a.cmd.Dir, a.cmd.Env, a.cmd.Stderr = dir, a.env, a.said
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the bench
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	a.launched = time.Now()
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the agent: %w", err)
	}
	a.wg.Go(func() {
		defer close(a.events)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			var e control.Event
			if json.Unmarshal(line, &e) == nil {
				a.events <- e
			}
		}
	})
	return a, nil
}

var errQuiet = errors.New("the agent said nothing of it in time")

// await returns the events up to and with the first of a kind that is about
// the service.
func (a *agent) await(kind string) ([]control.Event, error) {
	var seen []control.Event
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-a.events:
			if !ok {
				return seen, fmt.Errorf("bounce up has ended: %s", a.said)
			}
			seen = append(seen, e)
			if e.Kind == kind && (e.Service == service || e.Service == "") {
				return seen, nil
			}
		case <-timeout:
			last, _ := json.Marshal(seen[max(0, len(seen)-3):])
			return seen, fmt.Errorf("no %q: %w; its last events: %s; %s", kind, errQuiet, last, a.said)
		}
	}
}

// pending returns the events that have come and not been asked for.
func (a *agent) pending() []control.Event {
	var seen []control.Event
	for {
		select {
		case e := <-a.events:
			seen = append(seen, e)
		default:
			return seen
		}
	}
}

// sync runs `bounce sync`.
func (a *agent) sync() error {
	cmd := exec.Command(a.bounce, "sync", "--timeout", patience.String())
	cmd.Dir, cmd.Env = a.dir, a.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bounce sync: %w: %s", err, out)
	}
	return nil
}

// stop ends the agent and its service.
func (a *agent) stop() error {
	_ = a.cmd.Process.Signal(os.Interrupt)
	force := time.AfterFunc(patience, func() { _ = a.cmd.Process.Kill() })
	defer force.Stop()
	for range a.events { // nobody else reads them now
	}
	a.wg.Wait()
	if err := a.cmd.Wait(); err != nil {
		return fmt.Errorf("bounce up: %w: %s", err, a.said)
	}
	return nil
}
