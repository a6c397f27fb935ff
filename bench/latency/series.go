//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"bounce/bench/internal/measure"
	"bounce/internal/control"
)

// series is what was measured of one tool, tree and way of saving.
type series struct {
	tool, save string
	files      int
	quiet      time.Duration // the tool's debounce; 0 when it cannot be set and is unknown
	// execve is the time to the return of execve as bounce tells it; empty for
	// other tools. begun is the time to the first instruction of main().
	execve, begun measure.Figures
	stages        map[string]measure.Figures // by the names in stages
	missed        int                        // saves that were not answered in time
	extra         int                        // further starts
	others        float64                    // share of the machine that others took, in percent
	stepped       int                        // samples in which the wall clock was set
}

// stages are the parts of a restart, told apart by events of the agent: from
// the one before to this.
var stages = []string{"batch", "stopping", "exited", "starting", "started"}

// warmups are saves before those that count: the first ones touch code and
// memory for the first time.
const warmups = 3

// rest pauses between two saves, each time for another while so that nothing
// falls into step with a timer.
func rest(quiet time.Duration) {
	time.Sleep(quiet + time.Duration(20+rand.IntN(20))*time.Millisecond)
}

// measure saves the leaf of a project n times in each way, alternately, and
// times the restarts.
func (a *agent) measure(p *project, pr *probe, n int, quiet time.Duration) ([]*series, error) {
	var all []*series
	for _, s := range saves {
		all = append(all, &series{tool: "bounce", save: s.name, files: len(p.modules), quiet: quiet, stages: map[string]measure.Figures{}})
	}
	began := loadNow(a.cmd.Process.Pid)
	for i := range (n + warmups) * len(saves) {
		way, out := saves[i%len(saves)], all[i%len(saves)]
		rest(quiet)
		a.pending()
		extra := pr.drain()
		at, err := way.write(p.modules[p.leaf()], p.next(p.leaf()))
		if err != nil {
			return nil, err
		}
		events, err := a.await("unverified")
		if err != nil {
			return nil, err
		}
		if i >= warmups*len(saves) {
			out.extra += extra
			if err := out.add(at, events, pr); err != nil {
				return nil, err
			}
		} else if _, err := pr.next(patience); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		s.others = began.others()
	}
	return all, nil
}

// add takes a sample of bounce: the events of one restart.
func (s *series) add(saved instant, events []control.Event, pr *probe) error {
	begun, err := pr.next(patience)
	if err != nil {
		return err
	}
	last := saved.wall
	for _, stage := range stages {
		e, ok := find(events, stage)
		if !ok {
			return fmt.Errorf("the agent restarted the service without saying %q", stage)
		}
		at := time.Duration(e.Time.UnixNano())
		s.stages[stage] = append(s.stages[stage], at-last)
		last = at
		if stage == "started" {
			if e.PID != begun.pid {
				return fmt.Errorf("the agent started pid %d, and pid %d began", e.PID, begun.pid)
			}
			s.execve = append(s.execve, at-saved.wall)
		}
	}
	s.take(saved, begun)
	return nil
}

// take takes a start of the probe.
func (s *series) take(saved instant, begun start) {
	wall, monotonic := begun.at.wall-saved.wall, begun.at.monotonic-saved.monotonic
	if (wall - monotonic).Abs() > time.Millisecond {
		s.stepped++
	}
	s.begun = append(s.begun, monotonic)
}

func find(events []control.Event, kind string) (control.Event, bool) {
	for _, e := range events {
		if e.Kind == kind {
			return e, true
		}
	}
	return control.Event{}, false
}

// next returns the next start of the probe.
func (p *probe) next(patience time.Duration) (start, error) {
	select {
	case s := <-p.starts:
		return s, nil
	case <-time.After(patience):
		return start{}, fmt.Errorf("the service did not start within %s", patience)
	}
}

// measureSync times a save up to the return of `bounce sync`, and a sync that
// has nothing to wait for.
func (a *agent) measureSync(p *project, pr *probe, n int, quiet time.Duration) (saved, idle measure.Figures, err error) {
	for i := range n {
		rest(quiet)
		began := time.Now()
		if err := a.sync(); err != nil {
			return nil, nil, err
		}
		idle = append(idle, time.Since(began))
		rest(quiet)
		way := saves[i%len(saves)]
		at, err := way.write(p.modules[p.leaf()], p.next(p.leaf()))
		if err != nil {
			return nil, nil, err
		}
		if err := a.sync(); err != nil {
			return nil, nil, err
		}
		saved = append(saved, now().monotonic-at.monotonic)
		a.pending()
		pr.drain()
	}
	return saved, idle, nil
}

// storm is what came of a burst of writes; the zero value of a tree that is
// too small for one.
type storm struct {
	files  int
	took   time.Duration // from the first write to the last
	starts int
	last   time.Duration // from the last write to the last start
}

// measureStorm rewrites many files within about a second.
func (a *agent) measureStorm(p *project, pr *probe, files int) (storm, error) {
	if files > len(p.modules) {
		return storm{}, nil
	}
	rest(time.Second)
	a.pending()
	pr.drain()
	began := time.Now()
	var last instant
	for i := range files {
		time.Sleep(time.Until(began.Add(time.Duration(i) * 950 * time.Millisecond / time.Duration(files))))
		module := len(p.modules) - 1 - i
		at, err := saveInPlace(p.modules[module], p.next(module))
		if err != nil {
			return storm{}, err
		}
		last = at
	}
	out := storm{files: files, took: time.Since(began)}
	if err := a.sync(); err != nil {
		return storm{}, err
	}
	rest(2 * time.Second) // for what comes after a sync, which must be nothing
	for {
		select {
		case s := <-pr.starts:
			out.starts++
			out.last = s.at.monotonic - last.monotonic
			continue
		default:
		}
		return out, nil
	}
}

// idle is the share of a core that the agent takes with nothing to do, in
// percent.
func (a *agent) idle(d time.Duration) float64 {
	rest(time.Second)
	began := measure.CPU(a.cmd.Process.Pid)
	time.Sleep(d)
	return 100 * float64(measure.CPU(a.cmd.Process.Pid)-began) / float64(d)
}
