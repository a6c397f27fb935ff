package decider

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bounce/watcher"

	"bounce/internal/soak"
)

// world is a tree, the services on it, an agent and what it has its runner do,
// in the plainest terms: what is decided is compared with what follows from
// these.
type world struct {
	rng *rand.Rand
	log []string

	disk  map[string]int     // content by path
	edges map[[2]string]bool // imports that the content would have
	told  map[string]bool    // changed paths that the next batch names

	agent
	saved   agent         // what is on disk of the agent's memory
	current watcher.Batch // the one that is decided on
	pause   bool
}

// agent is what an agent knows, keeps and has under way.
type agent struct {
	tree     map[string]int     // the disk as it was told of it
	imports  map[[2]string]bool // and its imports
	up       map[string]bool    // services that are meant to run
	runs     map[string]*Version
	promised map[string]promise
	owed     Debts
	asks     map[target]int // the plan that takes up a debt
	queue    []*job         // in order; the first may have begun
	plans    int
	model    model
}

// model is the same in other words: who asked for what, and what was done.
type model struct {
	// before has what the files that asked for a target held when nothing was
	// owed for them.
	before map[target]map[string]int
	begun  map[string]bool // actions that began and have not succeeded
	// seen has the files of the action that runs which have not changed since it
	// began.
	seen  map[string]bool
	start map[string]bool // services that are yet to be started
}

// promise is what a plan under way will start a service from.
type promise struct {
	version Version
	plan    int
}

// job is a step under way, for one or more plans.
type job struct {
	Step
	plans map[int]bool
	began bool
}

const (
	brokenContent = 9
	noFile        = -1
)

var (
	worldFiles    = []string{"a.py", "b.py", "c.py", "d.py", "e.py", "x.sql", "README.md"}
	worldEntries  = map[string]string{"api": "a.py", "worker": "b.py", "cron": "c.py"}
	worldServices = []string{"api", "cron", "worker"}
	worldRules    = Rules{
		Rules: []Rule{
			{Pattern: "*.sql", Actions: []string{"migrate"}},
			{Pattern: "b.py", Actions: []string{"build", "bump"}},
			{Pattern: "c.py", Actions: []string{"reload"}},
			{Pattern: "**", Actions: nil},
		},
		Actions: map[string]Action{
			"migrate": {Name: "migrate", Order: 10, Command: true, Restart: []string{"api"}},
			"build":   {Name: "build", Order: 20, Command: true},
			"bump":    {Name: "bump", Order: 200, Restart: []string{"cron"}},
			"reload":  {Name: "reload", Order: 30, Signal: map[string]string{"cron": "HUP"}},
		},
	}
	// worldAsks is the same by file.
	worldAsks = map[string][]target{
		"x.sql": {{RunAction, "migrate", ""}, {RestartService, "api", ""}},
		"b.py":  {{RunAction, "build", ""}, {RestartService, "cron", ""}},
		"c.py":  {{SignalService, "cron", "HUP"}},
	}
)

// loads is what a process that starts from path loads.
func loads(edges map[[2]string]bool, path string, into map[string]bool) map[string]bool {
	if into == nil {
		into = make(map[string]bool)
	}
	if !into[path] {
		into[path] = true
		for e := range edges {
			if e[0] == path {
				loads(edges, e[1], into)
			}
		}
	}
	return into
}

// between are the edges between files that are there.
func between(edges map[[2]string]bool, files map[string]int) map[[2]string]bool {
	there := make(map[[2]string]bool)
	for e := range edges {
		_, from := files[e[0]]
		_, to := files[e[1]]
		if from && to {
			there[e] = true
		}
	}
	return there
}

func hashOf(content int) watcher.Hash { return watcher.Hash{1, byte(content)} }

func hashes(tree map[string]int) map[string]watcher.Hash {
	all := make(map[string]watcher.Hash)
	for path, content := range tree {
		all[path] = hashOf(content)
	}
	return all
}

