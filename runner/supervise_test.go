package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bounce/decider"
)

// TestTogether plays the cases of together.txt.
func TestTogether(t *testing.T) {
	eachCase(t, "together.txt", func(t *testing.T, lines []string) { playTogether(t, lines, false) })
}

// TestConfiguredAnew plays those of configure.txt.
func TestConfiguredAnew(t *testing.T) {
	eachCase(t, "configure.txt", func(t *testing.T, lines []string) { playTogether(t, lines, true) })
}

// playTogether plays a case. What happens at the same time has no order where
// anyOrder says so.
func playTogether(t *testing.T, lines []string, anyOrder bool) {
	var o Options
	runs := make(map[string][]run)
	sockets := socketDir(t)
	for ; len(lines) > 0; lines = lines[1:] {
		words := strings.Fields(lines[0])
		switch words[0] {
		case "service":
			o.Specs = append(o.Specs, parseService(t, sockets, words[1:]))
			runs[words[1]] = append(runs[words[1]], run{linger: time.Second})
		case "action":
			o.Actions = append(o.Actions, Action{Name: words[1], Argv: []string{words[1]}, Timeout: time.Minute})
			runs[actionMark+words[1]] = []run{{after: time.Second}}
		case "parallel":
			o.MaxParallel = integer(t, words[1])
		case "group":
			o.Groups = append(o.Groups, parseGroup(t, lines[0]))
		case "runs":
			name := strings.TrimSuffix(words[1], ":")
			runs[name] = nil
			for _, word := range words[2:] {
				r := run{linger: time.Second}
				if after, code, ends := strings.Cut(word, "="); ends {
					r.after = duration(t, after)
					r.exit.Code = integer(t, code)
				}
				runs[name] = append(runs[name], r)
			}
		default:
			bubble(t, o, runs, func(g *rig, w *world) {
				w.rolls = slices.ContainsFunc(o.Specs, func(s Spec) bool { return s.Strategy == Rolling })
				playSteps(t, lines, o, sockets, anyOrder, g, w)
			})
			return
		}
	}
}

