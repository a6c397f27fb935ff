package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/runner"
)

// What is checked of dependencies, groups and units: who waits for whom, who
// is in what, and that none of it goes in circles.

// Members puts the services of each group that is named in its place, in the
// order of the group.
func (c *Config) Members(names ...string) []string {
	var list []string
	for _, name := range names {
		if g, ok := c.Groups[name]; ok {
			list = append(list, c.Members(g.Members...)...)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// escalate has services and groups that are in a group hand on what they
// cannot mend, where the file does not say otherwise.
func (c *Config) escalate() {
	given := func(path string) bool {
		_, ok := c.at[path+".on_exhausted"]
		return ok
	}
	for _, g := range c.Groups {
		for _, name := range g.Members {
			if s, ok := c.Services[name]; ok && !given(child("services", name)+".restart") {
				s.Restart.OnExhausted = runner.EscalateExhausted
				c.Services[name] = s
			}
			if inner, ok := c.Groups[name]; ok && !given(child("groups", name)) {
				inner.OnExhausted = runner.EscalateExhausted
				c.Groups[name] = inner
			}
		}
	}
}

// cycles refuses services that wait for each other.
func (k *checker) cycles() {
	k.circle(k.services,
		func(name string) []string { return k.Services[name].DependsOn.Names() },
		func(name string, i int, cycle []string) {
			k.fail(element(child("services", name)+".depends_on", i),
				"services depend on each other: "+strings.Join(cycle, " -> "), "remove one of these from depends_on")
		})
}

// circle walks from each of names to those that next gives, and calls found
// for each way that leads back: where it closes, and all that are on it.
func (k *checker) circle(names []string, next func(name string) []string, found func(name string, i int, cycle []string)) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var stack []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = visiting
		stack = append(stack, name)
		for i, other := range next(name) {
			switch state[other] {
			case visiting:
				found(name, i, append(slices.Clone(stack[slices.Index(stack, other):]), other))
			case 0:
				visit(other)
			}
		}
		stack = stack[:len(stack)-1]
		state[name] = done
	}
	for _, name := range names {
		if state[name] == 0 {
			visit(name)
		}
	}
}

// conditions refuses to wait for the end of what has none.
func (k *checker) conditions(path string, list DependsOn) {
	for i, d := range list {
		s, ok := k.Services[d.Name]
		if ok && d.Condition == runner.ConditionCompleted && s.Restart.When == runner.Always {
			k.fail(element(path, i), fmt.Sprintf("%s: %s is never completed: it is restarted when it has ended with success", child(path, d.Name), d.Name),
				fmt.Sprintf("write restart: {when: on-failure} for %s", d.Name))
		}
	}
}

// group checks one group by itself.
func (k *checker) group(name string, g Group) {
	path := child("groups", name)
	if !serviceName.MatchString(name) {
		k.failKey(path, fmt.Sprintf("%q cannot be the name of a group", name), "up to 63 letters, digits, - _ and ., beginning with a letter or digit")
	}
	if _, ok := k.Services[name]; ok {
		k.failKey(path, fmt.Sprintf("%s: there is a service of this name", path), "give one of them another name")
	}
	at := path + ".members"
	if len(g.Members) == 0 && k.given(at) && !k.failed(at) {
		k.fail(at, at+" is empty", "for example members: [api, worker]")
	}
	known := slices.Concat(k.services, k.groups)
	slices.Sort(known)
	k.references(at, g.Members, "service or group", known)
	k.repeated(at, g.Members)
}

// nesting checks the groups together.
func (k *checker) nesting() {
	owner := map[string]string{}
	for _, name := range k.groups {
		path := child("groups", name)
		for i, m := range k.Groups[name].Members {
			if slices.Index(k.Groups[name].Members, m) < i {
				continue // it is said that it is there twice
			}
			if other, ok := owner[m]; ok {
				k.fail(element(path+".members", i), fmt.Sprintf("%s is in the groups %s and %s", printable(m), other, name), "remove it from one of the two")
				continue
			}
			owner[m] = name
		}
	}
	circular := false
	k.circle(k.groups,
		func(name string) []string { return k.Groups[name].Members },
		func(name string, i int, cycle []string) {
			circular = true
			k.fail(element(child("groups", name)+".members", i), "groups contain each other: "+strings.Join(cycle, " -> "), "remove one of these from members")
		})
	for _, name := range k.groups {
		at := child("groups", name) + ".on_exhausted"
		if _, nested := owner[name]; !nested && k.Groups[name].OnExhausted == runner.EscalateExhausted && !k.failed(at) {
			k.fail(at, fmt.Sprintf("%s cannot be escalate: %s is in no group", at, name), "write hold, cooldown or exit")
		}
	}
	for _, name := range k.services {
		at := child("services", name) + ".restart.on_exhausted"
		if _, nested := owner[name]; !nested && k.Services[name].Restart.OnExhausted == runner.EscalateExhausted && !k.failed(at) {
			k.fail(at, fmt.Sprintf("%s cannot be escalate: %s is in no group", at, name), "write hold, cooldown or exit, or add it to the members of a group")
		}
	}
	if !circular {
		k.sequence()
	}
}

// sequence refuses an order of members that depends_on contradicts.
func (k *checker) sequence() {
	leaves := map[string][]string{}
	var inside func(name string) []string
	inside = func(name string) []string {
		if _, ok := k.Services[name]; ok {
			return []string{name}
		}
		if _, ok := leaves[name]; !ok {
			leaves[name] = nil
			for _, m := range k.Groups[name].Members {
				leaves[name] = append(leaves[name], inside(m)...)
			}
		}
		return leaves[name]
	}
	// A service waits for what it depends on, and for the members before it.
	waits := map[string][]string{}
	for _, name := range k.services {
		for _, other := range k.Services[name].DependsOn.Names() {
			if _, ok := k.Services[other]; ok {
				waits[name] = append(waits[name], other)
			}
		}
	}
	for _, name := range k.groups {
		g := k.Groups[name]
		if g.Strategy == runner.OneForOne {
			continue
		}
		for i := 1; i < len(g.Members); i++ {
			for _, later := range inside(g.Members[i]) {
				for _, earlier := range inside(g.Members[i-1]) {
					if back := way(waits, earlier, later); back != nil && earlier != later {
						k.fail(element(child("groups", name)+".members", i),
							fmt.Sprintf("groups.%s: %s comes after %s, which waits for it: %s", name, later, earlier, strings.Join(back, " -> ")),
							"list what others depend on first")
						return
					}
					waits[later] = append(waits[later], earlier)
				}
			}
		}
	}
}

// way returns a way from one name to another, both included, nil for none.
func way(next map[string][]string, from, to string) []string {
	before := map[string]string{from: from}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if at == to {
			steps := []string{at}
			for at != from {
				at = before[at]
				steps = append(steps, at)
			}
			slices.Reverse(steps)
			return steps
		}
		for _, n := range next[at] {
			if _, seen := before[n]; !seen {
				before[n] = at
				todo = append(todo, n)
			}
		}
	}
	return nil
}