// holds is what a file of the tree holds.
func (w *world) holds(path string) int {
	if content, ok := w.tree[path]; ok {
		return content
	}
	return noFile
}

func (w *world) now(service string) Version {
	files := make(map[string]watcher.Hash)
	for path := range loads(between(w.imports, w.tree), worldEntries[service], nil) {
		if content, ok := w.tree[path]; ok {
			files[path] = hashOf(content)
		}
	}
	return Version{Files: FilesOf(files)}
}

func asText(edges map[[2]string]bool) *textGraph {
	var text []string
	for e := range edges {
		text = append(text, e[0]+"->"+e[1])
	}
	slices.Sort(text)
	g, err := parseGraph(strings.Join(text, ";"))
	if err != nil {
		panic(err)
	}
	for service, entry := range worldEntries {
		g.entries[service] = []string{entry}
	}
	return g
}

// last is what a service runs, or is about to. A promise that would bring
// nothing new is void.
func (w *world) last(service string) *Version {
	if p, ok := w.promised[service]; ok && !w.void(service) {
		return &p.version
	}
	return w.runs[service]
}

func (w *world) void(service string) bool {
	return w.runs[service] != nil && len(Diff(*w.runs[service], w.now(service))) == 0
}

// batch takes what was told into the tree and returns it.
func (w *world) batch() (b watcher.Batch, before map[[2]string]bool) {
	before = between(w.imports, w.tree)
	for _, path := range worldFiles {
		if !w.told[path] {
			continue
		}
		was, had := w.tree[path]
		is, has := w.disk[path]
		maps.DeleteFunc(w.imports, func(e [2]string, _ bool) bool { return e[0] == path })
		for e := range w.edges {
			if e[0] == path {
				w.imports[e] = true
			}
		}
		c := watcher.Change{Path: path, Kind: watcher.Modified, Old: hashOf(was), New: hashOf(is)}
		switch {
		case had == has && was == is:
			continue
		case !had:
			c.Kind, c.Old = watcher.Created, watcher.Hash{}
		case !has:
			c.Kind, c.New = watcher.Deleted, watcher.Hash{}
		}
		if has {
			w.tree[path] = is
		} else {
			delete(w.tree, path)
		}
		b.Changes = append(b.Changes, c)
	}
	clear(w.told)
	return b, before
}

// input is what the agent asks of the decider.
func (w *world) input(b watcher.Batch, before map[[2]string]bool) Input {
	in := Input{
		Batch: b, Before: asText(before), After: asText(between(w.imports, w.tree)),
		Rules: worldRules, Owed: w.owed, Files: hashes(w.tree), Broken: make(map[string]Problem),
	}
	for path, content := range w.tree {
		if content == brokenContent {
			in.Broken[path] = Problem{1, "SyntaxError: invalid syntax"}
		}
	}
	for _, s := range worldServices {
		in.Services = append(in.Services, Service{Name: s, Order: 100, Up: w.up[s], Now: w.now(s), Last: w.last(s)})
	}
	if w.pause {
		in.Paused = &Hold{Kind: "paused", What: "bounce hold", EndsWhen: "bounce resume"}
	}
	return in
}

