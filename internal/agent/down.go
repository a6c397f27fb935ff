package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bounce/configs"
	"bounce/internal/control"
	"bounce/runner"
)

// freeLook is the time between two looks whether an agent has ended.
const freeLook = 50 * time.Millisecond

// forcedTime is how long an agent that kills what is left may take for it.
const forcedTime = 10 * time.Second

// Down ends what an agent that is no more has left running of a project: the
// services that were kept, and what a killed one could not end. It waits until
// no agent runs, and returns the names of the services that it has found. When
// ctx ends first, force is called, so that an agent that runs kills what it is
// stopping, and what is left is killed. An agent of another user or state directory
// is not waited for.
func Down(ctx context.Context, cfg *configs.Config, force func()) (ended []string, err error) {
	lock, err := freed(ctx, cfg.Dir)
	if errors.Is(err, ErrRunning) && !foreign(err) {
		force()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), forcedTime)
		defer cancel()
		lock, err = freed(soon, cfg.Dir)
	}
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	run, err := control.ID(cfg.Dir)
	if err != nil {
		return nil, err
	}
	kept, err := keptDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	services, err := newServices(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot tell how services are stopped: %w", err)
	}
	var specs []runner.Spec
	for _, s := range services {
		specs = append(specs, s.spec)
	}
	r, err := newRunner(runner.Options{Specs: specs, Dir: cfg.Dir, Run: run, Keep: kept})
	if err != nil {
		return nil, err
	}
	for _, k := range r.Kept() {
		if k.Memo != nil {
			ended = append(ended, k.Service)
		}
	}
	return ended, r.Close(ctx)
}

// freed waits for the lock of a project.
func freed(ctx context.Context, dir string) (*lock, error) {
	look := time.NewTicker(freeLook)
	defer look.Stop()
	for {
		l, err := lockProject(dir)
		if err == nil || !errors.Is(err, ErrRunning) || foreign(err) {
			return l, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w, and it does not end", err)
		}
	}
}
