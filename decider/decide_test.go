package decider

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bounce/watcher"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each file of an archive is a situation and, behind "plan:", what is decided.
//
//	graph: a.py->b.py:3; b.py->c.py    the imports after the batch
//	before: ...                        and before it, when that differs
//	service: api a.py                  a service and its entries, and then
//	  order=50 watch=*.html env=.env   its order, globs, env files,
//	  start=command down new           parts that differ, not meant to run,
//	                                   never started
//	file: x.html                       another file that is there all along
//	rule: *.sql -> migrate             a rule
//	action: migrate 10 command         an action with its order, which runs a
//	action: all 20 restart=api         command, restarts services or sends
//	  signal=api:HUP                   them a signal
//	fallback: all | NAME...            the fallback
//	change: modified b.py              a change of the batch
//	undone: b.py                       in the batch, and back to what services have
//	cosmetic: b.py                     in the batch, with the same code
//	lost: modified b.py                not in the batch, but different
//	package: api lib 1 2 api.py:3 x    a distribution that the service loads, its
//	                                   version before and now, - for none and '
//	                                   behind one that was rebuilt, and what
//	                                   leads to it
//	known: api lib 1 2 api.py:3        the same, decided on before
//	broken: b.py:3 SyntaxError: ...    does not compile
//	paused: git rebase                 what holds everything
//	owed: restart NAME ORDER - WORD    what is owed without a file
//	owed: action|restart|signal NAME ORDER PATH RULE
//	  since begun underway             the file holds what it did before it;
//	  by=ACTION behind=FILE            has begun; is under way; what the rule
//	                                   named; the file that it matched
//	initial:                           the batch is the first
//	classifier:                        there is one to ask
//	answer: modified a -> NAME...      what was learnt of an earlier change
//	answer: modified a                 that nothing was
func TestDecide(t *testing.T) {
	for _, file := range glob1(t, "decide/*.txtar") {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var old, new strings.Builder
		for i, f := range a.Files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+f.Name, func(t *testing.T) {
				situation, _, _ := strings.Cut(string(f.Data), "plan:\n")
				in, err := parseInput(situation)
				if err != nil {
					t.Fatal(err)
				}
				plan := Decide(in)
				checkPlan(t, in, plan)
				fmt.Fprintf(&old, "-- %s --\n%s", f.Name, f.Data)
				a.Files[i].Data = []byte(situation + "plan:\n" + formatPlan(plan) + "\n")
				fmt.Fprintf(&new, "-- %s --\n%s", f.Name, a.Files[i].Data)
			})
		}
		golden(t, file, old.String(), new.String(), func() []byte { return txtar.Format(a) })
	}
}

// TestAsked: each file of asked.txtar is a situation, of which what is owed and
// the rules count, and behind "asked:" what of it these rules ask for.
func TestAsked(t *testing.T) {
	const file = "../testdata/decider/asked.txtar"
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := string(txtar.Format(a))
	for i, f := range a.Files {
		situation, _, _ := strings.Cut(string(f.Data), "asked:\n")
		in, err := parseInput(situation)
		if err != nil {
			t.Fatal(err)
		}
		before := formatPlan(Plan{Owed: in.Owed})
		asked := in.Owed.Asked(in.Rules)
		if after := formatPlan(Plan{Owed: in.Owed}); after != before {
			t.Errorf("%s: what was owed is another: %s", f.Name, difference(before, after))
		}
		for _, d := range asked {
			for path := range d.Since {
				if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Path == path }) {
					t.Errorf("%s: %s is owed for %s without a reason", f.Name, d.Name, path)
				}
			}
		}
		a.Files[i].Data = []byte(situation + "asked:\n" + formatPlan(Plan{Owed: asked}) + "\n")
	}
	golden(t, file, old, string(txtar.Format(a)), func() []byte { return txtar.Format(a) })
}

// checkPlan checks what holds for every plan.
func checkPlan(t *testing.T, in Input, plan Plan) {
	t.Helper()
	// The order in which the input is written down means nothing.
	for seed := range uint64(3) {
		if again := Decide(shuffled(in, seed)); !reflect.DeepEqual(again, plan) {
			t.Errorf("another order of the input gives\n%s\nnot\n%s", formatPlan(again), formatPlan(plan))
		}
	}
	if !slices.IsSortedFunc(plan.Steps, inOrder) {
		t.Errorf("the steps are not in order: %v", plan.Steps)
	}
	// Every service is in the plan exactly once.
	seen := make(map[string]int)
	signalled := make(map[string]bool)
	for _, s := range plan.Steps {
		if s.Kind == RestartService || s.Kind == SignalService && !signalled[s.Name] {
			seen[s.Name]++
		}
		signalled[s.Name] = s.Kind == SignalService
		if len(s.Reasons) == 0 {
			t.Errorf("no reason for %s", s.Name)
		}
	}
	for _, h := range plan.Holds {
		if h.Service != "" {
			seen[h.Service]++
		}
		if h.EndsWhen == "" {
			t.Errorf("nothing ends the hold %+v", h)
		}
	}
	for _, l := range plan.Left {
		seen[l.Service]++
	}
	for _, s := range in.Services {
		if seen[s.Name] != 1 {
			t.Errorf("the plan speaks of %s %d times", s.Name, seen[s.Name])
		}
	}
	if len(seen) > len(in.Services) {
		t.Errorf("the plan speaks of services that are not there: %v", seen)
	}
}