// ask brings the model up to date, and returns what the batch asks for.
func (w *world) ask(b watcher.Batch, before map[[2]string]bool) map[target]bool {
	m := &w.model
	after := between(w.imports, w.tree)
	for t := range m.before {
		if t.kind != RunAction && !w.up[t.name] {
			delete(m.before, t)
		}
	}
	for _, s := range worldServices {
		m.start[s] = m.start[s] && w.up[s]
	}
	type ask struct {
		target target
		path   string
	}
	var asked []ask
	for _, c := range b.Changes {
		edges := after
		if c.Kind == watcher.Deleted {
			edges = before
		}
		for path, targets := range worldAsks {
			if !loads(edges, path, nil)[c.Path] {
				continue
			}
			for _, t := range targets {
				if t.kind != RunAction && (!w.up[t.name] || w.last(t.name) == nil) {
					if !w.up[t.name] || !m.start[t.name] {
						continue
					}
					t = target{kind: RestartService, name: t.name}
				}
				if m.before[t] == nil {
					m.before[t] = make(map[string]int)
				}
				if _, ok := m.before[t][c.Path]; !ok {
					m.before[t][c.Path] = noFile
					if c.Old != (watcher.Hash{}) {
						m.before[t][c.Path] = int(c.Old[1])
					}
				}
				asked = append(asked, ask{t, c.Path})
				if len(w.queue) > 0 && w.queue[0].began && w.queue[0].target() == t {
					delete(m.seen, c.Path)
				}
			}
		}
	}
	wanted := make(map[target]bool)
	for _, a := range asked {
		wanted[a.target] = wanted[a.target] || !w.undone(a.target, a.path)
	}
	// What was put back is asked for no longer: first of actions, then of what
	// comes with them.
	for _, actions := range []bool{true, false} {
		for t, files := range m.before {
			if (t.kind == RunAction) == actions {
				maps.DeleteFunc(files, func(path string, _ int) bool { return w.undone(t, path) })
				if len(files) == 0 {
					delete(m.before, t)
					if t.kind != RestartService || !m.start[t.name] {
						delete(w.asks, t)
					}
				}
			}
		}
	}
	return wanted
}

// undone reports whether a target need not be done for a file.
func (w *world) undone(t target, path string) bool {
	if t.kind == RunAction && w.model.begun[t.name] {
		return false
	}
	for other := range w.model.before {
		_, owes := w.model.before[other][path]
		if owes && t.kind != RunAction && other.kind == RunAction && !w.undone(other, path) {
			return false
		}
	}
	return w.holds(path) == w.model.before[t][path]
}

// underWay reports whether a plan that is not done has taken up a debt.
func (w *world) underWay(t target) bool { return w.asks[t] != 0 }

// expect says in one line each what must become of services and actions.
func (w *world) expect(wanted map[target]bool) []string {
	m := w.model
	fresh := func(t target) bool { return m.before[t] != nil && (!w.underWay(t) || wanted[t]) }
	var want []string
	for _, s := range worldServices {
		now, last := w.now(s), w.last(s)
		restart, hup := target{kind: RestartService, name: s}, target{SignalService, s, "HUP"}
		stale, covered, broken := false, true, false
		if last != nil {
			stale = now.Fingerprint() != last.Fingerprint()
			for _, path := range worldFiles {
				is, loaded := now.Files.Hash(path), now.Files.Has(path)
				was, before := last.Files.Hash(path), last.Files.Has(path)
				if loaded && is == hashOf(brokenContent) && was != is {
					broken = true
				}
				_, asked := m.before[hup][path]
				came := loaded && !before && !w.inBatch(path, watcher.Created)
				went := before && !loaded && !w.inBatch(path, watcher.Deleted)
				if is != was && !asked && !came && !went {
					covered = false
				}
			}
		}
		word := "restart"
		owed := fresh(restart) || m.start[s] && !w.underWay(restart)
		switch {
		case !w.up[s]:
			want = append(want, s+" stopped by operator")
			continue
		case last == nil && !owed:
			want = append(want, s+" not started")
			continue
		case owed, stale && (m.before[hup] == nil || m.before[restart] != nil || m.start[s] || !covered):
		case stale, fresh(hup) && m.before[restart] == nil && !m.start[s]:
			word = "signal"
		default:
			want = append(want, s+" left")
			continue
		}
		switch {
		case w.pause:
			want = append(want, s+" paused")
		case broken:
			want = append(want, s+" syntax")
		default:
			want = append(want, s+" "+word)
		}
	}
	for t := range m.before {
		switch {
		case t.kind != RunAction || !fresh(t):
		case w.pause:
			want = append(want, t.name+" paused")
		default:
			want = append(want, t.name+" action")
		}
	}
	slices.Sort(want)
	return want
}

