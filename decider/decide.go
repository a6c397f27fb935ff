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
// Actions are owed. The files of the batch, and those that import them, go
// through the rules as in [Rules.Fire]: what they ask for is owed from then on
// until it has been done for what those files hold, or they hold again what
// they did before, see [Debt]. An action with a command is a step, and so is
// each service that it restarts or signals. The initial batch names the whole
// tree: it fires no rule. Undeclared actions are left out; configurations
// refuse them.
//
// A signal stands in for the restart of a service that is stale by nothing but
// files for which the signal was asked; for any other service it is sent
// beside, and one that is restarted needs none.
//
// Of files that neither a rule nor a service takes a classifier may be asked.
// Nothing waits for it: what it says of them comes with a later decision, as
// does the fallback if it says nothing.
//
// A service whose restart would run into a file that does not compile gets a
// hold in place of the step, and everything does while the input is paused.
func Decide(in Input) Plan {
	d := newDecision(in)
	d.recall()
	d.levels()
	d.edges()
	d.settle()
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
	// debts are what is owed; asked has those that the batch asks for.
	debts map[target]*Debt
	asked map[target]bool
	// working has the files that actions are owed for.
	working map[string]bool
	// steps are wanted, before anything holds them.
	steps map[target]*Step

	// answered has the changes that Answers are about.
	answered  map[string]watcher.Change
	unmatched []string
	fallback  bool
}

// target is what a step is about.
type target struct {
	kind         StepKind
	name, signal string
}

func (s Step) target() target { return target{s.Kind, s.Name, s.Signal} }