// units checks the units of a service.
func (k *checker) units(path string, s Service) {
	for _, name := range slices.Sorted(maps.Keys(s.Units)) {
		at := child(path, name)
		if !serviceName.MatchString(name) {
			k.failKey(at, fmt.Sprintf("%q cannot be the name of a unit", name), "up to 63 letters, digits, - _ and ., beginning with a letter or digit")
		}
		u := s.Units[name]
		for _, state := range slices.Sorted(maps.Keys(u.Deadlines)) {
			if u.Deadlines[state] <= 0 && !k.failed(child(at+".deadlines", state)) {
				k.fail(child(at+".deadlines", state), fmt.Sprintf("%s cannot be 0s", child(at+".deadlines", state)), "remove it, or write how long the state may last")
			}
		}
		if u.Heartbeat == 0 && u.Start == 0 && len(u.Deadlines) == 0 {
			k.warn(at, fmt.Sprintf("%s: nothing is asked of the unit, so it never stalls", at), "give it heartbeat, start or deadlines")
		}
		if k.given(at+".answer") && !strings.HasPrefix(u.OnStall, "signal ") && !k.failed(at+".on_stall") {
			k.warn(at+".answer", at+".answer means nothing without a signal", "write on_stall: signal USR1, or remove it")
		}
	}
}