// inBatch reports whether the batch being decided on has this change.
func (w *world) inBatch(path string, kind watcher.Kind) bool {
	return slices.ContainsFunc(w.current.Changes, func(c watcher.Change) bool { return c.Path == path && c.Kind == kind })
}

func outline(p Plan) []string {
	var got []string
	for _, s := range p.Steps {
		got = append(got, s.Name+" "+string(s.Kind))
	}
	for _, h := range p.Holds {
		got = append(got, h.Service+h.Action+" "+h.Kind)
	}
	for _, l := range p.Left {
		if l.Why == "not reached" || l.Why == "same content" {
			l.Why = "left"
		}
		got = append(got, l.Service+" "+l.Why)
	}
	slices.Sort(got)
	return got
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) decide(t *testing.T) Plan {
	b, before := w.batch()
	return w.decideOn(t, b, before)
}

// decideOn has a plan made, compares it with what follows from the model, and
// sets it going.
func (w *world) decideOn(t *testing.T, b watcher.Batch, before map[[2]string]bool) Plan {
	w.current = b
	wanted := w.ask(b, before)
	in := w.input(b, before)
	plan := Decide(in)
	checkPlan(t, in, plan)
	w.note("decide: %s", outline(plan))
	if got, want := outline(plan), w.expect(wanted); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	w.compare(t, plan.Owed)
	w.checkFired(t, in, plan)
	w.apply(plan)
	return plan
}

// compare compares what is owed with the model.
func (w *world) compare(t *testing.T, owed Debts) {
	var got, want []string
	for _, d := range owed {
		for path := range d.Since {
			got = append(got, fmt.Sprint(d.target(), path))
		}
		if d.Begun != w.model.begun[d.Name] && d.Kind == RunAction {
			t.Errorf("%s has begun: %t", d.Name, d.Begun)
		}
	}
	for target, files := range w.model.before {
		for path := range files {
			want = append(want, fmt.Sprint(target, path))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("owed %q\nwant %q", got, want)
	}
}

// checkFired checks that the rules' part of a plan is what the decide verb
// prints.
func (w *world) checkFired(t *testing.T, in Input, plan Plan) {
	var paths []string
	for _, c := range in.Batch.Changes {
		paths = append(paths, c.Path)
	}
	deleted := func(path string) bool { return w.inBatch(path, watcher.Deleted) }
	for _, f := range in.Rules.Fire(paths, Across(in.Before, in.After, deleted)).Actions {
		undone := !slices.ContainsFunc(f.Reasons, func(r Reason) bool {
			return w.model.before[target{kind: RunAction, name: f.Name}] != nil
		})
		if in.Rules.Actions[f.Name].Command && !undone && plan.Owed.find(RunAction, f.Name) == nil {
			t.Errorf("decide fires %s, the plan does not", f.Name)
		}
	}
}

// apply has a plan carried out as the runner does.
func (w *world) apply(p Plan) {
	w.owed = p.Owed
	w.plans++
	for _, d := range w.owed { // a signal that is done with a restart
		if t := d.target(); d.UnderWay && w.asks[t] == 0 {
			w.asks[t] = w.asks[target{kind: RestartService, name: d.Name}]
		}
	}
	for _, s := range p.Steps {
		i := slices.IndexFunc(w.queue, func(j *job) bool { return j.target() == s.target() && !j.began })
		if i < 0 {
			i = len(w.queue)
			w.queue = append(w.queue, &job{Step: s, plans: make(map[int]bool)})
		}
		w.queue[i].plans[w.plans] = true
		if s.Kind != RunAction {
			w.promised[s.Name] = promise{w.now(s.Name), w.plans}
		}
		w.owed.Taken(s)
		w.owed.of(s, func(d *Debt) { w.asks[d.target()] = w.plans })
	}
	for _, s := range worldServices {
		if _, ok := w.promised[s]; ok && w.void(s) {
			w.withdraw(s, p)
		}
	}
	slices.SortStableFunc(w.queue, func(a, b *job) int {
		if a.began != b.began {
			return cmp.Compare(boolInt(b.began), boolInt(a.began))
		}
		return inOrder(a.Step, b.Step)
	})
}

// withdraw takes back the restart of a service that runs what there is and that
// nothing asks for.
func (w *world) withdraw(service string, p Plan) {
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Name == service }) ||
		slices.ContainsFunc(p.Owed, func(d Debt) bool { return d.Kind != RunAction && d.Name == service }) {
		return
	}
	w.note("withdraw %s", service)
	delete(w.promised, service)
	w.queue = slices.DeleteFunc(w.queue, func(j *job) bool { return j.Name == service && !j.began })
	w.finish()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// work does the next thing that is under way: it begins an action, ends one,