func newDecision(in Input) *decision {
	d := &decision{
		Input:    in,
		changes:  make(map[string]watcher.Change, len(in.Batch.Changes)),
		services: slices.Clone(in.Services),
		byName:   make(map[string]*Service, len(in.Services)),
		differ:   make(map[string][]Difference),
		debts:    make(map[target]*Debt),
		asked:    make(map[target]bool),
		working:  make(map[string]bool),
		steps:    make(map[target]*Step),
		answered: make(map[string]watcher.Change),
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

// recall takes up what is owed, less what can no longer be done.
func (d *decision) recall() {
	for _, o := range d.Owed {
		debt := o.clone()
		if o.Kind == RunAction {
			action, ok := d.Rules.Actions[o.Name]
			if !ok || !action.Command {
				continue
			}
			debt.Order = action.Order
		} else if s := d.byName[o.Name]; s == nil || !s.Up {
			continue
		}
		d.debts[debt.target()] = &debt
	}
}

// undone reports whether a file holds what it held before a debt came of it,
// and nothing has been done about it meanwhile. What comes with an action that
// is owed is not undone: the action may have run for what the file held in
// between.
func (d *decision) undone(debt *Debt, path string, since watcher.Hash) bool {
	if d.Files == nil || d.Files[path] != since {
		return false
	}
	return !debt.Begun && (debt.Kind == RunAction || !d.working[path])
}

// forgive drops of the debts of one sort, actions or not, what was undone.
func (d *decision) forgive(actions bool) {
	for t, debt := range d.debts {
		if (t.kind == RunAction) != actions {
			continue
		}
		debt.forgive(func(path string, since watcher.Hash) bool { return d.undone(debt, path, since) })
		if len(debt.Reasons) == 0 {
			delete(d.debts, t)
			continue
		}
		for path := range debt.Since {
			d.working[path] = d.working[path] || actions
		}
	}
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
		step := d.step(target{kind: RestartService, name: s.Name}, s.Order)
		// What the person at the terminal just did comes first.
		for _, batch := range []bool{true, false} {
			for _, difference := range diff {
				if difference.Package != "" && diff[0].Path != "" && d.isOld(difference) {
					continue // it comes of what the files say
				}
				if d.isNew(difference.Path, difference.Package) == batch {
					step.Reasons = append(step.Reasons, d.reason(s, difference))
				}
			}
		}
	}
}

// isNew reports whether a file or a package is among what is decided on.
func (d *decision) isNew(path, pkg string) bool {
	_, ok := d.changes[path]
	return ok || d.Installed[pkg]
}

// isOld reports whether a difference is not in what is there but in what is
// loaded of it.
func (d *decision) isOld(diff Difference) bool {
	word := d.word(diff)
	return word == reached || word == unreached
}

// reason explains a difference by the imports that lead to it, or else by the
// glob that names it.
func (d *decision) reason(s *Service, diff Difference) Reason {
	switch {
	case diff.Package != "":
		return d.packageReason(s, diff)
	case diff.Path == "":
		return d.startReason(s, diff.Change)
	}
	r := Reason{Path: diff.Path, Change: d.word(diff)}
	if slices.Contains(s.Env, diff.Path) {
		r.Rule = diff.Path
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

// packageReason explains a difference in a distribution by what needs it.
func (d *decision) packageReason(s *Service, diff Difference) Reason {
	g := d.After
	if diff.Change == deleted {
		g = d.Before
	}
	return Reason{
		Package: diff.Package, Old: diff.Old, New: diff.New, Change: d.word(diff), Chain: g.Needs(s.Name, diff.Package),
	}
}

// startReason explains a changed part of the start identity: an environment by
// an env file of the batch.
func (d *decision) startReason(s *Service, part string) Reason {
	if part == environment {
		for _, path := range s.Env {
			if c, ok := d.changes[path]; ok {
				return Reason{Path: path, Change: change(c.Kind), Rule: path}
			}
		}
	}
	return Reason{Change: part}
}

// word says what became of a file or a package. One that a version has and the other has
// not may be an old file that somebody began or ceased to import.
func (d *decision) word(diff Difference) string {
	c, ok := d.changes[diff.Path]
	inBatch := ok && !d.Batch.Initial && change(c.Kind) == diff.Change || d.Installed[diff.Package]
	switch {
	case diff.Change == created && !inBatch:
		return reached
	case diff.Change == deleted && !inBatch:
		return unreached
	}
	return diff.Change
}

// edges owes what the rules ask for, and what was learnt elsewhere, less what
// was undone.
func (d *decision) edges() {
	fired := append(d.fire(), d.answers()...)
	for _, f := range fired {
		if action := d.Rules.Actions[f.Name]; action.Command {
			d.owe(target{kind: RunAction, name: f.Name}, action.Order, f.Reasons)
		}
	}
	d.forgive(true)
	for _, f := range fired {
		action := d.Rules.Actions[f.Name]
		for i := range f.Reasons {
			f.Reasons[i].Action = f.Name
		}
		for _, name := range action.Restart {
			d.ask(target{kind: RestartService, name: name}, action.Order, f.Reasons)
		}
		for name, signal := range action.Signal {
			d.ask(target{SignalService, name, signal}, action.Order, f.Reasons)
		}
	}
	d.forgive(false)
}

// fire returns the actions that the batch asks for, each with all of the
// changed files that do.
func (d *decision) fire() []Fired {
	if d.Batch.Initial {
		return nil
	}
	paths := slices.Sorted(maps.Keys(d.changes))
	untaken := slices.DeleteFunc(slices.Clone(paths), d.taken)
	rules := d.Rules
	if d.Classifier {
		rules.Fallback = Fallback{}
	}
	var f Firing
	if len(d.Rules.Rules) > 0 {
		f = rules.Fire(paths, Across(d.Before, d.After, d.deleted))
		d.unmatched = both(untaken, f.Unmatched)
	} else {
		f = rules.Fire(untaken, nil)
		d.unmatched = untaken
	}
	d.fallback = f.FallbackApplied
	for n := range f.Actions {
		fired := &f.Actions[n]
		if len(d.Rules.Rules) > 0 {
			fired.Reasons = append(fired.Reasons, d.further(fired.Reasons, paths)...)
		}
		for i := range fired.Reasons {
			fired.Reasons[i].Change = change(d.changes[fired.Reasons[i].Path].Kind)
		}
	}
	return f.Actions
}

// answers returns the actions that were learnt of, and those of the fallback
// where nothing was.
func (d *decision) answers() []Fired {
	all := slices.Clone(d.Answers)
	for i, answer := range all {
		all[i].Changes = slices.SortedFunc(slices.Values(answer.Changes), func(a, b watcher.Change) int {
			return strings.Compare(a.Path, b.Path)
		})
	}
	slices.SortFunc(all, func(a, b Answer) int {
		return slices.CompareFunc(a.Changes, b.Changes, func(a, b watcher.Change) int { return strings.Compare(a.Path, b.Path) })
	})
	var fired []Fired
	for _, answer := range all {
		var paths []string
		for _, c := range answer.Changes {
			d.answered[c.Path] = c
			paths = append(paths, c.Path)
		}
		rules := Rules{Actions: d.Rules.Actions, Fallback: d.Rules.Fallback}
		if !answer.Failed {
			rules = rules.Answered(answer.Actions)
		}
		f := rules.Fire(paths, nil)
		d.fallback = d.fallback || f.FallbackApplied
		for _, a := range f.Actions {
			for i := range a.Reasons {
				a.Reasons[i].Change = change(d.answered[a.Reasons[i].Path].Kind)
			}
			fired = append(fired, a)
		}
	}
	return fired
}

// before returns what a file held before the change that is decided on.
func (d *decision) before(path string) watcher.Hash {
	if c, ok := d.answered[path]; ok {
		return c.Old
	}
	return d.changes[path].Old
}

// further returns reasons for the changed files that lead to an action through
// a file which asked for it already: by itself, or for another one that is
// nearer. A debt goes by all of them.
func (d *decision) further(reasons []Reason, changed []string) []Reason {
	rules := make(map[string]Reason) // by the file that they matched
	named := make(map[string]bool)
	for _, r := range reasons {
		named[r.Path] = true
		rules[r.file()] = r
	}
	var there, gone []string
	for _, path := range changed {
		switch {
		case named[path]:
		case d.deleted(path):
			gone = append(gone, path)
		default:
			there = append(there, path)
		}
	}
	var more []Reason
	files := slices.Sorted(maps.Keys(rules))
	for _, side := range []struct {
		graph Graph
		paths []string
	}{{d.After, there}, {d.Before, gone}} {
		if len(side.paths) == 0 {
			continue
		}
		chains := side.graph.Between(files, side.paths)
		for _, path := range slices.Sorted(maps.Keys(chains)) {
			r := Reason{Path: path, Chain: chains[path]}
			r.Rule, r.RuleLine = rules[r.file()].Rule, rules[r.file()].RuleLine
			more = append(more, r)
		}
	}
	return more
}

// file is the one that the rule of a reason matched.
func (r Reason) file() string {
	if len(r.Chain) > 0 {
		return r.Chain[0].From
	}
	return r.Path
}

// ask owes the restart or signal of a service on behalf of an action. A service
// that is down stays down, and one that never started loads all there is
// anyway; but if its start is owed, it comes after the action.
func (d *decision) ask(t target, order int, reasons []Reason) {
	s := d.byName[t.name]
	if s == nil || !s.Up {
		return
	}
	if s.Last == nil {
		t = target{kind: RestartService, name: t.name}
		if d.debts[t] == nil {
			return
		}
	}
	d.owe(t, order, reasons)
}

// owe adds to a debt the reasons whose files do not hold again what they did
// before it.
func (d *decision) owe(t target, order int, reasons []Reason) {
	debt := d.debts[t]
	if debt == nil {
		debt = &Debt{Step: Step{Kind: t.kind, Name: t.name, Signal: t.signal, Order: order}}
	}
	var more []Reason
	for _, r := range reasons {
		since, known := debt.Since[r.Path]
		if !known {
			since = d.before(r.Path)
		}
		if !d.undone(debt, r.Path, since) {
			debt.owe(r.Path, since)
			more = append(more, r)
		}
	}
	if len(more) > 0 {
		debt.want(more)
		debt.Order = max(debt.Order, order)
		d.debts[t], d.asked[t] = debt, true
	}
}

// settle turns debts into steps. What is under way is taken again only if the
// batch asks for it.
func (d *decision) settle() {
	for t, debt := range d.debts {
		if t.kind != SignalService && (!debt.UnderWay || d.asked[t]) {
			d.merge(debt)
		}
	}
	for i := range d.services {
		d.signals(&d.services[i])
	}
	for _, step := range d.steps {
		slices.SortStableFunc(step.Reasons, func(a, b Reason) int {
			return cmp.Compare(d.age(a), d.age(b))
		})
	}
}

// age ranks reasons: those of the batch come first.
func (d *decision) age(r Reason) int {
	if d.isNew(r.Path, r.Package) {
		return 0
	}
	return 1
}

// signals makes steps of the signals that a service is owed, unless it is
// restarted: then it needs none.
func (d *decision) signals(s *Service) {
	restart := target{kind: RestartService, name: s.Name}
	var owed []*Debt
	for t, debt := range d.debts {
		if t.kind == SignalService && t.name == s.Name {
			owed = append(owed, debt)
		}
	}
	if len(owed) == 0 {
		return
	}
	slices.SortFunc(owed, func(a, b *Debt) int { return inOrder(a.Step, b.Step) })
	if d.steps[restart] != nil {
		if d.debts[restart] != nil || !d.covered(s, owed) {
			step := d.steps[restart]
			for _, debt := range owed {
				step.Order = max(step.Order, debt.Order)
				step.want(debt.Reasons)
			}
			return
		}
		delete(d.steps, restart)
	}
	if d.debts[restart] != nil { // under way: the signals are done with it
		for _, debt := range owed {
			debt.UnderWay = true
		}
		return
	}
	for _, debt := range owed {
		if !debt.UnderWay || d.asked[debt.target()] || len(d.differ[s.Name]) > 0 {
			d.merge(debt)
		}
	}
}

// covered reports whether a service is stale by nothing but files for which
// signals are owed, and what those import.
func (d *decision) covered(s *Service, owed []*Debt) bool {
	return !slices.ContainsFunc(d.differ[s.Name], func(diff Difference) bool {
		if diff.Path+diff.Package != "" && d.isOld(diff) {
			return false
		}
		return !slices.ContainsFunc(owed, func(debt *Debt) bool {
			_, ok := debt.Since[diff.Path]
			return ok && diff.Path != ""
		})
	})
}

// merge makes a step of a debt, or adds it to the one there is.
func (d *decision) merge(debt *Debt) {
	step := d.step(debt.target(), debt.Order)
	step.Order = debt.Order
	step.want(debt.Reasons)
}

// step returns the step for a target, a new one where there is none.
func (d *decision) step(t target, order int) *Step {
	if d.steps[t] == nil {
		d.steps[t] = &Step{Kind: t.kind, Name: t.name, Signal: t.signal, Order: order}
	}
	return d.steps[t]
}

// want adds to a step the reasons that it does not have.
func (s *Step) want(reasons []Reason) {
	have := make(map[reasonKey]bool, len(s.Reasons)+len(reasons))
	for _, r := range s.Reasons {
		have[r.key()] = true
	}
	for _, r := range reasons {
		if k := r.key(); !have[k] {
			have[k] = true
			s.Reasons = append(s.Reasons, r)
		}
	}
}

// reasonKey tells reasons apart.
type reasonKey struct{ path, pkg, change, rule, action, from string }

func (r Reason) key() reasonKey {
	k := reasonKey{r.Path, r.Package, r.Change, r.Rule, r.Action, ""}
	if len(r.Chain) > 0 {
		k.from = r.Chain[0].From
	}
	return k
}

// plan turns what is wanted into steps and holds, and says what is left.
func (d *decision) plan() Plan {
	p := Plan{
		Batch:           d.Batch.Seq,
		Cause:           d.Batch.Cause,
		Steps:           []Step{},
		Holds:           []Hold{},
		Left:            []Left{},
		Installed:       slices.Sorted(maps.Keys(d.Installed)),
		Unmatched:       d.unmatched,
		FallbackApplied: d.fallback,
	}
	if d.Classifier {
		p.Ask = d.unmatched
	}
	busy := make(map[string]bool) // services with a step
	for _, step := range d.steps {
		if step.Kind != RunAction {
			busy[step.Name] = true
		}
		if hold := d.hold(step); hold != nil {
			hold.Reasons = step.Reasons
			p.Holds = append(p.Holds, *hold)
		} else {
			p.Steps = append(p.Steps, *step)
		}
	}
	for _, debt := range d.debts {
		p.Owed = append(p.Owed, *debt)
	}
	for i := range d.services {
		if s := &d.services[i]; !busy[s.Name] {
			p.Left = append(p.Left, d.left(s))
		}
	}
	slices.SortFunc(p.Steps, inOrder)
	slices.SortFunc(p.Owed, func(a, b Debt) int { return inOrder(a.Step, b.Step) })
	slices.SortFunc(p.Holds, func(a, b Hold) int {
		return cmp.Or(strings.Compare(a.Action, b.Action), strings.Compare(a.Service, b.Service))
	})
	p.Holds = slices.CompactFunc(p.Holds, func(a, b Hold) bool { // of one service's signals
		return a.Service == b.Service && a.Action == b.Action
	})
	return p
}

func inOrder(a, b Step) int {
	return cmp.Or(
		cmp.Compare(a.Order, b.Order),
		strings.Compare(string(a.Kind), string(b.Kind)), // action < restart < signal
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.Signal, b.Signal),
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
	if step.Kind == RunAction {
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

// left says why a service that nothing asks to restart is left alone.
func (d *decision) left(s *Service) Left {
	l := Left{Service: s.Name}
	for _, path := range slices.Sorted(maps.Keys(d.changes)) {
		if d.touches(s, path) {
			l.Reasons = append(l.Reasons, d.reason(s, Difference{Path: path, Change: change(d.changes[path].Kind)}))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Installed)) {
		if now, ok := s.Now.Packages[name]; ok {
			l.Reasons = append(l.Reasons, Reason{Package: name, New: now.Version, Chain: d.After.Needs(s.Name, name)})
		}
	}
	switch {
	case !s.Up:
		l.Why = "stopped by operator"
	case s.Last == nil:
		l.Why = "not started"
	case len(l.Reasons) > 0:
		l.Why = "same content"
		if !slices.ContainsFunc(l.Reasons, func(r Reason) bool { return !d.Cosmetic[r.Path] }) {
			l.Why = "cosmetic"
		}
	default:
		l.Why = "not reached"
	}
	return l
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
	if s.Now.Files.Has(path) || s.Last != nil && s.Last.Files.Has(path) || slices.Contains(s.Env, path) {
		return true
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
func (noGraph) Needs(string, string) []Link                    { return nil }
func (noGraph) Dependents([]string, func(string, []Link) bool) {}
func (noGraph) Between(_, _ []string) map[string][]Link        { return nil }
