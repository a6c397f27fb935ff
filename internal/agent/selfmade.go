package agent

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
//
// Its Python may tell as well: then the first write after each start is the
// service's own, and no reason. Where nobody tells, a file restarts a service only
// so often in a row, soon after its start, for which a person saves too slowly or
// not as evenly. What comes then is set aside, and so is what comes behind a first
// write that was told: when the file has rested it counts, if it is not what the
// service runs. So an edit is late at worst. A service that writes the file all the
// same goes round ever more slowly, since each time the file has to rest for longer.

const (
	// afterStart is how soon after a start a change may be due to that start.
	afterStart = 10 * time.Second
	// suspicious is how many starts in a row a file must have led to before
	// its writers are watched, dubious before a person is told where they
	// cannot be.
	suspicious = 2
	dubious    = 5
	// hopeless is how many that came at about the same time each make an end of
	// it, where nobody can tell who writes what is known by observation alone;
	// and as many that came within promptly, whenever that was.
	hopeless = 10
	restless = 20
	promptly = 2 * time.Second
	// longestRest is how long at most a file has to rest.
	longestRest = time.Hour
)

// selfmade notes which files may be written by the very services that they
// restart. It is owned by the loop.
type selfmade struct {
	run     string // marks the processes of this agent
	writers *writers.Watch
	denied  bool // nobody tells who writes
	rounds  map[circle]round
	told    map[circle]bool
	// born has when files came into being, the latest ones.
	born map[string]time.Time
	// left has the circles that were put an end to; awake rings when one of them
	// may have rested.
	left  map[circle]*quarantine
	awake *time.Timer
	// unsure has by service the last generation that was the first to load a
	// file of which nobody knows what it held.
	unsure map[string]unsure
}

// circle is a file and a service that it restarted. Without a path it stands for
// files that each came into being after the start of the generation that they
// restarted.
type circle struct{ service, path string }

// quarantine is what is known of a circle that was put an end to.
type quarantine struct {
	last time.Time     // when it last came round
	rest time.Duration // how long it has to rest
	done int           // the last generation that it restarted when it had rested
	// What follows is of the generation that the file last changed under.
	generation int
	held       watcher.Hash  // what that runs of the file
	own        *watcher.Hash // what it has written itself; nil when nobody tells
	owed       bool          // there may be something else
}

// unsure is a generation, and whether such files restart it.
type unsure struct {
	generation int
	restarts   bool
}

// round is how often in a row a file has restarted a service soon after its
// start, with the longest and shortest time from the start to the change.
type round struct {
	count       int
	generation  int // the last one that it ended
	least, most time.Duration
}

func newSelfmade(run string) *selfmade {
	return &selfmade{
		run: run, rounds: map[circle]round{}, told: map[circle]bool{},
		born: map[string]time.Time{}, left: map[circle]*quarantine{}, awake: time.NewTimer(0), unsure: map[string]unsure{},
	}
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

// endless says that no person saves like that.
func (r round) endless() bool {
	return r.count >= hopeless && r.regular() || r.count >= restless && r.most <= promptly
}

// note takes in which files came into being.
func (sm *selfmade) note(b watcher.Batch) {
	at := now()
	if len(sm.born) > spareNames {
		maps.DeleteFunc(sm.born, func(_ string, t time.Time) bool { return at.Sub(t) > afterStart })
	}
	for _, c := range b.Changes {
		if c.Kind == watcher.Created {
			sm.born[c.Path] = at
		}
	}
}

// met takes in that a file is looked at from now on: it is taken to have come
// into being when it was last written.
func (sm *selfmade) met(path string, written time.Time) {
	if now().Sub(written) <= afterStart {
		sm.born[path] = written
	}
}

// newborn reports whether a file came into being a moment ago, and after a time.
func (sm *selfmade) newborn(path string, after time.Time) bool {
	at, ok := sm.born[path]
	return ok && at.After(after) && now().Sub(at) <= afterStart
}

// excuses reports whether a file does not restart a generation which is the first
// to load it, and of which nobody knows what it held then: it is most likely
// written by the service. One that was written by somebody else at that very
// moment restarts it, but not two generations in a row.
func (sm *selfmade) excuses(v *voice, path string) bool {
	last, met := sm.unsure[v.Service]
	if last.generation != v.Generation {
		last = unsure{v.Generation, !met || last.generation+1 != v.Generation}
		sm.unsure[v.Service] = last
	}
	return !last.restarts && sm.newborn(path, v.began)
}

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
			if why.Path != "" {
				a.round(circle{step.Name, why.Path}, why.Path, s)
			}
		}
		known := func(why decider.Reason) bool {
			return !a.observedAlone(step.Name, why.Path) || !a.selfmade.newborn(why.Path, *s.Started)
		}
		if len(step.Reasons) > 0 && !slices.ContainsFunc(step.Reasons, known) {
			a.round(circle{step.Name, ""}, step.Reasons[0].Path, s)
		}
	}
}