// or restarts or signals a service. Actions fail when luck says so.
func (w *world) work(t *testing.T, luck func() bool) {
	if len(w.queue) == 0 {
		return
	}
	j := w.queue[0]
	switch {
	case j.Kind == RunAction && !j.began:
		moot := !w.model.begun[j.Name]
		for path := range w.model.before[j.target()] {
			moot = moot && w.undone(j.target(), path)
		}
		_, ok := w.owed.Begin(j.Name, hashes(w.tree))
		w.note("begin %s: %t", j.Name, ok)
		if ok == moot {
			t.Errorf("%s begins: %t, but nothing asks for it: %t", j.Name, ok, moot)
		}
		if ok {
			j.began = true
			w.asks[j.target()] = slices.Max(slices.Collect(maps.Keys(j.plans)))
			w.model.begun[j.Name], w.model.seen = true, make(map[string]bool)
			for path := range w.model.before[j.target()] {
				w.model.seen[path] = true
			}
			w.save()
			return
		}
		delete(w.model.before, j.target())
		delete(w.asks, j.target())
	case j.Kind == RunAction:
		ok := luck()
		w.note("end %s: %t", j.Name, ok)
		w.owed.End(j.Name, ok)
		delete(w.asks, j.target())
		if ok {
			w.succeed(j.Name)
		} else {
			for _, later := range w.queue[1:] {
				maps.DeleteFunc(later.plans, func(plan int, _ bool) bool { return j.plans[plan] })
			}
		}
		w.save()
	case !w.up[j.Name] || j.Kind == SignalService && w.runs[j.Name] == nil:
	default:
		w.note("%s %s", j.Kind, j.Name)
		w.arrive(j.Kind, j.Name)
	}
	w.queue = w.queue[1:]
	w.queue = slices.DeleteFunc(w.queue, func(j *job) bool { return len(j.plans) == 0 })
	w.finish()
	w.compare(t, w.owed)
}

// succeed books the success of an action: nothing is owed for what it has seen
// and what has not changed since.
func (w *world) succeed(action string) {
	t := target{kind: RunAction, name: action}
	files := w.model.before[t]
	maps.DeleteFunc(files, func(path string, _ int) bool { return w.model.seen[path] })
	if len(files) == 0 {
		delete(w.model.begun, action)
		delete(w.model.before, t)
	}
}

// arrive has a service run what there is now. What was asked of it together
// with an action that is still owed has to come again.
func (w *world) arrive(kind StepKind, service string) {
	now := w.now(service)
	w.runs[service] = &now
	delete(w.promised, service)
	owed := make(map[string]bool)
	for t, files := range w.model.before {
		for path := range files {
			owed[path] = owed[path] || t.kind == RunAction
		}
	}
	for t, files := range w.model.before {
		if t.kind == RunAction || t.name != service || kind == SignalService && t.kind != kind {
			continue
		}
		maps.DeleteFunc(files, func(path string, _ int) bool { return !owed[path] })
		if len(files) == 0 {
			delete(w.model.before, t)
		}
	}
	w.model.start[service] = false
	maps.DeleteFunc(w.asks, func(t target, _ int) bool {
		return t.kind != RunAction && t.name == service && w.model.before[t] == nil
	})
	step := Step{Kind: kind, Name: service}
	if kind == SignalService {
		step.Signal = "HUP"
	}
	w.owed.Done(step)
}