func shuffled(in Input, seed uint64) Input {
	rng := rand.New(rand.NewPCG(seed, 0))
	in.Services = slices.Clone(in.Services)
	rng.Shuffle(len(in.Services), reflect.Swapper(in.Services))
	in.Batch.Changes = slices.Clone(in.Batch.Changes)
	rng.Shuffle(len(in.Batch.Changes), reflect.Swapper(in.Batch.Changes))
	in.Owed = slices.Clone(in.Owed)
	rng.Shuffle(len(in.Owed), reflect.Swapper(in.Owed))
	in.Answers = slices.Clone(in.Answers)
	rng.Shuffle(len(in.Answers), reflect.Swapper(in.Answers))
	return in
}

var (
	hashOld = watcher.Hash{1}
	hashNew = watcher.Hash{2}
	// hashBefore is what no file holds today.
	hashBefore = watcher.Hash{3}
)

func parseInput(text string) (Input, error) {
	in := Input{
		Batch:  watcher.Batch{Seq: 7, Cause: "edit"},
		Rules:  Rules{Actions: make(map[string]Action)},
		Broken: make(map[string]Problem),
	}
	after, before := "", ""
	hasBefore := false
	kinds := map[string]watcher.Kind{"created": watcher.Created, "modified": watcher.Modified, "deleted": watcher.Deleted}
	differs := make(map[string]watcher.Kind) // from what the services have
	var files []string
	entries := make(map[string][]string)
	starts := make(map[string][]string)
	var fresh []string
	had, has := make(map[string]map[string]Package), make(map[string]map[string]Package)
	needs := make(map[string][]Link)
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		words := strings.Fields(value)
		switch key {
		case "graph":
			after += ";" + value
		case "before":
			before += ";" + value
			hasBefore = true
		case "service":
			s := Service{Name: words[0], Order: 100, Up: true}
			for _, word := range words[1:] {
				option, value, _ := strings.Cut(word, "=")
				switch option {
				case "order":
					s.Order, _ = strconv.Atoi(value)
				case "watch":
					s.Watch = append(s.Watch, value)
				case "env":
					s.Env = append(s.Env, value)
				case "start":
					starts[s.Name] = append(starts[s.Name], value)
				case "down":
					s.Up = false
				case "new":
					fresh = append(fresh, s.Name)
				default:
					entries[s.Name] = append(entries[s.Name], word)
				}
			}
			in.Services = append(in.Services, s)
		case "file":
			files = append(files, value)
		case "rule":
			pattern, actions, _ := strings.Cut(value, " -> ")
			in.Rules.Rules = append(in.Rules.Rules, Rule{Pattern: strings.TrimSuffix(pattern, " ->"), Actions: strings.Fields(actions)})
		case "action":
			a := Action{Name: words[0], Order: 100}
			for _, word := range words[1:] {
				if service, ok := strings.CutPrefix(word, "restart="); ok {
					a.Restart = append(a.Restart, service)
				} else if signal, ok := strings.CutPrefix(word, "signal="); ok {
					service, signal, _ := strings.Cut(signal, ":")
					a.Signal = map[string]string{service: signal}
				} else if word == "command" {
					a.Command = true
				} else if n, err := strconv.Atoi(word); err == nil {
					a.Order = n
				} else {
					return in, fmt.Errorf("cannot read %q", line)
				}
			}
			in.Rules.Actions[a.Name] = a
		case "fallback":
			if value == "all" {
				in.Rules.Fallback.All = true
			} else {
				in.Rules.Fallback.Actions = append([]string{}, words...)
			}
		case "change":
			c := watcher.Change{Path: words[1], Kind: kinds[words[0]], Old: hashOld, New: hashNew}
			switch c.Kind {
			case watcher.Created:
				c.Old = watcher.Hash{}
			case watcher.Deleted:
				c.New = watcher.Hash{}
			}
			in.Batch.Changes = append(in.Batch.Changes, c)
			differs[words[1]] = kinds[words[0]]
		case "undone":
			in.Batch.Changes = append(in.Batch.Changes, watcher.Change{Path: value, Kind: watcher.Modified, Old: hashNew, New: hashOld})
		case "cosmetic":
			in.Batch.Changes = append(in.Batch.Changes, watcher.Change{Path: value, Kind: watcher.Modified, Old: hashOld, New: hashNew})
			if in.Cosmetic == nil {
				in.Cosmetic = make(map[string]bool)
			}
			in.Cosmetic[value] = true
		case "lost":
			differs[words[1]] = kinds[words[0]]
		case "package", "known":
			for i, versions := range []map[string]map[string]Package{had, has} {
				if versions[words[0]] == nil {
					versions[words[0]] = make(map[string]Package)
				}
				if version := words[2+i]; version != "-" {
					version, rebuilt := strings.CutSuffix(version, "'")
					p := Package{Version: version}
					if rebuilt {
						p.Sum = hashNew
					}
					versions[words[0]][words[1]] = p
				}
			}
			needs[words[0]+" "+words[1]] = linksOf(words[4:], words[1])
			if key == "package" && in.Installed == nil {
				in.Installed = make(map[string]bool)
			}
			if key == "package" {
				in.Installed[words[1]] = true
			}
		case "broken":
			at, what, _ := strings.Cut(value, " ")
			path, line, _ := strings.Cut(at, ":")
			n, err := strconv.Atoi(line)
			if err != nil {
				return in, err
			}
			in.Broken[path] = Problem{n, what}
		case "blocked":
			name, what, _ := strings.Cut(value, " ")
			i := slices.IndexFunc(in.Services, func(s Service) bool { return s.Name == name })
			if i < 0 {
				return in, fmt.Errorf("no service %q", name)
			}
			in.Services[i].Blocked = &Hold{Kind: "config", What: what, EndsWhen: what + " is over"}
		case "paused":
			in.Paused = &Hold{Kind: "git", What: value, EndsWhen: value + " is done"}
		case "owed":
			if err := oweInput(&in.Owed, words); err != nil {
				return in, err
			}
		case "initial":
			in.Batch.Initial = true
		case "classifier":
			in.Classifier = true
		case "answer":
			what, actions, ok := strings.Cut(value, " ->")
			kind, path, _ := strings.Cut(what, " ")
			in.Answers = append(in.Answers, Answer{
				Changes: []watcher.Change{{Path: path, Kind: kinds[kind], Old: hashOld, New: hashNew}},
				Actions: strings.Fields(actions), Failed: !ok,
			})
		default:
			return in, fmt.Errorf("cannot read %q", line)
		}
	}
	g, err := parseGraph(after)
	if err != nil {
		return in, err
	}
	old := g
	if hasBefore {
		if old, err = parseGraph(before); err != nil {
			return in, err
		}
	}
	g.entries, old.entries = entries, entries
	g.needs, old.needs = needs, needs
	in.After, in.Before = g, old

	in.Files = treeOf(in, g, files)
	for path := range differs {
		files = append(files, path)
	}
	for i := range in.Services {
		s := &in.Services[i]
		last := Version{Start: map[string]string{"command": "x"}}
		now := Version{Start: map[string]string{"command": "x"}}
		last.Packages, now.Packages = had[s.Name], has[s.Name]
		had, has := make(map[string]watcher.Hash), make(map[string]watcher.Hash)
		load := func(path string, now, last map[string]watcher.Hash) {
			kind := differs[path]
			if last != nil && kind != watcher.Created {
				last[path] = hashOld
			}
			if now != nil && kind != watcher.Deleted {
				now[path] = hashOld
				if kind != 0 {
					now[path] = hashNew
				}
			}
		}
		for path := range old.reach(s.Name) {
			load(path, nil, had)
		}
		for path := range g.reach(s.Name) {
			load(path, has, nil)
		}
		for _, path := range files {
			for _, glob := range s.Watch {
				if Match(glob, path) {
					load(path, has, had)
				}
			}
		}
		last.Files, now.Files = FilesOf(had), FilesOf(has)
		for _, part := range starts[s.Name] {
			now.Start[part] = "new"
		}
		s.Now = now
		if !slices.Contains(fresh, s.Name) {
			s.Last = &last
		}
	}
	return in, nil
}

