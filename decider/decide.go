package decider

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/watcher"
)

// Decide says what a batch of changes calls for, in which order and why. It is
// pure: the plan depends on what the input says, not on the order of its parts
// nor on when it is asked.
//
// Services are level-triggered. One that is up is restarted because what it
// would load now differs from what its last generation was started from,
// whatever the batch says; the batch only adds the words. So a lost change is
// made good by the next decision, and one that was undone asks for nothing.
//
// Actions are edge-triggered. The files of the batch, and those that import
// them, go through the rules as in [Rules.Fire]; an action with a command
// becomes a step, and each service that an action restarts becomes one or adds
// its reasons to one. The initial batch names the whole tree: it fires no
// rule. Undeclared actions are left out; configurations refuse them.
//
// A service whose restart would run into a file that does not compile gets a
// hold in place of the step, and everything does while the input is paused.
func Decide(in Input) Plan {
	d := newDecision(in)
	d.levels()
	d.edges()
	d.owed()
	return d.plan()
}

// decision is the state of one call of Decide.
type decision struct {
	Input
	changes  map[string]watcher.Change
	services []Service // by name
	byName   map[string]*Service
	// differ has, for services that are up and were started, how what they
	// would load differs from what they loaded.
	differ map[string][]Difference
	// steps are wanted, before anything holds them.
	steps map[target]*Step
	// asked are the restarts that actions asked for, with their reasons alone.
	asked map[string]*Step

	unmatched []string
	fallback  bool
}

// target is what a step is about.
type target struct {
	kind StepKind
	name string
}

