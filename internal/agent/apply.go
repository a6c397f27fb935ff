package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/pyruntime"
	"bounce/runner"
	"bounce/treesitter"
	"bounce/watcher"
)

// The steps of a turn, in its order. They run on the loop.

// enact tells of a plan that was made for a batch in v, and has the runner carry
// it out.
func (a *Agent) enact(b watcher.Batch, v *view, plan decider.Plan) {
	a.publish(b, plan)
	a.restarting(plan)
	a.apply(v, plan)
}

// start is what is owed to a service that is yet to be brought up.
func (v *view) start(service string) decider.Debt {
	return decider.Debt{Step: decider.Step{
		Kind: decider.RestartService, Name: service, Order: v.services[service].service.order,
		Reasons: []decider.Reason{{Change: decider.Started}},
	}}
}

// update takes a batch into the project, publishes the view that comes of it,
// and hands the runner the services that it made anew.
func (a *Agent) update(ctx context.Context, b watcher.Batch) (before, after *view, s suspects) {
	before, after, s = a.project().update(ctx, b)
	changed := false
	for _, name := range after.names() {
		now, was := after.services[name].service, before.services[name].service
		switch {
		case now == was:
		case now.problem != nil:
			a.emit(control.Event{Kind: "warning", Service: name, Text: now.problem.Error()})
		default:
			changed = true
		}
	}
	if changed {
		cfg := a.config()
		if _, err := a.run.Configure(after.specs(), actions(cfg), cfg.Supervisors(), cfg.MaxParallel); err != nil {
			a.emit(control.Event{Kind: "warning", Text: err.Error()})
		}
	}
	if a.configured(b) {
		a.announce()
	}
	if !b.Initial {
		a.generations.touch(after.names(), a.stamps.note(a.config().Dir, b))
		a.stamps.prune(a.project().files)
		a.selfmade.note(b)
		a.generations.prune(a.project().files)
	}
	a.shared.Store(after)
	return before, after, s
}

// configured reports whether a batch changed the configuration file.
func (a *Agent) configured(b watcher.Batch) bool {
	if b.Initial || a.config().File == "" {
		return false
	}
	file := relative(a.config().Dir, a.config().File)
	return slices.ContainsFunc(b.Changes, func(c watcher.Change) bool { return c.Path == file })
}