// observedAlone reports whether it is known by observation alone that a service
// loads a file, or what the file is.
func (a *Agent) observedAlone(service, path string) bool {
	r := a.view().services[service]
	if r == nil || r.service.watches(path) != "" {
		return false
	}
	if !a.project().named[path] && (r.all || r.span.static.Has(path)) {
		return false
	}
	_, seen := r.span.known.get(path)
	return seen
}

// round takes in that a file goes round in a circle once more.
func (a *Agent) round(c circle, file string, s runner.Status) {
	sm, ran := a.selfmade, now().Sub(*s.Started)
	r := sm.rounds[c].next(s.Generation, ran)
	sm.rounds[c] = r
	if _, known := sm.writer(a.absolute(file)); !known && r.endless() {
		if q := sm.left[c]; q != nil {
			q.last = now()
		} else {
			sm.leave(c)
			a.emit(control.Event{Kind: "warning", Service: c.service, Text: fmt.Sprintf(
				"%s has restarted %s, %s, within %v of each start: most likely %[2]s writes it itself, and until it has rested for %[5]v it does not restart %[2]s; watch.ignore: [/%[1]s] leaves it out altogether",
				file, c.service, r.words(c), r.most.Round(100*time.Millisecond), afterStart)})
		}
	}
	a.suspect(c, file, r)
}

// leave puts an end to a circle.
func (sm *selfmade) leave(c circle) *quarantine {
	q := &quarantine{last: now(), rest: afterStart}
	sm.left[c], sm.told[c] = q, true
	return q
}

// words says how often a circle has come round.
func (r round) words(c circle) string {
	if c.path == "" {
		return fmt.Sprintf("the last of %d new files in a row", r.count)
	}
	return fmt.Sprintf("%d times in a row", r.count)
}

// suspect watches the writers of a file that restarts a service again and
// again, or tells a person of it.
func (a *Agent) suspect(c circle, file string, r round) {
	if r.count < suspicious {
		return
	}
	sm := a.selfmade
	if sm.writers == nil && !sm.denied {
		var err error
		sm.writers, err = writers.Open(func(pid int) string { return runner.ServiceOf(pid, sm.run) })
		sm.denied = err != nil
	}
	if !sm.denied && sm.writers.Add(filepath.Dir(a.absolute(file))) == nil {
		return
	}
	if r.count >= dubious && r.regular() && !sm.told[c] {
		sm.told[c] = true
		a.emit(control.Event{Kind: "warning", Service: c.service, Text: fmt.Sprintf(
			"%s has changed about %v after each of the last %d starts of %s; if %s writes it, watch.ignore: [/%s] keeps it from being restarted",
			file, r.most.Round(100*time.Millisecond), r.count, c.service, c.service, file)})
	}
}

// forgive has the services that wrote files of a batch themselves taken for
// started from what they wrote.
func (a *Agent) forgive(b watcher.Batch) {
	sm := a.selfmade
	if sm.writers == nil && len(sm.left) == 0 && len(sm.rounds) == 0 {
		return
	}
	status := map[string]runner.Status{}
	for _, s := range a.run.Status() {
		status[s.Name] = s
	}
	for _, change := range b.Changes {
		who, known := sm.writer(a.absolute(change.Path))
		for _, name := range a.view().names() {
			s := status[name]
			if known && name != who || s.Started == nil {
				continue
			}
			for _, c := range []circle{{name, change.Path}, {name, ""}} {
				if sm.rounds[c].count == 0 && sm.left[c] == nil || c.path == "" && !(a.observedAlone(name, change.Path) && sm.newborn(change.Path, *s.Started)) {
					continue
				}
				told := c.path != "" && !known && a.toldToWrite(c, s)
				if known || a.ended(c, s, told) {
					a.acquit(c, change.Path, known)
					if known || !a.setAside(c, told) {
						a.memorize(name) // what is owed is so to the next agent too
					}
					break
				}
			}
		}
	}
}

