package agent

import (
	"fmt"
	"path"
	"path/filepath"
	"time"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/writers"
	"bounce/runner"
	"bounce/watcher"
)

// A service that writes a file which it loads would be restarted by it for
// ever. That a file changes after each start says little: so it does under
// somebody who saves, looks and saves again. Who wrote it decides. Where the
// system tells, a service's own write is no reason to restart it (it is one
// for the others); elsewhere a person is told.

const (
	// afterStart is how soon after a start a change may be due to that start.
	afterStart = 10 * time.Second
	// suspicious is how many starts in a row a file must have led to before
	// its writers are watched, dubious before a person is told where they
	// cannot be.
	suspicious = 2
	dubious    = 5
)

// selfmade notes which files may be written by the very services that they
// restart. It is owned by the loop.
type selfmade struct {
	run     string // marks the processes of this agent
	writers *writers.Watch
	denied  bool // nobody tells who writes
	rounds  map[circle]round
	told    map[circle]bool
}

// circle is a file and a service that it restarted.
type circle struct{ service, path string }

// round is how often in a row a file has restarted a service soon after its
// start, with the longest and shortest time from the start to the change.
type round struct {
	count       int
	generation  int // the last one that it ended
	least, most time.Duration
}

func newSelfmade(run string) *selfmade {
	return &selfmade{run: run, rounds: map[circle]round{}, told: map[circle]bool{}}
}

// next is the round after r, when the file restarts a generation that has run
// for so long.
func (r round) next(generation int, ran time.Duration) round {
	if r.count == 0 || r.generation+1 != generation || ran > afterStart {
		return round{1, generation, ran, ran}
	}
	return round{r.count + 1, generation, min(r.least, ran), max(r.most, ran)}
}

// regular says that the file came after about the same time each time.
func (r round) regular() bool { return r.most-r.least <= max(100*time.Millisecond, r.most/5) }

// restarting takes in the restarts of a plan.
func (a *Agent) restarting(plan decider.Plan) {
	if len(plan.Steps) == 0 {
		return
	}
	status := map[string]runner.Status{}
	for _, s := range a.run.Status() {
		status[s.Name] = s
	}
	for _, step := range plan.Steps {
		s := status[step.Name]
		if step.Kind != decider.RestartService || s.Started == nil {
			continue
		}
		for _, why := range step.Reasons {
			if why.Path == "" {
				continue
			}
			c := circle{step.Name, why.Path}
			r := a.selfmade.rounds[c].next(s.Generation, now().Sub(*s.Started))
			a.selfmade.rounds[c] = r
			a.suspect(c, r)
		}
	}
}

// suspect watches the writers of a file that restarts a service again and
// again, or tells a person of it.
func (a *Agent) suspect(c circle, r round) {
	if r.count < suspicious {
		return
	}
	sm := a.selfmade
	if sm.writers == nil && !sm.denied {
		var err error
		sm.writers, err = writers.Open(func(pid int) string { return runner.ServiceOf(pid, sm.run) })
		sm.denied = err != nil
	}
	if !sm.denied && sm.writers.Add(filepath.Join(a.config().Dir, filepath.FromSlash(path.Dir(c.path)))) == nil {
		return
	}
	if r.count >= dubious && r.regular() && !sm.told[c] {
		sm.told[c] = true
		a.emit(control.Event{Kind: "warning", Service: c.service, Text: fmt.Sprintf(
			"%s has changed about %v after each of the last %d starts of %s; if %s writes it, watch.ignore: [/%s] keeps it from being restarted",
			c.path, r.most.Round(100*time.Millisecond), r.count, c.service, c.service, c.path)})
	}
}

// forgive has the services that wrote files of a batch themselves taken for
// started from what they wrote.
func (a *Agent) forgive(b watcher.Batch) {
	sm := a.selfmade
	if sm.writers == nil {
		return
	}
	for _, change := range b.Changes {
		who, ok := sm.writers.Last(filepath.Join(a.config().Dir, filepath.FromSlash(change.Path)))
		c := circle{who, change.Path}
		if !ok || who == "" || sm.rounds[c].count == 0 {
			continue
		}
		a.generations.wrote(who, change.Path, change.New)
		a.memorize(who)
		if !sm.told[c] {
			sm.told[c] = true
			a.emit(control.Event{Kind: "warning", Service: who, Text: fmt.Sprintf(
				"%s writes %s itself and was restarted by it %d times; from now on only others' writes of it restart %s; watch.ignore: [/%s] leaves it out altogether",
				who, change.Path, sm.rounds[c].count, who, change.Path)})
		}
	}
}

// close ends the watch of writers.
func (sm *selfmade) close() {
	if sm.writers != nil {
		sm.writers.Close()
	}
}
