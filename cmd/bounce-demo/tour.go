package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"bounce/internal/control"
)

// tour goes through the steps on one agent.
type tour struct {
	project *project
	agent   *agent
	out     *screen

	services []control.Service // as last seen
	seen     uint64            // number of the last event read
	pids     []int             // every process that was shown

	restarted, leftAlone int
}

// run starts the services and makes every edit. An error is also a reality
// that differs from what a step expects.
func (t *tour) run(ctx context.Context) error {
	t.out.title("$ bounce up", t.project.dir)
	if err := t.agent.waitUp(ctx); err != nil {
		return err
	}
	o, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.out.started(o)
	for _, c := range o.services {
		if !c.after.AtTarget() || pid(c.after) == 0 {
			return fmt.Errorf("%s should run, and is %s: %s", c.name(), c.after.State, c.after.Reason)
		}
	}
	if len(o.services) != 3 {
		return fmt.Errorf("the shop has three services, the agent has %d", len(o.services))
	}
	for n, s := range steps {
		t.out.title(fmt.Sprintf("%d. %s", n+1, s.title), "")
		if err := t.take(ctx, s); err != nil {
			return fmt.Errorf("step %d, %s: %w", n+1, s.title, err)
		}
	}
	return nil
}

// take makes one edit, shows what came of it and compares.
func (t *tour) take(ctx context.Context, s step) error {
	saved, err := s.do(ctx, t.project)
	if err != nil {
		return err
	}
	o, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.out.observation(o, saved)
	wrong := judge(s, o)
	for module, revision := range s.runs {
		running, err := t.ask(ctx, module)
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case running != revision:
			wrong = append(wrong, fmt.Sprintf("the API should run %s %s, and runs %q", module, revision, running))
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	t.out.asExpected(s)
	return nil
}

// look waits until what was written is running, and reads what the agent says
// of it.
func (t *tour) look(ctx context.Context) (observation, error) {
	if err := t.agent.sync(ctx); err != nil {
		return observation{}, err
	}
	after, err := t.agent.status(ctx)
	if err != nil {
		return observation{}, err
	}
	events, err := t.agent.events(ctx, t.seen)
	if err != nil {
		return observation{}, err
	}
	o, err := observe(t.services, after, events)
	if err != nil {
		return observation{}, err
	}
	t.services = after
	if len(events) > 0 {
		t.seen = events[len(events)-1].Seq
	}
	for _, c := range o.services {
		if c.restarted() {
			t.pids = append(t.pids, pid(c.after))
		}
		switch {
		case len(o.batches) == 0 || pid(c.before) == 0:
		case c.restarted():
			t.restarted++
		default:
			t.leftAlone++
		}
	}
	return o, nil
}

// direct asks no proxy.
var direct = http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}, Timeout: 10 * time.Second}

// ask returns the revision of a module that the API executes.
func (t *tour) ask(ctx context.Context, module string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/version", t.project.port), nil)
	if err != nil {
		return "", err
	}
	answer, err := direct.Do(request)
	if err != nil {
		return "", fmt.Errorf("the API does not answer: %w", err)
	}
	defer answer.Body.Close()
	var said struct{ Revisions map[string]string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return "", fmt.Errorf("cannot read what the API says: %w", err)
	}
	return said.Revisions[module], nil
}

// live shows what comes of the reader's edits until ctx ends.
func (t *tour) live(ctx context.Context) error {
	t.out.invite(t.project.dir)
	for {
		select {
		case <-t.agent.plans:
		case <-t.agent.life.Done():
			return errEnded
		case <-ctx.Done():
			return nil
		}
		o, err := t.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case len(o.batches) > 0:
			t.out.observation(o, time.Time{})
		}
	}
}

// gone makes sure that no process that was shown is left.
func (t *tour) gone() error {
	for _, pid := range t.pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d is still there after bounce up has ended", pid)
		}
	}
	return nil
}

// endLeftovers kills the services of an agent that did not live to stop them.
func (t *tour) endLeftovers() {
	for _, s := range t.services {
		if pid := pid(s); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
