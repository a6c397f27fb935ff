package decider

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Expand calls yield with every file that reaches one of paths by imports,
// themselves excluded, and with the chain that leads there, until yield
// returns false. [Graph].Dependents is one.
type Expand func(paths []string, yield func(path string, chain []Link) bool)

// Across expands over the graphs of two trees: what imports a deleted path is
// known to the one before, all else to the one after. Either may be nil.
func Across(before, after Graph, deleted func(path string) bool) Expand {
	return func(paths []string, yield func(string, []Link) bool) {
		var gone, there []string
		for _, path := range paths {
			if deleted(path) {
				gone = append(gone, path)
			} else {
				there = append(there, path)
			}
		}
		seen := make(map[string]bool)
		more := true
		once := func(path string, chain []Link) bool {
			if !seen[path] {
				seen[path] = true
				more = yield(path, chain)
			}
			return more
		}
		if after != nil && len(there) > 0 {
			after.Dependents(there, once)
		}
		if before != nil && len(gone) > 0 && more {
			before.Dependents(gone, once)
		}
	}
}

// Firing is what rules say of a set of changed files.
type Firing struct {
	// Actions are sorted by (order, name), each with the files that fired it.
	Actions []Fired `json:"actions"`
	// Unmatched are the files that matched no rule: changed ones as often as
	// they were given, then added ones.
	Unmatched []string `json:"unmatched"`
	// FallbackApplied says that there were some and that the fallback, which
	// was not "none", was applied.
	FallbackApplied bool `json:"fallback_applied"`
	// Classified says that there were some and that a classifier answered for
	// them.
	Classified bool `json:"classified,omitempty"`
	// Added are the files that expansion found, sorted.
	Added []string `json:"-"`
	// Silent are files whose rule asks for nothing, with that rule.
	Silent []Reason `json:"-"`
}

// Fired is an action that some file asked for.
type Fired struct {
	Name  string `json:"name"`
	Order int    `json:"order"`
	// Reasons are in the order of the files. The rule of a reason matched
	// Path, or the first file of Chain where there is one.
	Reasons []Reason `json:"reasons"`
}

// Fire returns what the rules say of changed files and of those that expand
// adds; nil adds none. As in smart-restart, the first rule that matches a file
// wins, and the fallback is applied once if any file matched none. Without
// expansion a file that is given twice counts twice, with it once; the added
// ones follow, sorted.
//
// Actions that are not declared are left out; configurations refuse them.
func (r Rules) Fire(changed []string, expand Expand) Firing {
	files, added := expanded(changed, expand)
	f := Firing{Unmatched: []string{}, Added: added}
	reasons := make(map[string][]Reason)
	type asked struct{ action, path string }
	seen := make(map[asked]bool) // files and actions may be named twice
	ask := func(action string, why file, rule string, line int) {
		if _, ok := r.Actions[action]; !ok || seen[asked{action, why.path}] {
			return
		}
		seen[asked{action, why.path}] = true
		reasons[action] = append(reasons[action], why.reason(rule, line))
	}
	rules := r.firsts(files)
	var unmatched []file
	for i, file := range files {
		rule := rules[i]
		if rule == nil {
			unmatched = append(unmatched, file)
			f.Unmatched = append(f.Unmatched, file.path)
			continue
		}
		if len(rule.Actions) == 0 {
			f.Silent = append(f.Silent, file.reason(rule.Pattern, rule.Line))
		}
		for _, action := range rule.Actions {
			ask(action, file, rule.Pattern, rule.Line)
		}
	}
	if len(unmatched) > 0 {
		actions, applied := r.fallback()
		rule := FallbackRule
		if r.Fallback.Answer {
			rule = ClassifierRule
		}
		f.FallbackApplied, f.Classified = applied && !r.Fallback.Answer, r.Fallback.Answer
		for _, action := range actions {
			for _, file := range unmatched {
				ask(action, file, rule, 0)
			}
		}
	}
	f.Actions = make([]Fired, 0, len(reasons))
	for name, why := range reasons {
		f.Actions = append(f.Actions, Fired{name, r.Actions[name].Order, why})
	}
	slices.SortFunc(f.Actions, func(a, b Fired) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name))
	})
	return f
}

// firsts returns the first rule that matches each file, nil for none.
func (r Rules) firsts(files []file) []*Rule {
	out := make([]*Rule, len(files))
	workers := 1
	if len(files)*len(r.Rules) > manyMatches {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rules := newMatcher(r.Rules)
			for i := len(files) * w / workers; i < len(files)*(w+1)/workers; i++ {
				out[i] = rules.first(files[i].path)
			}
		})
	}
	wg.Wait()
	return out
}

// manyMatches is how many matches take some milliseconds, so that goroutines
// pay.
const manyMatches = 100_000

// file is a changed file, or one that leads to a changed file.
type file struct {
	path  string
	chain []Link
}

// reason is that a rule matched the file. Its path is that of the changed one.
func (f file) reason(rule string, line int) Reason {
	r := Reason{Path: f.path, Chain: f.chain, Rule: rule, RuleLine: line}
	if n := len(f.chain); n > 0 {
		r.Path = f.chain[n-1].To
	}
	return r
}

// fallback returns the actions of the fallback and whether there is one.
func (r Rules) fallback() ([]string, bool) {
	if !r.Fallback.All {
		return r.Fallback.Actions, r.Fallback.Actions != nil
	}
	var names []string
	for name := range r.Actions {
		names = append(names, name)
	}
	return names, true
}

// expanded returns the changed files, followed by those that expand adds.
func expanded(changed []string, expand Expand) (files []file, added []string) {
	if expand == nil {
		for _, path := range changed {
			files = append(files, file{path: path})
		}
		return files, nil
	}
	seen := make(map[string]bool, len(changed))
	var paths []string
	for _, path := range changed {
		if !seen[path] {
			seen[path] = true
			paths = append(paths, path)
			files = append(files, file{path: path})
		}
	}
	n := len(files)
	expand(paths, func(path string, chain []Link) bool {
		if !seen[path] {
			seen[path] = true
			files = append(files, file{path, chain})
		}
		return true
	})
	slices.SortFunc(files[n:], func(a, b file) int { return strings.Compare(a.path, b.path) })
	for _, file := range files[n:] {
		added = append(added, file.path)
	}
	return files, added
}

// Notes returns what smart-restart writes to standard error, newline at the
// end of each line. With expanded, if expansion added N files:
//
//	INFO: import-chain expansion added N file(s):
//	  + PATH                            (once for each)
//
// With unmatched, if N files matched no rule, the last line only if the
// fallback was applied:
//
//	INFO: N unmatched file(s):
//	  - PATH                            (once for each)
//	INFO: fallback policy applied
func (f Firing) Notes(expanded, unmatched bool) string {
	var b strings.Builder
	if expanded && len(f.Added) > 0 {
		fmt.Fprintf(&b, "INFO: import-chain expansion added %d file(s):\n", len(f.Added))
		for _, path := range f.Added {
			fmt.Fprintf(&b, "  + %s\n", path)
		}
	}
	if unmatched && len(f.Unmatched) > 0 {
		fmt.Fprintf(&b, "INFO: %d unmatched file(s):\n", len(f.Unmatched))
		for _, path := range f.Unmatched {
			fmt.Fprintf(&b, "  - %s\n", path)
		}
		if f.FallbackApplied {
			b.WriteString("INFO: fallback policy applied\n")
		}
	}
	return b.String()
}