// linksOf reads what leads to a distribution: FILE:LINE and then names.
func linksOf(words []string, to string) (chain []Link) {
	for i, word := range words {
		from, at, _ := strings.Cut(word, ":")
		line, _ := strconv.Atoi(at) // 0 of what is no file
		next := to
		if i+1 < len(words) {
			next = words[i+1]
		}
		chain = append(chain, Link{from, line, next})
	}
	return chain
}

// oweInput adds what a line says to what is owed.
func oweInput(owed *Debts, words []string) error {
	name, signal, _ := strings.Cut(words[1], ":")
	order, err := strconv.Atoi(words[2])
	if err != nil {
		return err
	}
	step := Step{Kind: StepKind(words[0]), Name: name, Signal: signal, Order: order}
	i := slices.IndexFunc(*owed, func(d Debt) bool { return d.target() == step.target() })
	if i < 0 {
		i = len(*owed)
		*owed = append(*owed, Debt{Step: step, Since: make(map[string]watcher.Hash)})
	}
	d := &(*owed)[i]
	if words[3] == "-" {
		d.Reasons = append(d.Reasons, Reason{Change: words[4]})
		return nil
	}
	d.Reasons = append(d.Reasons, Reason{Path: words[3], Change: "modified", Rule: words[4]})
	d.Since[words[3]] = hashBefore
	last := &d.Reasons[len(d.Reasons)-1]
	for _, word := range words[5:] {
		option, value, _ := strings.Cut(word, "=")
		switch option {
		case "by":
			last.Action = value
		case "behind":
			last.Chain = []Link{{From: value, Line: 1, To: words[3]}}
		case "since":
			d.Since[words[3]] = hashOld
		case "begun":
			d.Begun = true
		case "underway":
			d.UnderWay = true
		default:
			return fmt.Errorf("cannot read %q of what is owed", word)
		}
	}
	return nil
}

