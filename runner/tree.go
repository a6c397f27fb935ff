package runner

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// tree is the groups of a runner and what they have paid. It has no clock and
// does nothing: it is told of crashes, and says what follows.
//
// It differs from OTP's supervisors in two points. A child there has no budget
// of its own; here a service's own policy comes first, and a crash that the
// policy answers with a restart is what the group pays for. And a supervisor
// there restarts at once; here the member that crashed sits out its own
// backoff, and those that depend on it by order wait for it.
type tree struct {
	groups map[string]*branch
	// parent has the group of a service or group that is in one.
	parent map[string]string
	// pending are services that are about to be replaced: what becomes of
	// their old generation until then is no news.
	pending map[string]bool
}

// branch is one group.
type branch struct {
	Group
	// paid has the times of the restarts within the window.
	paid []time.Time
	// gave says how it gave up, "" while it has not; why says it in words.
	gave Exhausted
	why  string
	// cooldowns counts those in a row, rested is when the last one ends.
	cooldowns int
	rested    time.Time
}

// ruling is what follows a crash. The zero value: nothing but what the
// service's own policy does.
type ruling struct {
	// group is the one that decided.
	group string
	// spent are the groups whose budgets were used up, innermost first.
	spent []string
	// restart are the services that are replaced too, in the order of the
	// tree.
	restart []string
	// stop are the services that are stopped, in the order of the tree, as
	// then says, for wait if that is CooldownExhausted.
	stop []string
	then Exhausted
	wait time.Duration
	// why says it in words.
	why string
}

// newTree returns a tree in which nothing has crashed.
func newTree(groups []Group) *tree {
	t := &tree{groups: make(map[string]*branch), parent: make(map[string]string), pending: make(map[string]bool)}
	for _, g := range groups {
		t.groups[g.Name] = &branch{Group: g}
		for _, m := range g.Members {
			t.parent[m] = g.Name
		}
	}
	return t
}

// regrouped returns a tree of other groups. Those that are as they were keep
// what they have paid.
func (t *tree) regrouped(groups []Group) *tree {
	next := newTree(groups)
	for name, b := range t.groups {
		if same := next.groups[name]; same != nil && reflect.DeepEqual(same.Group, b.Group) {
			next.groups[name] = b
		}
	}
	maps.Copy(next.pending, t.pending)
	return next
}

// crash books the crash of a service at now, after which its policy starts it
// again. runs says which services are there to be replaced.
func (t *tree) crash(service string, now time.Time, runs func(service string) bool) ruling {
	var r ruling
	if t.pending[service] || t.down(service, now) {
		return r
	}
	for member := service; ; {
		b := t.groups[t.parent[member]]
		if b == nil {
			return r // of no group
		}
		if b.pay(now) {
			r.group = b.Name
			r.restart = t.with(b, member, service, now, runs)
			for _, s := range r.restart {
				t.pending[s] = true
			}
			r.why = fmt.Sprintf("%s of %s", b.Strategy, b.Name)
			if len(r.spent) > 0 {
				r.why += ", " + strings.Join(r.spent, ", ") + " has used up its budget"
			}
			return r
		}
		r.spent = append(r.spent, b.Name)
		if _, nested := t.parent[b.Name]; nested && b.OnExhausted == EscalateExhausted {
			b.forgive()
			member = b.Name
			continue
		}
		t.giveUp(b, now)
		r.group, r.then, r.wait, r.why = b.Name, b.gave, b.Cooldown, b.why
		r.stop = t.leaves(b, now)
		for _, s := range r.stop {
			delete(t.pending, s)
		}
		return r
	}
}

// pay books a restart, if the budget allows one.
func (b *branch) pay(now time.Time) bool {
	b.paid = b.within(now)
	if len(b.paid) >= b.Budget.Restarts {
		return false
	}
	b.paid = append(b.paid, now)
	return true
}

// within are the restarts that count at now: one that is exactly as old as the
// window does not.
func (b *branch) within(now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(b.paid), func(t time.Time) bool { return now.Sub(t) >= b.Budget.Window })
}