// finish forgets plans of which nothing is under way.
func (w *world) finish() {
	done := func(plan int) bool {
		return !slices.ContainsFunc(w.queue, func(j *job) bool { return j.plans[plan] })
	}
	maps.DeleteFunc(w.promised, func(_ string, p promise) bool { return done(p.plan) })
	maps.DeleteFunc(w.asks, func(_ target, plan int) bool { return done(plan) })
	for i := range w.owed {
		w.owed[i].UnderWay = w.underWay(w.owed[i].target())
	}
}

// none says that no service is kept.
func none(string) bool { return false }

// save writes down what the agent remembers after its end.
func (w *world) save() {
	w.saved = agent{tree: maps.Clone(w.tree), model: model{before: make(map[target]map[string]int), begun: maps.Clone(w.model.begun)}}
	w.saved.owed = w.owed.Lasting(none)
	for t, files := range w.model.before {
		if t.kind == RunAction {
			w.saved.model.before[t] = maps.Clone(files)
		}
	}
}

// restart kills the agent and starts another one, which finds what was saved,
// or nothing.
func (w *world) restart(t *testing.T, memory bool) {
	w.note("the agent is killed and starts again, with memory: %t", memory)
	w.agent = newAgent(w.disk, w.edges)
	clear(w.told)
	w.pause = false
	if !memory {
		w.save()
	}
	saved := w.saved
	w.save() // a copy of its own of what is in saved.model
	w.saved = saved
	w.owed = saved.owed.Lasting(none)
	for t, files := range saved.model.before {
		w.model.before[t] = maps.Clone(files)
	}
	w.model.begun = maps.Clone(saved.model.begun)
	for _, s := range worldServices {
		w.owed = append(w.owed, Debt{Step: Step{Kind: RestartService, Name: s, Order: 100, Reasons: []Reason{{Change: Started}}}})
		w.model.start[s] = true
	}
	// What was deleted meanwhile is known by those who still import it.
	all := maps.Clone(w.disk)
	var b watcher.Batch
	for _, path := range worldFiles {
		was, had := saved.tree[path]
		is, has := w.disk[path]
		switch {
		case had && !has:
			all[path] = was
			b.Changes = append(b.Changes, watcher.Change{Path: path, Kind: watcher.Deleted, Old: hashOf(was)})
		case has && !had:
			b.Changes = append(b.Changes, watcher.Change{Path: path, Kind: watcher.Created, New: hashOf(is)})
		case had && was != is:
			b.Changes = append(b.Changes, watcher.Change{Path: path, Kind: watcher.Modified, Old: hashOf(was), New: hashOf(is)})
		}
	}
	w.decideOn(t, b, between(w.edges, all))
}

// newAgent is one that has read the tree and done nothing yet.
func newAgent(disk map[string]int, edges map[[2]string]bool) agent {
	a := agent{
		tree: maps.Clone(disk), imports: maps.Clone(edges), up: make(map[string]bool),
		runs: make(map[string]*Version), promised: make(map[string]promise), asks: make(map[target]int),
		model: model{
			before: make(map[target]map[string]int), begun: make(map[string]bool), start: make(map[string]bool),
		},
	}
	for _, s := range worldServices {
		a.up[s] = true
	}
	return a
}