// treeOf returns the tree after the batch: files hold the old hash unless the
// batch says otherwise.
func treeOf(in Input, g *textGraph, files []string) map[string]watcher.Hash {
	tree := make(map[string]watcher.Hash)
	for _, path := range files {
		tree[path] = hashOld
	}
	for _, d := range in.Owed {
		for path := range d.Since {
			tree[path] = hashOld
		}
	}
	changes := slices.Clone(in.Batch.Changes)
	for _, answer := range in.Answers {
		if !slices.Contains(files, answer.Changes[0].Path) { // else it is back
			changes = append(changes, answer.Changes...)
		}
	}
	for _, c := range changes {
		if tree[c.Path] = c.New; c.Kind == watcher.Deleted {
			delete(tree, c.Path)
		}
	}
	return tree
}

// formatPlan writes a plan as the archives do.
func formatPlan(p Plan) string {
	var b strings.Builder
	step := func(word string, s Step) {
		fmt.Fprintf(&b, "%s%s %s", word, s.Kind, s.Name)
		if s.Signal != "" {
			fmt.Fprintf(&b, ":%s", s.Signal)
		}
		fmt.Fprintf(&b, " %d\n", s.Order)
	}
	reasons := func(list []Reason) {
		for _, r := range list {
			fmt.Fprintf(&b, "  %s\n", formatReason(r))
		}
	}
	for _, s := range p.Steps {
		step("", s)
		reasons(s.Reasons)
	}
	for _, h := range p.Holds {
		fmt.Fprintf(&b, "hold %s %s%s: %s", h.Kind, h.Service, h.Action, h.What)
		if h.Path != "" {
			fmt.Fprintf(&b, " at %s:%d", h.Path, h.Line)
		}
		fmt.Fprintf(&b, "; ends when %s\n", h.EndsWhen)
		reasons(h.Reasons)
	}
	for _, l := range p.Left {
		fmt.Fprintf(&b, "left %s: %s\n", l.Service, l.Why)
		reasons(l.Reasons)
	}
	for _, d := range p.Owed {
		step("owed "+marks(d), d.Step)
		reasons(d.Reasons)
	}
	for _, name := range p.Installed {
		fmt.Fprintf(&b, "installed %s\n", name)
	}
	for _, path := range p.Unmatched {
		fmt.Fprintf(&b, "unmatched %s\n", path)
	}
	for _, path := range p.Ask {
		fmt.Fprintf(&b, "ask %s\n", path)
	}
	if p.FallbackApplied {
		b.WriteString("fallback\n")
	}
	return b.String()
}

// marks says how far a debt is.
func marks(d Debt) (words string) {
	if d.Begun {
		words += "begun "
	}
	if d.UnderWay {
		words += "underway "
	}
	return words
}

func formatReason(r Reason) string {
	var b strings.Builder
	b.WriteString(r.Change)
	if r.Path != "" {
		b.WriteString(" " + r.Path)
	}
	if r.Package != "" {
		fmt.Fprintf(&b, " package %s %s -> %s", r.Package, cmp.Or(r.Old, "none"), cmp.Or(r.New, "none"))
	}
	for i, l := range r.Chain {
		sep := ","
		if i == 0 {
			sep = ":"
		}
		fmt.Fprintf(&b, "%s %s:%d imports %s", sep, l.From, l.Line, l.To)
	}
	switch {
	case r.Action != "":
		fmt.Fprintf(&b, " [%s -> %s]", r.Rule, r.Action)
	case r.Rule != "":
		fmt.Fprintf(&b, " [%s]", r.Rule)
	}
	return b.String()
}