// playSteps does what the lines say, and compares what happens. o is what the
// runner was made from.
func playSteps(t *testing.T, lines []string, o Options, sockets string, anyOrder bool, g *rig, w *world) {
	configure := func() *Ticket {
		ticket, err := g.Configure(o.Specs, o.Actions, o.Groups, o.MaxParallel)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	for len(lines) > 0 {
		words := strings.Fields(lines[0])
		lines = lines[1:]
		var want []string
		for len(lines) > 0 && strings.HasPrefix(lines[0], "  ") {
			want = append(want, strings.TrimSpace(lines[0]))
			lines = lines[1:]
		}
		var got []string
		var ticket *Ticket
		var err error
		switch names := words[1:]; words[0] {
		case "start":
			ticket, err = g.Start(names...)
		case "started":
			asked, failed := g.Start(names...)
			if err = failed; err == nil {
				for _, r := range g.finish(asked) {
					got = append(got, r.Name+" "+string(r.State))
				}
			}
		case "restart":
			ticket, err = g.Restart(names...)
		case "stop":
			ticket, err = g.Stop(names...)
		case "change":
			ticket = g.Apply(planFor(names...))
		case "change...":
			g.Apply(planFor(names...))
		case "plan":
			results := g.finish(g.Apply(withActions(strings.Join(names, " "))))
			got = []string{strings.ReplaceAll(outcomes(results), sockets+"/", "")}
		case "begin":
			ticket = g.Apply(startOf(names))
		case "begin...":
			g.Apply(startOf(names))
		case "without":
			o = withoutServices(o, names)
			ticket = configure()
		case "without...":
			o = withoutServices(o, names)
			configure()
		case "service":
			o.Specs = withoutServices(o, names[:1]).Specs
			o.Specs = append(o.Specs, parseService(t, sockets, names))
		case "configure":
			configure()
		case "wait":
			time.Sleep(duration(t, names[0]))
		case "status":
			for _, s := range g.Status() {
				got = append(got, s.Name+" "+string(s.State))
			}
			for _, s := range g.Groups() {
				got = append(got, s.Name+" "+s.State)
			}
		case "listens":
			for _, path := range g.status(names[0]).Listen {
				got = append(got, filepath.Base(path))
			}
		case "intent":
			got = []string{string(g.status(names[0]).Intent)}
		case "reason":
			got = []string{strings.ReplaceAll(g.status(names[0]).Reason, sockets+"/", "")}
		default:
			t.Fatalf("cannot do %q", words)
		}
		if err != nil {
			t.Fatal(err)
		}
		if ticket != nil {
			g.finish(ticket)
		}
		synctest.Wait()
		if text := w.events(); text != "" {
			events := strings.Split(text, "; ")
			if anyOrder {
				slices.SortStableFunc(events, func(a, b string) int {
					at, what, _ := strings.Cut(a, " ")
					at2, what2, _ := strings.Cut(b, " ")
					if at != at2 {
						return 0
					}
					return strings.Compare(what, what2)
				})
			}
			got = append(got, events...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", strings.Join(words, " "), strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

// startOf returns a plan by which services are to be up.
func startOf(names []string) decider.Plan {
	p := planFor(names...)
	for i := range p.Steps {
		p.Steps[i].Reasons = []decider.Reason{{Change: decider.Started}}
	}
	return p
}

// withoutServices returns what is left of a configuration, in its groups too.
func withoutServices(o Options, names []string) Options {
	out := func(name string) bool { return slices.Contains(names, name) }
	o.Specs = slices.DeleteFunc(slices.Clone(o.Specs), func(s Spec) bool { return out(s.Name) })
	o.Groups = slices.Clone(o.Groups)
	for i := range o.Groups {
		o.Groups[i].Members = slices.DeleteFunc(slices.Clone(o.Groups[i].Members), out)
	}
	return o
}

// parseService reads "NAME [DEPENDENCY]... [KEY=VALUE]...". Paths that it listens
// on are in the directory sockets.
func parseService(t *testing.T, sockets string, words []string) Spec {
	s := fakeSpec(words[0])
	s.Restart.Backoff = Backoff{Base: time.Second, Factor: 1, Max: time.Second}
	s.Restart.Budget.Restarts = 3
	s.Restart.OnExhausted = HoldExhausted
	for _, word := range words[1:] {
		parts := strings.Split(word, "/")
		if key, value, ok := strings.Cut(parts[0], "="); ok {
			switch key {
			case "when":
				s.Restart.When = When(value)
			case "restarts":
				s.Restart.Budget.Restarts = integer(t, value)
			case "exhausted":
				s.Restart.OnExhausted = Exhausted(value)
			case "listen":
				s.Listen = append(s.Listen, Listen{Unix: filepath.Join(sockets, value)})
			case "strategy":
				s.Strategy, s.Ready = Strategy(value), rollingSpec(s.Name).Ready
			default:
				t.Fatalf("no such key: %q", word)
			}
			continue
		}
		d := Dependency{Name: parts[0]}
		for _, part := range parts[1:] {
			switch key, value, _ := strings.Cut(part, "="); key {
			case "failure":
				d.OnFailure = Follow(value)
			case "restart":
				d.OnRestart = Follow(value)
			default:
				d.Condition = Condition(part)
			}
		}
		s.DependsOn = append(s.DependsOn, d)
	}
	return s
}

func integer(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestThoseThatCrashTogetherAreBackTogether has all members of a group lose
// what they need at the same moment: each counts once, and all are back within
// one backoff.
func TestThoseThatCrashTogetherAreBackTogether(t *testing.T) {
	var specs []Spec
	runs := make(map[string][]run)
	group := Group{Name: "g", Strategy: OneForAll, Budget: Budget{Restarts: 1, Window: time.Hour}, OnExhausted: HoldExhausted}
	for i := range 8 {
		name := fmt.Sprintf("s%d", i)
		specs = append(specs, fakeSpec(name))
		group.Members = append(group.Members, name)
		runs[name] = []run{{after: 5 * time.Second, exit: Exit{Code: 1}}, {}}
	}
	bubble(t, Options{Specs: specs, Groups: []Group{group}}, runs, func(g *rig, w *world) {
		if got, err := g.Start(group.Members...); err != nil {
			t.Fatal(err)
		} else {
			g.finish(got)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		for _, s := range g.Status() {
			if s.State != StateUnverified || s.Generation != 2 {
				t.Errorf("%s is %s in generation %d", s.Name, s.State, s.Generation)
			}
		}
		if got := g.Groups(); len(got) != 1 || got[0].State != "running" || got[0].Restarts != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// TestCloseKeepsTheOrderOfGroups stops a runner whose members take their time.
func TestCloseKeepsTheOrderOfGroups(t *testing.T) {
	slow := []run{{linger: time.Second}}
	bubble(t, Options{
		Specs:  []Spec{fakeSpec("a"), fakeSpec("b"), fakeSpec("c")},
		Groups: []Group{{Name: "g", Strategy: RestForOne, Members: []string{"a", "b", "c"}}},
	}, map[string][]run{"a": slow, "b": slow, "c": slow}, func(g *rig, w *world) {
		g.up("a", "b", "c")
		w.events()
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Fatal(err)
		}
		w.expect("closed", "1s end c/1 ended by SIGTERM; 2s end b/1 ended by SIGTERM; 3s end a/1 ended by SIGTERM")
	})
}