func (w *world) step(t *testing.T) {
	pick := func(list []string) string { return list[w.rng.IntN(len(list))] }
	write := func(path string, content int) {
		w.disk[path], w.told[path] = content, true
		w.note("write %s %d", path, content)
	}
	switch n := w.rng.IntN(28); {
	case n < 8:
		write(pick(worldFiles), w.rng.IntN(3))
	case n == 8:
		write(pick(worldFiles), brokenContent)
	case n == 9:
		path := pick(worldFiles)
		delete(w.disk, path)
		w.told[path] = true
		w.note("delete %s", path)
	case n == 10:
		from, to := pick(worldFiles[:5]), pick(worldFiles[:5])
		if e := [2]string{from, to}; from != to {
			w.edges[e] = !w.edges[e]
			if !w.edges[e] {
				delete(w.edges, e)
			}
			w.note("%s imports %s: %t", from, to, w.edges[e])
			write(from, 3+w.rng.IntN(5))
		}
	case n == 11:
		clear(w.told)
		w.note("events are lost")
	case n == 12:
		s := pick(worldServices)
		w.up[s] = false
		w.note("stop %s", s)
	case n == 13:
		if s := pick(worldServices); !w.up[s] {
			w.note("start %s", s)
			w.up[s] = true
			w.owed = slices.DeleteFunc(w.owed, func(d Debt) bool { return d.Kind != RunAction && d.Name == s })
			maps.DeleteFunc(w.model.before, func(t target, _ map[string]int) bool { return t.kind != RunAction && t.name == s })
			w.arrive(RestartService, s)
		}
	case n == 14:
		w.pause = !w.pause
		w.note("paused: %t", w.pause)
	case n == 15:
		w.rescan()
	case n == 16:
		// A checkout, and back.
		before := maps.Clone(w.disk)
		for range 3 {
			write(pick(worldFiles), w.rng.IntN(3))
		}
		if w.rng.IntN(2) == 0 {
			w.decide(t)
		}
		for path, content := range before {
			if w.disk[path] != content {
				write(path, content)
			}
		}
	case n == 17:
		w.restart(t, w.rng.IntN(3) > 0)
	case n < 22:
		w.decide(t)
	default:
		w.work(t, func() bool { return w.rng.IntN(4) > 0 })
	}
}

// rescan tells of every difference, as the watcher's audit does.
func (w *world) rescan() {
	w.note("rescan")
	for _, path := range worldFiles {
		is, has := w.disk[path]
		if was, had := w.tree[path]; had != has || was != is {
			w.told[path] = true
		}
	}
}

// Whatever happens in whatever order, each decision follows from what was asked
// and done and from what runs; and once all is well, everything is fresh and
// nothing is owed, lost events, failures and agents that were killed
// notwithstanding.
func TestRandomInterleavings(t *testing.T) {
	for seed := range uint64(soak.Times(300, 20_000)) {
		w := &world{
			rng:  rand.New(rand.NewPCG(seed, 0)),
			disk: make(map[string]int), told: make(map[string]bool),
			edges: map[[2]string]bool{{"a.py", "d.py"}: true, {"b.py", "d.py"}: true, {"d.py", "e.py"}: true},
		}
		for _, path := range worldFiles {
			w.disk[path] = 0
		}
		w.restart(t, false)
		for range 120 {
			if w.step(t); t.Failed() {
				break
			}
		}
		if !t.Failed() {
			w.settle(t)
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
}

// settle mends what is broken and lets everything be done.
func (w *world) settle(t *testing.T) {
	w.pause = false
	for path, content := range w.disk {
		if content == brokenContent {
			w.disk[path] = 1
		}
	}
	w.rescan()
	always := func() bool { return true }
	for range 2 { // what failed just before is taken up by the second
		for w.decide(t); len(w.queue) > 0; {
			w.work(t, always)
		}
	}
	if plan := w.decide(t); len(plan.Steps)+len(plan.Holds)+len(plan.Owed) > 0 {
		t.Errorf("at rest there is still something to do:\n%s", formatPlan(plan))
	}
	for _, s := range worldServices {
		if now := w.now(s); w.up[s] && w.runs[s].Fingerprint() != now.Fingerprint() {
			t.Errorf("%s is stale", s)
		}
	}
}