func newDecision(in Input) *decision {
	d := &decision{
		Input:    in,
		changes:  make(map[string]watcher.Change, len(in.Batch.Changes)),
		services: slices.Clone(in.Services),
		byName:   make(map[string]*Service, len(in.Services)),
		differ:   make(map[string][]Difference),
		steps:    make(map[target]*Step),
		asked:    make(map[string]*Step),
	}
	if d.Before == nil {
		d.Before = noGraph{}
	}
	if d.After == nil {
		d.After = noGraph{}
	}
	for _, c := range in.Batch.Changes {
		d.changes[c.Path] = c
	}
	slices.SortFunc(d.services, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	for i := range d.services {
		d.byName[d.services[i].Name] = &d.services[i]
	}
	return d
}

// levels wants the restart of every service that is stale.
func (d *decision) levels() {
	for i := range d.services {
		s := &d.services[i]
		if !s.Up || s.Last == nil {
			continue
		}
		diff := Diff(*s.Last, s.Now)
		if len(diff) == 0 {
			continue
		}
		d.differ[s.Name] = diff
		step := d.step(RestartService, s.Name, s.Order)
		// What the person at the terminal just did comes first.
		for _, batch := range []bool{true, false} {
			for _, difference := range diff {
				if _, ok := d.changes[difference.Path]; ok == batch {
					step.Reasons = append(step.Reasons, d.reason(s, difference))
				}
			}
		}
	}
}

// reason explains a difference by the imports that lead to it, or else by the
// glob that names it.
func (d *decision) reason(s *Service, diff Difference) Reason {
	r := Reason{Path: diff.Path, Change: d.word(diff)}
	if diff.Path == "" {
		return r
	}
	g := d.After
	if diff.Change == deleted { // whether it is gone or only its import
		g = d.Before
	}
	if r.Chain = g.Chain(s.Name, diff.Path); r.Chain != nil {
		return r
	}
	for _, glob := range s.Watch {
		if Match(glob, diff.Path) {
			r.Rule = glob
			break
		}
	}
	return r
}

// word says what became of a file. One that a version has and the other has
// not may be an old file that somebody began or ceased to import.
func (d *decision) word(diff Difference) string {
	c, ok := d.changes[diff.Path]
	inBatch := ok && !d.Batch.Initial && change(c.Kind) == diff.Change
	switch {
	case diff.Change == created && !inBatch:
		return "reached"
	case diff.Change == deleted && !inBatch:
		return "unreached"
	}
	return diff.Change
}

// edges wants what the rules ask for.
func (d *decision) edges() {
	if d.Batch.Initial {
		return
	}
	paths := slices.Sorted(maps.Keys(d.changes))
	untaken := slices.DeleteFunc(slices.Clone(paths), d.taken)
	var f Firing
	if len(d.Rules.Rules) > 0 {
		f = d.Rules.Fire(paths, Across(d.Before, d.After, d.deleted))
		d.unmatched = both(untaken, f.Unmatched)
	} else {
		f = d.Rules.Fire(untaken, nil)
		d.unmatched = untaken
	}
	d.fallback = f.FallbackApplied
	for _, fired := range f.Actions {
		for i := range fired.Reasons {
			fired.Reasons[i].Change = change(d.changes[fired.Reasons[i].Path].Kind)
		}
		action := d.Rules.Actions[fired.Name]
		if action.Command {
			d.want(d.step(RunAction, fired.Name, action.Order), fired.Reasons)
		}
		for _, name := range action.Restart {
			d.ask(name, action.Order, fired.Reasons)
		}
	}
}

// owed wants what was wanted before and is still possible.
func (d *decision) owed() {
	for _, owed := range slices.SortedFunc(slices.Values(d.Owed), inOrder) {
		switch owed.Kind {
		case RunAction:
			if action, ok := d.Rules.Actions[owed.Name]; ok && action.Command {
				d.want(d.step(RunAction, owed.Name, action.Order), owed.Reasons)
			}
		case RestartService:
			d.ask(owed.Name, owed.Order, owed.Reasons)
		}
	}
}

// ask wants the restart of a service on behalf of an action. A service that is
// down stays down, and one that never started is about to start.
func (d *decision) ask(name string, order int, reasons []Reason) {
	s := d.byName[name]
	if s == nil || !s.Up || s.Last == nil {
		return
	}
	asked := d.asked[name]
	if asked == nil {
		asked = &Step{Kind: RestartService, Name: name, Order: order}
		d.asked[name] = asked
	}
	asked.Order = max(asked.Order, order)
	d.want(asked, reasons)
	step := d.step(RestartService, name, order)
	step.Order = asked.Order
	d.want(step, reasons)
}

// step returns the step for a target, a new one where there is none.
func (d *decision) step(kind StepKind, name string, order int) *Step {
	t := target{kind, name}
	if d.steps[t] == nil {
		d.steps[t] = &Step{Kind: kind, Name: name, Order: order}
	}
	return d.steps[t]
}

// want adds to a step the reasons that it does not have.
func (d *decision) want(step *Step, reasons []Reason) {
	type key struct{ path, change, rule, from string }
	of := func(r Reason) key {
		k := key{r.Path, r.Change, r.Rule, ""}
		if len(r.Chain) > 0 {
			k.from = r.Chain[0].From
		}
		return k
	}
	have := make(map[key]bool, len(step.Reasons)+len(reasons))
	for _, r := range step.Reasons {
		have[of(r)] = true
	}
	for _, r := range reasons {
		if k := of(r); !have[k] {
			have[k] = true
			step.Reasons = append(step.Reasons, r)
		}
	}
}

// plan turns what is wanted into steps and holds, and says what is left.
func (d *decision) plan() Plan {
	p := Plan{
		Batch:           d.Batch.Seq,
		Cause:           d.Batch.Cause,
		Steps:           []Step{},
		Holds:           []Hold{},
		Left:            []Left{},
		Unmatched:       d.unmatched,
		FallbackApplied: d.fallback,
	}
	for _, step := range d.steps {
		if hold := d.hold(step); hold != nil {
			p.Holds = append(p.Holds, *hold)
		} else {
			p.Steps = append(p.Steps, *step)
		}
		if step.Kind == RunAction {
			p.Owed = append(p.Owed, *step)
		} else if asked := d.asked[step.Name]; asked != nil {
			p.Owed = append(p.Owed, *asked)
		}
	}
	for i := range d.services {
		s := &d.services[i]
		if d.steps[target{RestartService, s.Name}] == nil {
			p.Left = append(p.Left, Left{s.Name, d.why(s)})
		}
	}
	slices.SortFunc(p.Steps, inOrder)
	slices.SortFunc(p.Owed, inOrder)
	slices.SortFunc(p.Holds, func(a, b Hold) int {
		return cmp.Or(strings.Compare(a.Action, b.Action), strings.Compare(a.Service, b.Service))
	})
	return p
}

func inOrder(a, b Step) int {
	return cmp.Or(
		cmp.Compare(a.Order, b.Order),
		strings.Compare(string(a.Kind), string(b.Kind)), // action < restart
		strings.Compare(a.Name, b.Name),
	)
}

// hold returns what keeps a step from being taken: the first reason that
// applies, nil for none.
func (d *decision) hold(step *Step) *Hold {
	if d.Paused != nil {
		h := *d.Paused
		if step.Kind == RunAction {
			h.Service, h.Action = "", step.Name
		} else {
			h.Service, h.Action = step.Name, ""
		}
		return &h
	}
	if step.Kind != RestartService {
		return nil
	}
	if s, ok := d.byName[step.Name]; ok && s.Blocked != nil {
		h := *s.Blocked
		h.Service = s.Name
		return &h
	}
	return d.broken(step.Name)
}

// broken returns the hold for the files of a service that do not compile and
// that its last generation did not have like that; it names the first one,
// of the batch if it can.
func (d *decision) broken(service string) *Hold {
	var paths []string
	for _, diff := range d.differ[service] {
		if _, ok := d.Broken[diff.Path]; ok && d.After.Reaches(service, diff.Path) {
			paths = append(paths, diff.Path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	path := paths[0]
	for _, p := range paths {
		if _, ok := d.changes[p]; ok {
			path = p
			break
		}
	}
	problem := d.Broken[path]
	h := &Hold{
		Kind: "syntax", Service: service,
		What: problem.What, Path: path, Line: problem.Line,
		EndsWhen: path + " compiles",
	}
	switch more := len(paths) - 1; more {
	case 0:
	case 1:
		h.What += " (and 1 more file)"
	default:
		h.What += fmt.Sprintf(" (and %d more files)", more)
	}
	return h
}

// why says why a service that nothing asks to restart is left alone.
func (d *decision) why(s *Service) string {
	switch {
	case !s.Up:
		return "stopped by operator"
	case s.Last == nil:
		return "not started"
	}
	for path := range d.changes {
		if d.touches(s, path) {
			return "same content"
		}
	}
	return "not reached"
}

// taken reports whether some service has path in its reach, running or not.
func (d *decision) taken(path string) bool {
	for i := range d.services {
		if d.touches(&d.services[i], path) {
			return true
		}
	}
	return false
}

// touches reports whether the service loads path, or did before.
func (d *decision) touches(s *Service, path string) bool {
	if _, ok := s.Now.Files[path]; ok {
		return true
	}
	if s.Last != nil {
		if _, ok := s.Last.Files[path]; ok {
			return true
		}
	}
	return d.After.Reaches(s.Name, path) || d.Before.Reaches(s.Name, path)
}

func (d *decision) deleted(path string) bool {
	return d.changes[path].Kind == watcher.Deleted
}

// change returns the word for a kind of change.
func change(kind watcher.Kind) string {
	switch kind {
	case watcher.Created:
		return created
	case watcher.Deleted:
		return deleted
	default:
		return modified
	}
}

// both returns the elements of a that are in b too; a is sorted.
func both(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	return slices.DeleteFunc(a, func(s string) bool { return !in[s] })
}

// noGraph imports nothing.
type noGraph struct{}

func (noGraph) Reaches(string, string) bool                    { return false }
func (noGraph) Chain(string, string) []Link                    { return nil }
func (noGraph) Dependents([]string, func(string, []Link) bool) {}