// absolute returns where a file of the project is.
func (a *Agent) absolute(file string) string {
	return filepath.Join(a.config().Dir, filepath.FromSlash(file))
}

// writer returns who wrote a file last, if the system tells.
func (sm *selfmade) writer(name string) (service string, known bool) {
	if sm.writers == nil {
		return "", false
	}
	return sm.writers.Last(name)
}

// toldToWrite reports whether a generation has told that it writes a file.
func (a *Agent) toldToWrite(c circle, s runner.Status) bool {
	v := a.listener.of(c.service, s.Generation)
	return v != nil && v.wrote[c.path]
}

// ended reports whether an end was put to a circle, or is now, since the service
// has told that it writes the file: it comes round once more since a start, and has
// not rested meanwhile. One that has counts, and begins anew where the generation
// had not written the file before.
func (a *Agent) ended(c circle, s runner.Status, told bool) bool {
	sm := a.selfmade
	q := sm.left[c]
	if r := sm.rounds[c]; q == nil && told && r.count >= suspicious && r.generation+1 == s.Generation && now().Sub(*s.Started) <= afterStart {
		q = sm.leave(c)
		a.emit(control.Event{Kind: "warning", Service: c.service, Text: fmt.Sprintf(
			"%s writes %s itself and was restarted by it %d times; from now on what it writes first after each start restarts %[1]s no more, and what comes behind that when the file has rested for %[4]v; watch.ignore: [/%[2]s] leaves it out altogether",
			c.service, c.path, r.count, afterStart)})
	}
	if q == nil {
		return false
	}
	last := q.last
	if s.Started.After(last) {
		last = *s.Started
	}
	if now().Sub(last) > afterStart && !q.owed {
		if q.generation != s.Generation || c.path == "" {
			delete(sm.left, c)
			delete(sm.rounds, c)
		}
		return false
	}
	if q.last = now(); q.generation != s.Generation {
		if q.generation, q.own, q.owed = s.Generation, nil, false; q.done+1 != s.Generation {
			q.rest = afterStart
		}
		q.held, _ = a.generations.holds(c.service, c.path)
	}
	return true
}

// setAside notes what the file of a circle holds that was put an end to, and
// reports whether it is yet to be decided on.
func (a *Agent) setAside(c circle, told bool) (owed bool) {
	q, hash := a.selfmade.left[c], a.goesBy(c)
	switch {
	case c.path == "":
	case told && q.own == nil && !q.owed: // an edit before it would be in it
		q.own = &hash
	default:
		q.owed = true
		a.selfmade.awake.Reset(0)
	}
	return q.owed
}

// goesBy is what a service goes by for the file of a circle now.
func (a *Agent) goesBy(c circle) watcher.Hash {
	return a.view().services[c.service].hash(c.path, a.project().code)
}

// rested decides on files that were set aside and have rested.
func (a *Agent) rested(ctx context.Context) {
	sm, next := a.selfmade, time.Duration(-1)
	for c, q := range sm.left {
		if !q.owed {
			continue
		}
		if left := q.rest - now().Sub(q.last); left > 0 {
			if next < 0 || left < next {
				next = left
			}
			continue
		}
		q.owed = false
		if a.view().services[c.service] == nil || !a.generations.current(c.service, q.generation) {
			continue
		}
		if is := a.goesBy(c); is == q.held || q.own != nil && is == *q.own {
			continue
		}
		q.rest, q.done = min(2*q.rest, longestRest), q.generation
		a.generations.wrote(c.service, c.path, q.held)
		a.memorize(c.service)
		a.turn(ctx, watcher.Batch{Cause: c.path + " has rested"})
	}
	if next >= 0 {
		sm.awake.Reset(next)
	}
}

// acquit has a service taken for started from what a file holds; known says that
// it wrote the file.
func (a *Agent) acquit(c circle, file string, known bool) {
	sm, p := a.selfmade, a.project()
	a.generations.wrote(c.service, file, a.view().services[c.service].hash(file, p.code))
	if known && !sm.told[c] {
		sm.told[c] = true
		a.emit(control.Event{Kind: "warning", Service: c.service, Text: fmt.Sprintf(
			"%s writes %s itself and was restarted by it %d times; from now on only others' writes of it restart %s; watch.ignore: [/%s] leaves it out altogether",
			c.service, file, sm.rounds[c].count, c.service, file)})
	}
}

// close ends the watch of writers.
func (sm *selfmade) close() {
	sm.awake.Stop()
	if sm.writers != nil {
		sm.writers.Close()
	}
}