// modulePaths returns the Python files of a batch.
func modulePaths(b watcher.Batch) []string {
	var paths []string
	for _, c := range b.Changes {
		if isModule(c.Path) && !isExtension(c.Path) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// suspects are the modules of a batch and why tree-sitter suspects them; nil
// where it does not.
type suspects map[string]*treesitter.SyntaxError

// confirm asks the interpreter whether the suspects of a batch compile. A
// syntax error that only tree-sitter sees holds nothing: its grammar is older
// than some interpreters.
func (a *Agent) confirm(ctx context.Context, v *view, suspects suspects) {
	asked := map[string][]string{} // by interpreter
	for path, err := range suspects {
		delete(a.broken, path)
		delete(a.doubts, path)
		if err != nil {
			a.doubts[path] = true
		}
	}
	// One that nothing reached when it was written may be reached by now.
	for path := range a.doubts {
		for _, name := range v.names() {
			if python := v.services[name].service.python.Path; v.Reaches(name, path) && !slices.Contains(asked[python], path) {
				asked[python] = append(asked[python], path)
			}
		}
	}
	for python, files := range asked {
		for _, path := range files {
			delete(a.doubts, path)
		}
		asking, cancel := context.WithTimeoutCause(ctx, compileTime(len(files)), errCompiles)
		problems, err := pyruntime.Compile(asking, python, a.config().Dir, files)
		cancel()
		if err != nil {
			// Nobody to ask: the service will tell by itself.
			a.emit(control.Event{Kind: "warning", Text: err.Error()})
			continue
		}
		for path, p := range problems {
			a.broken[path] = decider.Problem{Line: p.Line, What: p.What}
		}
	}
}

// compileTime is how long an interpreter may take to compile so many files: a
// start of it, and for each as long as thousands of lines take on a busy machine.
// The loop waits for it.
func compileTime(files int) time.Duration {
	return askTime + time.Duration(files)*100*time.Millisecond
}

var errCompiles = errors.New("it takes too long")

// input is all that a decision depends on.
func (a *Agent) input(ctx context.Context, b watcher.Batch, before, after *view) decider.Input {
	a.arrivals()
	return decider.Input{
		Batch:    b,
		Before:   before,
		After:    after,
		Rules:    a.setup().rules,
		Services: a.services(ctx, after),
		Broken:   a.broken,
		Cosmetic: after.cosmetic,
		Files:    a.project().files,
		Owed:     a.owed,
		Paused:   a.paused,

		Classifier: a.config().Classifier.Run.Argv() != nil,
	}
}

// services describes the services for the decider.
func (a *Agent) services(ctx context.Context, v *view) []decider.Service {
	var out []decider.Service
	for _, s := range a.run.Status() {
		r := v.services[s.Name]
		blocked := r.service.blocked()
		if blocked == nil && s.Intent == runner.Up {
			blocked = a.lost(ctx, v, s.Name)
		}
		out = append(out, decider.Service{
			Name:    s.Name,
			Order:   r.service.order,
			Watch:   r.service.watch,
			Env:     r.service.env,
			Up:      s.Intent == runner.Up,
			Blocked: blocked,
			Now:     r.version,
			Last:    a.generations.promised(s.Name, r.version),
		})
	}
	a.forgetAnswers()
	return out
}

// firstPaths is how many paths of a batch its event names.
const firstPaths = 5

// publish tells everybody of a batch and of what was decided.
func (a *Agent) publish(b watcher.Batch, plan decider.Plan) {
	if len(b.Changes) > 0 {
		e := control.Event{Kind: "batch", Batch: b.Seq, Cause: b.Cause, Count: len(b.Changes)}
		for _, c := range b.Changes[:min(firstPaths, len(b.Changes))] {
			e.Paths = append(e.Paths, c.Path)
		}
		a.emit(e)
	}
	data, err := json.Marshal(shortened(plan))
	if err != nil {
		panic("bug: a plan is plain data: " + err.Error())
	}
	a.emit(control.Event{Kind: "plan", Batch: b.Seq, Cause: b.Cause, Plan: data})

	a.planned = plan.Holds
}

// firstReasons is how many reasons of a step its event has. A checkout of
// 6,000 files gives each service 6,000 of them, with a chain each: megabytes
// for one event, of which thousands are kept.
const firstReasons = 20

// shortened returns a plan without the reasons and paths beyond the first ones.
func shortened(p decider.Plan) decider.Plan {
	cut := func(reasons *[]decider.Reason, more *int) {
		if n := len(*reasons) - firstReasons; n > 0 {
			*reasons, *more = (*reasons)[:firstReasons], n
		}
	}
	p.Steps, p.Holds, p.Left, p.Owed = slices.Clone(p.Steps), slices.Clone(p.Holds), slices.Clone(p.Left), slices.Clone(p.Owed)
	for i := range p.Steps {
		cut(&p.Steps[i].Reasons, &p.Steps[i].More)
	}
	for i := range p.Holds {
		cut(&p.Holds[i].Reasons, &p.Holds[i].More)
	}
	for i := range p.Left {
		cut(&p.Left[i].Reasons, &p.Left[i].More)
	}
	for i := range p.Owed {
		cut(&p.Owed[i].Reasons, &p.Owed[i].More)
	}
	p.Unmatched = p.Unmatched[:min(len(p.Unmatched), firstReasons)]
	p.Ask = p.Ask[:min(len(p.Ask), firstReasons)]
	return p
}

// apply sets the plan going. It does not wait: what becomes of the plan comes
// back to the loop when it is known.
func (a *Agent) apply(v *view, plan decider.Plan) {
	a.owed = plan.Owed
	for name := range a.failed {
		if !slices.ContainsFunc(a.owed, func(d decider.Debt) bool { return d.Kind == decider.RunAction && d.Name == name }) {
			delete(a.failed, name)
		}
	}
	a.withdraw(v, plan)
	if len(plan.Steps) > 0 {
		ticket := a.run.Apply(plan)
		for _, step := range plan.Steps {
			if step.Kind != decider.RunAction {
				a.generations.asking(step.Name, v.services[step.Name].version, ticket)
			}
			a.owed.Taken(step)
			a.asks[keyOf(step)] = ticket
		}
		close(a.nextPlan)
		a.nextPlan = make(chan struct{})
		a.follow(ticket, plan.Steps)
	}
	a.show()
}

// withdraw takes back restarts that wait for their turn and that nothing asks
// for any more.
func (a *Agent) withdraw(v *view, plan decider.Plan) {
	asked := map[string]bool{}
	for _, s := range plan.Steps {
		asked[s.Name] = true
	}
	for _, d := range plan.Owed {
		asked[d.Name] = asked[d.Name] || d.Kind != decider.RunAction
	}
	var names []string
	for _, name := range v.names() {
		if !asked[name] && a.generations.withdraw(name, v.services[name].version) {
			names = append(names, name)
		}
	}
	for _, name := range a.run.Withdraw(names...) {
		a.emit(control.Event{Kind: "withdrawn", Service: name})
	}
}

// follow remembers a ticket until it is done, and then books what became of its
// steps.
func (a *Agent) follow(ticket *runner.Ticket, steps []decider.Step) {
	if ticket == nil {
		return
	}
	a.tickets = append(a.tickets, ticket)
	a.wg.Go(func() {
		select {
		case <-ticket.Done():
		case <-a.stopping:
			return
		}
		a.generations.done(ticket)
		_ = a.do(context.Background(), func(context.Context) {
			a.tickets = slices.DeleteFunc(a.tickets, func(t *runner.Ticket) bool { return t == ticket })
			a.book(ticket, steps)
		})
	})
}

// pause holds every plan back until resume.
func (a *Agent) pause() {
	if a.paused == nil {
		a.paused = &decider.Hold{Kind: "paused", What: "restarts are held by 'bounce hold'", EndsWhen: "'bounce resume' is called"}
		a.emit(control.Event{Kind: "paused"})
	}
	a.show()
}

// resume ends the operator's hold, tries again what failed, and restarts what
// is stale. Git's hold ends with [watcher.Watcher.Override].
func (a *Agent) resume(ctx context.Context) {
	if a.paused != nil {
		a.paused = nil
		a.emit(control.Event{Kind: "resumed"})
	}
	a.rouse()
	a.turn(ctx, watcher.Batch{Cause: "resume"})
}

// gitHold is the hold of a tree that git is at work in.
func gitHold(what string) *decider.Hold {
	return &decider.Hold{Kind: "git", What: underWay(what), EndsWhen: "it is done, or 'bounce resume' is called"}
}

// underWay is a sentence of what holds the tree, as the watcher calls it.
func underWay(what string) string {
	if where, ok := strings.CutPrefix(what, "git at work"); ok {
		return "git is at work" + where
	}
	if strings.HasSuffix(what, " is missing") {
		return what
	}
	return what + " is under way"
}

// watching is what the watcher says of itself.
type watching struct {
	words    string
	held     string
	degraded bool
}

func (a *Agent) watching() watching {
	w := a.watch.Load()
	if w == nil {
		return watching{words: "scanning"}
	}
	st := w.Status()
	return watching{words: fmt.Sprintf("%s: %s", st.Backend, st.Why), held: st.Held, degraded: st.Degraded}
}
