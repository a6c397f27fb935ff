package decider

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bounce/watcher"

	"bounce/internal/soak"
)

// world is a tree, the services on it and what an agent keeps, in the plainest
// terms: what is decided is compared with what follows from these.
type world struct {
	rng *rand.Rand
	log []string

	disk  map[string]int      // content by path
	edges map[[2]string]bool  // imports that the content would have
	told  map[string]bool     // changed paths that the next batch names
	known map[string]int      // disk as of the last batch
	graph map[[2]string]bool  // edges as of the last batch
	up    map[string]bool     // services that are meant to run
	runs  map[string]*Version // what the last generation was started from
	owed  []Step
	wants map[string]bool // actions that must be run
	asked map[string]bool // services whose restart an action asked for
	pause bool
}

const brokenContent = 9

var (
	worldFiles    = []string{"a.py", "b.py", "c.py", "d.py", "e.py", "x.sql", "README.md"}
	worldEntries  = map[string]string{"api": "a.py", "worker": "b.py", "cron": "c.py"}
	worldServices = []string{"api", "cron", "worker"}
	worldRules    = Rules{
		Rules: []Rule{
			{Pattern: "*.sql", Actions: []string{"migrate"}},
			{Pattern: "b.py", Actions: []string{"build", "bump"}},
			{Pattern: "**", Actions: nil},
		},
		Actions: map[string]Action{
			"migrate": {Name: "migrate", Order: 10, Command: true, Restart: []string{"api"}},
			"build":   {Name: "build", Order: 20, Command: true},
			"bump":    {Name: "bump", Order: 200, Restart: []string{"cron"}},
		},
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

// imports are the edges between files that are there.
func (w *world) imports() map[[2]string]bool {
	there := make(map[[2]string]bool)
	for e := range w.edges {
		_, from := w.disk[e[0]]
		_, to := w.disk[e[1]]
		if from && to {
			there[e] = true
		}
	}
	return there
}

func (w *world) now(service string) Version {
	v := Version{Files: make(map[string]watcher.Hash)}
	for path := range loads(w.imports(), worldEntries[service], nil) {
		if content, ok := w.disk[path]; ok {
			v.Files[path] = watcher.Hash{1, byte(content)}
		}
	}
	return v
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

// input is what the agent would ask now, and takes it as asked.
func (w *world) input() Input {
	in := Input{
		Before: asText(w.graph), After: asText(w.imports()),
		Rules: worldRules, Owed: w.owed, Broken: make(map[string]Problem),
	}
	for _, path := range worldFiles {
		was, before := w.known[path]
		is, after := w.disk[path]
		if after && is == brokenContent {
			in.Broken[path] = Problem{1, "SyntaxError: invalid syntax"}
		}
		if !w.told[path] || before == after && was == is {
			continue
		}
		kind := watcher.Modified
		switch {
		case !before:
			kind = watcher.Created
		case !after:
			kind = watcher.Deleted
		}
		in.Batch.Changes = append(in.Batch.Changes, watcher.Change{Path: path, Kind: kind})
	}
	for _, s := range worldServices {
		in.Services = append(in.Services, Service{Name: s, Order: 100, Up: w.up[s], Now: w.now(s), Last: w.runs[s]})
	}
	if w.pause {
		in.Paused = &Hold{Kind: "paused", What: "bounce hold", EndsWhen: "bounce resume"}
	}
	// What the rules ask for, in the plainest terms.
	for _, c := range in.Batch.Changes {
		edges := w.imports()
		if c.Kind == watcher.Deleted {
			edges = w.graph
		}
		for _, path := range worldFiles {
			if loads(edges, path, nil)[c.Path] {
				switch path {
				case "x.sql":
					w.wants["migrate"] = true
					w.ask("api")
				case "b.py":
					w.wants["build"] = true
					w.ask("cron")
				}
			}
		}
	}
	w.known, w.graph = maps.Clone(w.disk), w.imports()
	clear(w.told)
	return in
}

func (w *world) ask(service string) {
	if w.up[service] && w.runs[service] != nil {
		w.asked[service] = true
	}
}

// expect says in one line each what must become of services and actions.
func (w *world) expect() []string {
	var want []string
	for _, s := range worldServices {
		now := w.now(s)
		stale, broken := false, false
		if last := w.runs[s]; last != nil {
			stale = !maps.Equal(now.Files, last.Files)
			for path, hash := range now.Files {
				if hash == (watcher.Hash{1, brokenContent}) && last.Files[path] != hash {
					broken = true
				}
			}
		}
		switch {
		case !w.up[s]:
			w.asked[s] = false
			want = append(want, s+" stopped by operator")
		case w.runs[s] == nil:
			want = append(want, s+" not started")
		case !stale && !w.asked[s]:
			want = append(want, s+" left")
		case w.pause:
			want = append(want, s+" paused")
		case broken:
			want = append(want, s+" syntax")
		default:
			want = append(want, s+" restart")
		}
	}
	for _, a := range slices.Sorted(maps.Keys(w.wants)) {
		if w.pause {
			want = append(want, a+" paused")
		} else {
			want = append(want, a+" action")
		}
	}
	slices.Sort(want)
	return want
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

// apply takes the steps; each fails when luck says so.
func (w *world) apply(p Plan, luck func() bool) {
	w.owed = nil
	done := make(map[string]bool)
	for _, s := range p.Steps {
		if !luck() {
			w.note("%s %s fails", s.Kind, s.Name)
			continue
		}
		done[s.Name] = true
		if s.Kind == RunAction {
			delete(w.wants, s.Name)
		} else {
			now := w.now(s.Name)
			w.runs[s.Name] = &now
			w.asked[s.Name] = false
		}
	}
	for _, s := range p.Owed {
		if !done[s.Name] {
			w.owed = append(w.owed, s)
		}
	}
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) decide(t *testing.T, luck func() bool) Plan {
	in := w.input()
	plan := Decide(in)
	checkPlan(t, in, plan)
	w.note("decide: %s", outline(plan))
	if got, want := outline(plan), w.expect(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// The rules' part of a plan is what the decide verb prints.
	var paths []string
	for _, c := range in.Batch.Changes {
		paths = append(paths, c.Path)
	}
	deleted := func(path string) bool {
		return slices.ContainsFunc(in.Batch.Changes, func(c watcher.Change) bool {
			return c.Path == path && c.Kind == watcher.Deleted
		})
	}
	for _, f := range in.Rules.Fire(paths, Across(in.Before, in.After, deleted)).Actions {
		if in.Rules.Actions[f.Name].Command && !slices.ContainsFunc(plan.Owed, func(s Step) bool { return s.Name == f.Name }) {
			t.Errorf("decide fires %s, the plan does not", f.Name)
		}
	}
	w.apply(plan, luck)
	return plan
}

func (w *world) step(t *testing.T) {
	pick := func(list []string) string { return list[w.rng.IntN(len(list))] }
	switch n := w.rng.IntN(20); {
	case n < 8:
		path, content := pick(worldFiles), w.rng.IntN(3)
		w.disk[path], w.told[path] = content, true
		w.note("write %s %d", path, content)
	case n == 8:
		path := pick(worldFiles)
		w.disk[path], w.told[path] = brokenContent, true
		w.note("break %s", path)
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
			w.disk[from], w.told[from] = 3+w.rng.IntN(5), true
			w.note("%s imports %s: %t", from, to, w.edges[e])
		}
	case n == 11:
		clear(w.told)
		w.note("events are lost")
	case n == 12:
		s := pick(worldServices)
		w.up[s] = false
		w.asked[s] = false
		w.note("stop %s", s)
	case n == 13:
		s := pick(worldServices)
		if !w.up[s] {
			now := w.now(s)
			w.up[s], w.runs[s] = true, &now
			w.asked[s] = false
			w.owed = slices.DeleteFunc(w.owed, func(o Step) bool { return o.Name == s })
			w.note("start %s", s)
		}
	case n == 14:
		w.pause = !w.pause
		w.note("paused: %t", w.pause)
	default:
		w.decide(t, func() bool { return w.rng.IntN(4) > 0 })
	}
}

// Whatever happens in whatever order, each decision follows from what is on
// disk and what runs; and once all is well, everything is fresh and nothing is
// owed, lost events and failures notwithstanding.
func TestRandomInterleavings(t *testing.T) {
	for seed := range uint64(soak.Times(300, 20_000)) {
		w := &world{
			rng:  rand.New(rand.NewPCG(seed, 0)),
			disk: make(map[string]int), known: make(map[string]int), told: make(map[string]bool),
			edges: map[[2]string]bool{{"a.py", "d.py"}: true, {"b.py", "d.py"}: true, {"d.py", "e.py"}: true},
			up:    make(map[string]bool), runs: make(map[string]*Version),
			wants: make(map[string]bool), asked: make(map[string]bool),
		}
		for _, path := range worldFiles {
			w.disk[path], w.known[path] = 0, 0
		}
		w.graph = w.imports()
		for _, s := range worldServices {
			if w.up[s] = true; w.rng.IntN(5) > 0 {
				now := w.now(s)
				w.runs[s] = &now
			}
		}
		for range 80 {
			if w.step(t); t.Failed() {
				break
			}
		}
		w.pause = false
		for path, content := range w.disk {
			if content == brokenContent {
				w.disk[path], w.told[path] = 1, true
			}
		}
		always := func() bool { return true }
		w.decide(t, always)
		if plan := w.decide(t, always); len(plan.Steps)+len(plan.Holds)+len(plan.Owed) > 0 {
			t.Errorf("at rest there is still something to do:\n%s", formatPlan(plan))
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
}
