package smartrestart

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"bounce/decider"
)

// Question is one run of the program.
type Question struct {
	// Dir is the working directory, absolute.
	Dir string
	// Rules is the rule file, Root the root of the imports, as they were
	// named; Rooted says that a root was named.
	Rules  string
	Root   string
	Rooted bool
	// Paths are the changed files, as [decider.SplitLines] gives them.
	Paths []string
}

// Decide returns what smart-restart decides. The text of an error is what it
// prints behind "ERROR: "; the decision has the added files then, if it came
// that far.
func Decide(q Question) (decider.Firing, error) {
	none := decider.Firing{Actions: []decider.Fired{}, Unmatched: []string{}}
	r, err := load(q.Dir, q.Rules)
	if err != nil {
		return none, err
	}
	files := make([]file, 0, len(q.Paths))
	for _, path := range q.Paths {
		files = append(files, file{path: path})
	}
	var added []string
	if q.Rooted {
		g, err := readGraph(q.Dir, q.Root)
		if err != nil {
			return none, err
		}
		files, added = g.expand(q.Paths)
	}
	none.Added = added
	d := decision{rules: r, asked: make(map[string]*asked)}
	if err := d.decide(files); err != nil {
		return none, err
	}
	actions, err := d.ordered()
	if err != nil {
		return none, err
	}
	return decider.Firing{Actions: actions, Unmatched: d.unmatched, FallbackApplied: d.fallback, Added: added, Silent: d.silent}, nil
}

// file is a changed file, or one that leads to a changed file.
type file struct {
	path  string
	chain []decider.Link
}

// reason is that a rule matched the file. Its path is that of the changed one.
func (f file) reason(rule string, line int) decider.Reason {
	r := decider.Reason{Path: f.path, Chain: f.chain, Rule: rule, RuleLine: line}
	if n := len(f.chain); n > 0 {
		r.Path = f.chain[n-1].To
	}
	return r
}

// decision is the state of one run.
type decision struct {
	rules
	asked     map[string]*asked // by identity of the action
	unmatched []string
	fallback  bool
	silent    []decider.Reason
}

// asked is an action that somebody asked for.
type asked struct {
	name    value
	order   *big.Int
	by      map[string]bool // files
	reasons []decider.Reason
}

// decide takes the files through the rules, then the fallback. The first
// mistake that a file comes upon ends it.
func (d *decision) decide(files []file) error {
	d.unmatched = []string{}
	var unmatched []file
	for _, f := range files {
		rule, err := d.match(f.path)
		switch {
		case err != nil:
			return err
		case rule == nil:
			unmatched = append(unmatched, f)
			d.unmatched = append(d.unmatched, f.path)
			continue
		}
		pattern, _ := rule.get("pattern")
		actions, _ := rule.get("actions")
		names, err := iterate(actions)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			d.silent = append(d.silent, f.reason(pattern.(string), d.lines[rule]))
		}
		for _, name := range names {
			declared, err := d.ask(name, f, pattern.(string), d.lines[rule])
			if err != nil {
				return err
			}
			if !declared {
				return fmt.Errorf("rule pattern %s references unknown action %s (not declared in 'actions')", repr(pattern), repr(name))
			}
		}
	}
	if len(unmatched) == 0 {
		return nil
	}
	names, ok := d.fallbackActions()
	d.fallback = ok
	for _, name := range names {
		for _, f := range unmatched {
			declared, err := d.ask(name, f, decider.FallbackRule, 0)
			if err != nil {
				return err
			}
			if !declared {
				return fmt.Errorf("fallback references unknown action %s", repr(name))
			}
		}
	}
	return nil
}

// match returns the first rule that matches a path, nil for none. A rule whose
// pattern is nothing, or missing, matches nothing.
func (d *decision) match(path string) (*dict, error) {
	for _, v := range d.rules.rules {
		rule, ok := v.(*dict)
		if !ok {
			return nil, ours("a rule is no mapping")
		}
		v, _ := rule.get("pattern")
		if !truth(v) {
			continue
		}
		pattern, ok := v.(string)
		if !ok {
			return nil, ours("line %d: a pattern is no text", d.lines[rule])
		}
		if decider.Match(pattern, path) {
			return rule, nil
		}
	}
	return nil, nil
}

// iterate is Python's iter(v or []): a text is a list of its characters, a
// mapping of its keys.
func iterate(v value) ([]value, error) {
	if !truth(v) {
		return nil, nil
	}
	switch v := v.(type) {
	case *list:
		return v.items, nil
	case *dict:
		return v.keys, nil
	case string:
		var all []value
		for _, r := range v {
			all = append(all, string(r))
		}
		return all, nil
	}
	return nil, ours("the actions of a rule are no list")
}

// fallbackActions returns the actions of the fallback, and whether there is one.
// Words that it does not know mean none.
func (d *decision) fallbackActions() ([]value, bool) {
	switch f := d.rules.fallback.(type) {
	case *list:
		return f.items, true
	case string:
		if f == "all" {
			return d.actions.keys, true
		}
	}
	return nil, false
}

// ask notes that a file asks for an action, and reports whether that is
// declared.
func (d *decision) ask(name value, f file, rule string, line int) (bool, error) {
	order, declared, err := d.order(name)
	if err != nil || !declared {
		return declared, err
	}
	id, _ := identity(name)
	a := d.asked[id]
	if a == nil {
		a = &asked{name: name, order: order, by: make(map[string]bool)}
		d.asked[id] = a
	}
	if a.by[f.path] {
		return true, nil
	}
	a.by[f.path] = true
	a.reasons = append(a.reasons, f.reason(rule, line))
	return true, nil
}

// ordered returns the actions by order and name. Names that Python cannot
// compare keep it from going on when their orders are equal.
func (d *decision) ordered() ([]decider.Fired, error) {
	all := make([]*asked, 0, len(d.asked))
	for _, a := range d.asked {
		all = append(all, a)
	}
	var err error
	slices.SortFunc(all, func(a, b *asked) int {
		if by := a.order.Cmp(b.order); by != 0 {
			return by
		}
		by, ok := compare(a.name, b.name)
		if !ok {
			err = ours("the actions %s and %s have the same order and cannot be sorted", repr(a.name), repr(b.name))
		}
		return by
	})
	if err != nil {
		return nil, err
	}
	fired := make([]decider.Fired, 0, len(all))
	for _, a := range all {
		fired = append(fired, decider.Fired{Name: python(a.name), Order: small(a.order), Reasons: a.reasons})
	}
	return fired, nil
}

// small is an order as far as an int goes.
func small(i *big.Int) int {
	switch {
	case i.IsInt64():
		return int(i.Int64())
	case i.Sign() < 0:
		return math.MinInt
	}
	return math.MaxInt
}