// forgive has the group begin anew.
func (b *branch) forgive() { *b = branch{Group: b.Group} }

// giveUp says how a group gives up that has used up its budget.
func (t *tree) giveUp(b *branch, now time.Time) {
	b.gave = b.OnExhausted
	b.why = fmt.Sprintf("group %s has used up %d restarts in %s", b.Name, b.Budget.Restarts, b.Budget.Window)
	b.paid = nil
	if b.gave == EscalateExhausted {
		b.gave = HoldExhausted
	}
	if b.gave != CooldownExhausted {
		return
	}
	if now.Sub(b.rested) >= b.Budget.Window {
		b.cooldowns = 0
	}
	if b.MaxCooldowns > 0 && b.cooldowns >= b.MaxCooldowns {
		b.gave = HoldExhausted
		b.why += fmt.Sprintf(", %d times in a row", b.cooldowns+1)
		return
	}
	b.cooldowns++
	b.rested = now.Add(b.Cooldown)
}

// out reports whether the group has given up and stays so at now.
func (b *branch) out(now time.Time) bool {
	return b.gave != "" && (b.gave != CooldownExhausted || now.Before(b.rested))
}

// down reports whether a group that a service is in has given up.
func (t *tree) down(service string, now time.Time) bool {
	for b := t.groups[t.parent[service]]; b != nil; b = t.groups[t.parent[b.Name]] {
		if b.out(now) {
			return true
		}
	}
	return false
}

// with are the services that b restarts with a member, but for the one that
// has crashed. Groups that are restarted as a whole begin anew; those that have
// given up stay as they are.
func (t *tree) with(b *branch, member, crashed string, now time.Time, runs func(string) bool) []string {
	at := slices.Index(b.Members, member)
	var list []string
	for i, m := range b.Members {
		if i != at && (b.Strategy == OneForOne || b.Strategy == RestForOne && i < at) {
			continue
		}
		t.each(m, func(inner *branch) bool {
			if inner.out(now) {
				return false
			}
			inner.forgive()
			return true
		}, func(s string) {
			if s != crashed && runs(s) {
				list = append(list, s)
			}
		})
	}
	return list
}

// each walks a member in the order of the tree: down into the groups for which
// enter says so, and to the services.
func (t *tree) each(member string, enter func(*branch) bool, visit func(service string)) {
	b := t.groups[member]
	if b == nil {
		visit(member)
		return
	}
	if enter(b) {
		for _, m := range b.Members {
			t.each(m, enter, visit)
		}
	}
}

// leaves are the services of a group, in order, without those of groups in it
// that have given up by themselves.
func (t *tree) leaves(b *branch, now time.Time) []string {
	var list []string
	t.each(b.Name, func(inner *branch) bool { return inner == b || !inner.out(now) }, func(s string) { list = append(list, s) })
	return list
}

// began says that a service has a new generation.
func (t *tree) began(service string) { delete(t.pending, service) }

// rearm forgives the groups that a service is in, since a change or an operator
// starts it at now. It returns the other services that had been stopped with
// it, and are to be started too.
func (t *tree) rearm(service string, now time.Time) []string {
	var highest *branch
	for b := t.groups[t.parent[service]]; b != nil; b = t.groups[t.parent[b.Name]] {
		if b.out(now) {
			highest = b
		}
		b.forgive()
	}
	if highest == nil {
		return nil
	}
	return slices.DeleteFunc(t.leaves(highest, now), func(s string) bool { return s == service })
}

// before reports whether a comes before b by the order of a group that they
// both are in.
func (t *tree) before(a, b string) bool {
	up, down := t.path(a), t.path(b)
	for i := 0; i < len(up) && i < len(down); i++ {
		if up[i] == down[i] {
			continue
		}
		g := t.groups[t.parent[up[i]]]
		return g != nil && i > 0 && g.Strategy != OneForOne && slices.Index(g.Members, up[i]) < slices.Index(g.Members, down[i])
	}
	return false
}

