package runner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bounce/internal/soak"
)

func always(string) bool { return true }

// Other groups are others; the same ones go on counting.
func TestRegrouped(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	groups := []Group{
		parseGroup(t, "group same one_for_all 1/10s hold: a b"),
		parseGroup(t, "group other one_for_all 1/10s hold: c d"),
	}
	tree := newTree(groups)
	for _, name := range []string{"a", "c"} {
		tree.crash(name, now, always)
		tree.began(name)
	}
	groups[1].Budget.Restarts = 2
	tree = tree.regrouped(groups)
	for service, want := range map[string]string{"a": "same hold a b", "c": "other restarts d"} {
		if got := tree.crash(service, now.Add(time.Second), always).String(); got != want {
			t.Errorf("crash of %s: got %s, want %s", service, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	eachCase(t, "groups.txt", func(t *testing.T, lines []string) {
		var groups []Group
		for len(lines) > 0 && strings.HasPrefix(lines[0], "group ") {
			groups = append(groups, parseGroup(t, lines[0]))
			lines = lines[1:]
		}
		tree := newTree(groups)
		begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, line := range lines {
			question, want, ok := strings.Cut(line, " -> ")
			words := strings.Fields(question)
			if !ok || len(words) != 3 {
				t.Fatalf("cannot read %q", line)
			}
			now, got := begin.Add(duration(t, words[0])), "-"
			switch words[1] {
			case "crash":
				got = tree.crash(words[2], now, always).String()
			case "began":
				tree.began(words[2])
			case "rearm":
				if others := tree.rearm(words[2], now); len(others) > 0 {
					got = strings.Join(others, " ")
				}
			default:
				t.Fatalf("cannot read %q", line)
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", question, got, want)
			}
		}
	})
}

// String says a ruling as the cases do.
func (r ruling) String() string {
	var words []string
	switch {
	case r.group == "":
		return "-"
	case r.then != "":
		words = append([]string{r.group, string(r.then)}, r.stop...)
	default:
		words = append([]string{r.group, "restarts"}, r.restart...)
	}
	if len(r.spent) > 0 && r.spent[len(r.spent)-1] == r.group {
		r.spent = r.spent[:len(r.spent)-1] // that it gave up says so
	}
	if len(r.spent) > 0 {
		words = append(append(words, "after"), r.spent...)
	}
	return strings.Join(words, " ")
}

// parseGroup reads "group NAME STRATEGY RESTARTS/WINDOW [HOW]: MEMBERS".
func parseGroup(t *testing.T, line string) Group {
	head, members, _ := strings.Cut(line, ":")
	words := strings.Fields(head)
	restarts, window, ok := strings.Cut(words[3], "/")
	n, err := strconv.Atoi(restarts)
	if !ok || err != nil {
		t.Fatalf("cannot read %q", line)
	}
	g := Group{
		Name: words[1], Strategy: GroupStrategy(words[2]), Members: strings.Fields(members),
		Budget: Budget{Restarts: n, Window: duration(t, window)}, OnExhausted: HoldExhausted,
	}
	if len(words) > 4 {
		how, wait, _ := strings.Cut(words[4], "=")
		g.OnExhausted = Exhausted(how)
		if wait, times, limited := strings.Cut(wait, "/"); wait != "" {
			g.Cooldown = duration(t, wait)
			if limited {
				if g.MaxCooldowns, err = strconv.Atoi(times); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return g
}

// TestGroupsKeepTheirOrder checks before by the places of services in a tree.
func TestGroupsKeepTheirOrder(t *testing.T) {
	tree := newTree([]Group{
		{Name: "top", Strategy: RestForOne, Members: []string{"a", "free", "b", "all"}},
		{Name: "free", Strategy: OneForOne, Members: []string{"c", "d", "chain"}},
		{Name: "chain", Strategy: RestForOne, Members: []string{"e", "f"}},
		{Name: "all", Strategy: OneForAll, Members: []string{"g", "h"}},
		{Name: "other", Strategy: OneForAll, Members: []string{"i"}},
	})
	want := map[string]string{
		"a": "b c d e f g h", "b": "g h", "c": "b g h", "d": "b g h", "e": "b f g h", "f": "b g h", "g": "h",
	}
	for _, a := range strings.Split("abcdefghixy", "") {
		var after []string
		for _, b := range strings.Split("abcdefghixy", "") {
			if tree.before(a, b) {
				after = append(after, b)
			}
		}
		if got := strings.Join(after, " "); got != want[a] {
			t.Errorf("%s comes before %q, want %q", a, got, want[a])
		}
	}
}

func TestGroupsAreChecked(t *testing.T) {
	services := map[string]Spec{"a": {}, "b": {}}
	group := func(name string, members ...string) Group {
		return Group{Name: name, Strategy: OneForOne, Members: members}
	}
	for want, groups := range map[string][]Group{
		"":              {group("g", "a", "h"), group("h", "b")},
		"has no name":   {group("a", "b")},
		"one that some": {group("g", "b"), group("g", "a")},
		`strategy "x"`:  {{Name: "g", Strategy: "x"}},
		`member "z", which is neither a service nor a group`: {group("g", "z")},
		`"a" is in the groups "g" and "h"`:                   {group("g", "a"), group("h", "a")},
		`"a" is in the groups "g" and "g"`:                   {group("g", "a", "a")},
		"groups contain each other: g -> g":                  {group("g", "g")},
		"groups contain each other: h -> i -> h":             {group("g", "a"), group("h", "i"), group("i", "h")},
	} {
		err := checkGroups(groups, services)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", groups, err, want)
		}
	}
}

// ledger is the model: it keeps the whole story and looks through all of it.
// Each service has its place in the tree, such as "1.0.2".
type ledger struct {
	groups map[string]Group // by place
	places map[string]string
	// story has every restart, by the place of the group that paid; forgiven
	// says where in it a group began anew.
	story    []entry
	pending  map[string]bool
	cooled   map[string]time.Time
	times    map[string]int
	held     map[string]bool
	forgiven map[string]int
}

type entry struct {
	place string
	at    time.Time
}

func parentOf(place string) string {
	if i := strings.LastIndexByte(place, '.'); i >= 0 {
		return place[:i]
	}
	return ""
}

func beneath(place, group string) bool { return strings.HasPrefix(place, group+".") }

func (l *ledger) out(group string, now time.Time) bool {
	return l.held[group] || now.Before(l.cooled[group])
}

// gone reports whether a group between place and below (or any, if that is "")
// has given up.
func (l *ledger) gone(place, below string, now time.Time) bool {
	for g := parentOf(place); g != below && g != ""; g = parentOf(g) {
		if l.out(g, now) {
			return true
		}
	}
	return false
}

func (l *ledger) forget(group string) {
	l.forgiven[group] = len(l.story)
	delete(l.held, group)
	delete(l.cooled, group)
	delete(l.times, group)
}

func (l *ledger) crash(service string, now time.Time) string {
	place := l.places[service]
	if l.pending[service] || l.gone(place, "", now) {
		return "-"
	}
	var spent []string
	for member := place; ; {
		group := parentOf(member)
		if group == "" {
			return "-"
		}
		g := l.groups[group]
		count := 0
		for i, e := range l.story {
			if e.place == group && i >= l.forgiven[group] && e.at.After(now.Add(-g.Budget.Window)) {
				count++
			}
		}
		suffix := ""
		if len(spent) > 0 {
			suffix = " after " + strings.Join(spent, " ")
		}
		if count < g.Budget.Restarts {
			l.story = append(l.story, entry{group, now})
			text := g.Name + " restarts"
			for _, s := range l.sorted() {
				p := l.places[s]
				with := beneath(p, group) && (p == member || beneath(p, member))
				switch g.Strategy {
				case OneForAll:
					with = beneath(p, group)
				case RestForOne:
					with = beneath(p, group) && rank(p, group) >= rank(member, group)
				}
				if !with || l.gone(p, group, now) {
					continue
				}
				for q := parentOf(p); q != group; q = parentOf(q) {
					l.forget(q)
				}
				if s != service {
					l.pending[s] = true
					text += " " + s
				}
			}
			return text + suffix
		}
		if g.OnExhausted == EscalateExhausted && parentOf(group) != "" {
			spent = append(spent, g.Name)
			l.forget(group)
			member = group
			continue
		}
		how := g.OnExhausted
		if how == EscalateExhausted {
			how = HoldExhausted
		}
		if how == CooldownExhausted {
			if at, ok := l.cooled[group]; !ok || !now.Before(at.Add(g.Budget.Window)) {
				l.times[group] = 0
			}
			if g.MaxCooldowns > 0 && l.times[group] >= g.MaxCooldowns {
				how = HoldExhausted
			}
		}
		l.forgiven[group] = len(l.story)
		if how == CooldownExhausted {
			l.cooled[group] = now.Add(g.Cooldown)
			l.times[group]++
		} else {
			l.held[group] = true
		}
		text := g.Name + " " + string(how)
		for _, s := range l.sorted() {
			if p := l.places[s]; beneath(p, group) && !l.gone(p, group, now) {
				delete(l.pending, s)
				text += " " + s
			}
		}
		return text + suffix
	}
}

func (l *ledger) rearm(service string, now time.Time) string {
	highest := ""
	for g := parentOf(l.places[service]); g != ""; g = parentOf(g) {
		if l.out(g, now) {
			highest = g
		}
		l.forget(g)
	}
	if highest == "" {
		return ""
	}
	var others []string
	for _, s := range l.sorted() {
		if p := l.places[s]; s != service && beneath(p, highest) && !l.gone(p, highest, now) {
			others = append(others, s)
		}
	}
	return strings.Join(others, " ")
}

// rank is the index of the member of a group that a place is, or is in.
func rank(place, group string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(place, group+"."), ".")
	n, _ := strconv.Atoi(first)
	return n
}

// sorted are the services in the order of the tree. Places have one digit per
// level.
func (l *ledger) sorted() []string {
	var list []string
	for s := range l.places {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(l.places[a], l.places[b]) })
	return list
}

// TestRandomGroups lets services of random trees crash, begin and be asked for,
// and compares with the model.
func TestRandomGroups(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 7))
	for round := range soak.Times(500, 100_000) {
		l := &ledger{
			groups: map[string]Group{}, places: map[string]string{}, pending: map[string]bool{}, cooled: map[string]time.Time{},
			times: map[string]int{}, held: map[string]bool{}, forgiven: map[string]int{},
		}
		var groups []Group
		var grow func(place string, depth int) string
		grow = func(place string, depth int) string {
			g := Group{
				Name: fmt.Sprintf("g%d", len(groups)), Strategy: []GroupStrategy{OneForOne, RestForOne, OneForAll}[random.IntN(3)],
				Budget:      Budget{Restarts: random.IntN(4), Window: time.Duration(1+random.IntN(20)) * time.Second},
				OnExhausted: []Exhausted{EscalateExhausted, EscalateExhausted, HoldExhausted, CooldownExhausted, ExitExhausted}[random.IntN(5)],
				Cooldown:    time.Duration(1+random.IntN(9)) * time.Second, MaxCooldowns: random.IntN(3),
			}
			at := len(groups)
			groups = append(groups, g)
			for i := range 1 + random.IntN(3) {
				inner := fmt.Sprintf("%s.%d", place, i)
				if depth < 3 && random.IntN(3) == 0 {
					g.Members = append(g.Members, grow(inner, depth+1))
				} else {
					name := fmt.Sprintf("s%d", len(l.places))
					l.places[name] = inner
					g.Members = append(g.Members, name)
				}
			}
			groups[at], l.groups[place] = g, g
			return g.Name
		}
		grow("0", 0)
		tree := newTree(groups)
		services := l.sorted()
		now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		var story []string
		for range 60 {
			now = now.Add(time.Duration(random.IntN(4)) * time.Second)
			s := services[random.IntN(len(services))]
			var got, want, what string
			switch random.IntN(8) {
			case 0:
				what, got, want = "rearm", strings.Join(tree.rearm(s, now), " "), l.rearm(s, now)
			case 1, 2:
				what = "began"
				tree.began(s)
				delete(l.pending, s)
			default:
				what, got, want = "crash", tree.crash(s, now, always).String(), l.crash(s, now)
			}
			story = append(story, fmt.Sprintf("%s %s %s -> %s", now.Format("04:05"), what, s, got))
			if got != want {
				t.Fatalf("tree %d: want %q\n%+v\n%s", round, want, groups, strings.Join(story, "\n"))
			}
		}
	}
}
