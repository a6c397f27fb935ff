package installed

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Environment is what is installed for an interpreter, in directories of which
// the first that has a distribution counts. It is immutable; the zero value has
// nothing.
type Environment struct {
	dists   map[string]*Distribution
	modules map[string][]string // distributions by module
	scripts map[string][]string // and by program
	// plugins are the distributions that add to a group of entry points, by the
	// first word of its name.
	plugins map[string][]string
	// needed has for each distribution those that need it.
	needed map[string][]string
}

// NewEnvironment returns what is installed in directories.
func NewEnvironment(dirs ...*Directory) *Environment {
	e := &Environment{
		dists:   map[string]*Distribution{},
		modules: map[string][]string{}, scripts: map[string][]string{},
		plugins: map[string][]string{}, needed: map[string][]string{},
	}
	for _, dir := range dirs {
		here := map[string]*Distribution{}
		for _, info := range slices.Sorted(maps.Keys(dir.infos)) {
			here[dir.infos[info].Name] = dir.infos[info]
		}
		for name, d := range here {
			if e.dists[name] == nil {
				e.dists[name] = d
			}
		}
	}
	add := func(index map[string][]string, key, name string) {
		if !slices.Contains(index[key], name) {
			index[key] = append(index[key], name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.dists)) {
		d := e.dists[name]
		for _, module := range d.Modules {
			add(e.modules, module, name)
		}
		for _, script := range d.Scripts {
			add(e.scripts, script, name)
		}
		for _, group := range d.Groups {
			add(e.plugins, groupOf(group), name)
		}
	}
	for name := range e.dists {
		for _, need := range e.Needs(name) {
			add(e.needed, need, name)
		}
	}
	for _, names := range e.needed {
		slices.Sort(names)
	}
	return e
}

// groupOf returns the first word of the name of a group of entry points, which
// as a rule is that of the distribution that loads them: flask.commands,
// pytest11, opentelemetry_exporter.
func groupOf(group string) string {
	if i := strings.IndexAny(group, "._-:"); i > 0 {
		group = group[:i]
	}
	return strings.TrimRight(group, "0123456789")
}

// Get returns the distribution of a name; nil if it is not installed.
func (e *Environment) Get(name string) *Distribution {
	if e == nil {
		return nil
	}
	return e.dists[Name(name)]
}

// Len returns how many distributions there are.
func (e *Environment) Len() int {
	if e == nil {
		return 0
	}
	return len(e.dists)
}

// Find returns the distributions that have a module, named in dots: those that
// say they have the longest beginning of its name.
func (e *Environment) Find(module string) []string {
	if e == nil {
		return nil
	}
	for name := module; ; {
		if found := e.modules[name]; found != nil {
			return found
		}
		up := strings.LastIndexByte(name, '.')
		if up < 0 {
			return nil
		}
		name = name[:up]
	}
}

// Program returns the distributions that install a program.
func (e *Environment) Program(name string) []string {
	if e == nil {
		return nil
	}
	return e.scripts[name]
}

// AtStart returns the distributions of which each Python runs something when it
// starts.
func (e *Environment) AtStart() (names []string) {
	if e == nil {
		return nil
	}
	for name, d := range e.dists {
		if d.AtStart {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// optional are distributions that others load when they are there, and do not
// say so.
var optional = map[string][]string{
	"django": {"psycopg", "psycopg2", "psycopg2-binary", "mysqlclient", "oracledb", "cx-oracle", "pymemcache", "pylibmc", "redis", "pyyaml", "pillow"},
}

// Needs returns the distributions that one may load: what it requires under any
// condition or extra, what it is known to load when it is there, and plugins
// that say they are for it. Of them all only those are named that are
// installed.
func (e *Environment) Needs(name string) (names []string) {
	d := e.Get(name)
	if d == nil {
		return nil
	}
	add := func(other string) {
		if other != name && e.dists[other] != nil && !slices.Contains(names, other) {
			names = append(names, other)
		}
	}
	for _, r := range d.Requires {
		add(r.Name)
	}
	for _, other := range optional[name] {
		add(other)
	}
	for _, own := range slices.Concat([]string{groupOf(name)}, d.Modules) {
		top, _, _ := strings.Cut(own, ".")
		for _, other := range e.plugins[groupOf(top)] {
			add(other)
		}
	}
	return names
}

// All returns the distributions of names, and all that they may load, directly
// or through others.
func (e *Environment) All(names ...string) map[string]*Distribution {
	all := map[string]*Distribution{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		d := e.Get(queue[0])
		if d == nil || all[d.Name] != nil {
			continue
		}
		all[d.Name] = d
		queue = append(queue, e.Needs(d.Name)...)
	}
	return all
}

// Users returns the distributions that may load one, directly or through
// others: each with the next on a shortest way to it. The one itself is there
// with no next.
func (e *Environment) Users(name string) map[string]string {
	users := map[string]string{}
	if e.Get(name) == nil {
		return users
	}
	name = Name(name)
	users[name] = ""
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		for _, user := range e.needed[queue[0]] {
			if _, known := users[user]; !known {
				users[user] = queue[0]
				queue = append(queue, user)
			}
		}
	}
	return users
}

// Change is a distribution that was installed, removed or replaced.
type Change struct {
	Name string
	// Old and New are its versions, "" where it is not installed. They may be
	// the same.
	Old, New string
}

// Changes returns how an environment differs from an earlier one, by name.
func Changes(was, now *Environment) []Change {
	names := map[string]bool{}
	for _, e := range []*Environment{was, now} {
		if e != nil {
			for name := range e.dists {
				names[name] = true
			}
		}
	}
	var all []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, new := was.Get(name), now.Get(name)
		switch {
		case old == nil:
			all = append(all, Change{Name: name, New: new.Version})
		case new == nil:
			all = append(all, Change{Name: name, Old: old.Version})
		case old.Sum != new.Sum || old.Version != new.Version:
			all = append(all, Change{Name: name, Old: old.Version, New: new.Version})
		}
	}
	return all
}

// String says the change in the fewest words: "requests 2.31.0 -> 2.32.0",
// "+httpx 0.27.0", "-foo 1.0", "lib 1.0 rebuilt".
func (c Change) String() string {
	switch {
	case c.Old == "":
		return strings.TrimSpace(fmt.Sprintf("+%s %s", c.Name, c.New))
	case c.New == "":
		return fmt.Sprintf("-%s %s", c.Name, c.Old)
	case c.Old == c.New:
		return fmt.Sprintf("%s %s rebuilt", c.Name, c.New)
	}
	return fmt.Sprintf("%s %s -> %s", c.Name, c.Old, c.New)
}

// Words says changes in one line: the first of them, and how many more there
// are.
func Words(changes []Change) string {
	const most = 6
	sorted := slices.SortedStableFunc(slices.Values(changes), func(a, b Change) int { return cmp.Compare(rank(a), rank(b)) })
	var words []string
	for _, c := range sorted[:min(most, len(sorted))] {
		words = append(words, c.String())
	}
	text := strings.Join(words, ", ")
	if more := len(sorted) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// rank puts what was replaced before what came, and that before what went.
func rank(c Change) int {
	switch {
	case c.Old == "":
		return 1
	case c.New == "":
		return 2
	}
	return 0
}