// members puts the services of each group that is named in its place.
func (t *tree) members(names []string) []string {
	var list []string
	for _, name := range names {
		if t.groups[name] == nil {
			list = append(list, name)
			continue
		}
		list = append(list, t.services(name)...)
	}
	return list
}

// services are those of a group and of the groups in it, in its order.
func (t *tree) services(group string) (list []string) {
	t.each(group, func(*branch) bool { return true }, func(service string) { list = append(list, service) })
	return list
}

// path is a service with the groups that it is in, outermost first.
func (t *tree) path(service string) []string {
	list := []string{service}
	for at := t.parent[service]; at != ""; at = t.parent[at] {
		list = append(list, at)
	}
	slices.Reverse(list)
	return list
}

// checkGroups finds mistakes that configs should have found. It returns the
// first problem, nil if there is none.
func checkGroups(groups []Group, services map[string]Spec) error {
	byName, owner := make(map[string]Group), make(map[string]string)
	for _, g := range groups {
		_, service := services[g.Name]
		switch _, twice := byName[g.Name]; {
		case g.Name == "" || twice || service:
			return fmt.Errorf("group %q has no name, or one that something else has", g.Name)
		case g.Strategy != OneForOne && g.Strategy != RestForOne && g.Strategy != OneForAll:
			return fmt.Errorf("group %q has the strategy %q", g.Name, g.Strategy)
		}
		byName[g.Name] = g
	}
	for _, g := range groups {
		for _, m := range g.Members {
			_, group := byName[m]
			if _, service := services[m]; !service && !group {
				return fmt.Errorf("group %q has the member %q, which is neither a service nor a group", g.Name, m)
			}
			if other, ok := owner[m]; ok {
				return fmt.Errorf("%q is in the groups %q and %q", m, other, g.Name)
			}
			owner[m] = g.Name
		}
	}
	for _, g := range groups {
		seen := []string{g.Name}
		for at := owner[g.Name]; at != ""; at = owner[at] {
			if seen = append(seen, at); at == g.Name {
				slices.Reverse(seen)
				return fmt.Errorf("groups contain each other: %s", strings.Join(seen, " -> "))
			}
			if len(seen) > len(groups) {
				break // another one's cycle
			}
		}
	}
	return nil
}

// GroupStatus is a group as it is now.
type GroupStatus struct {
	Name     string        `json:"name"`
	Strategy GroupStrategy `json:"strategy"`
	Members  []string      `json:"members"`
	// Parent is the group that it is in, "" for none.
	Parent string `json:"parent"`
	// State is "running" when each member is at its target, "restarting" while
	// one is on its way there, "degraded" when one will not come by itself,
	// "cooldown" and "exhausted" when the group has given up.
	State string `json:"state"`
	// Restarts are the crash restarts that count now, of Budget.
	Restarts int    `json:"restarts"`
	Budget   Budget `json:"-"`
	// Reason says in words why it has given up.
	Reason string `json:"reason"`
}

// status returns every group at now, outer ones before those in them, given
// the state of each service.
func (t *tree) status(now time.Time, service func(name string) Status) []GroupStatus {
	var list []GroupStatus
	names := slices.Sorted(maps.Keys(t.groups))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(t.path(a)), len(t.path(b))) })
	for _, name := range names {
		b := t.groups[name]
		st := GroupStatus{
			Name: name, Strategy: b.Strategy, Members: slices.Clone(b.Members), Parent: t.parent[name],
			State: "running", Restarts: len(b.within(now)), Budget: b.Budget,
		}
		t.each(name, func(*branch) bool { return true }, func(s string) {
			switch is := service(s); {
			case is.AtTarget() || is.State == StateStopped: // or not started yet
			case is.State.moving() || is.State == StateBackoff:
				if st.State == "running" {
					st.State = "restarting"
				}
			default:
				st.State = "degraded"
			}
		})
		if b.out(now) {
			st.State, st.Reason = "exhausted", b.why
			if b.gave == CooldownExhausted {
				st.State = "cooldown"
			}
		}
		list = append(list, st)
	}
	return list
}
