package configs

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bounce/decider"
	"bounce/watcher"
)

// What the agent asks of a configuration, in the words of those it hands it to.

// WatchOptions returns the options of the watcher, without its Reader, Gate
// and Note. Roots are the project and the import roots outside of it. Include
// has what the file names: its own path, env files, watch globs, and the
// patterns of rules that have something to do.
func (c *Config) WatchOptions() watcher.Options {
	o := watcher.Options{
		Dir:          c.Dir,
		Roots:        []string{"."},
		Backend:      c.Watch.Backend,
		Quiet:        time.Duration(c.Watch.Quiet),
		Max:          time.Duration(c.Watch.Max),
		Absent:       time.Duration(c.Watch.Absent),
		PollInterval: time.Duration(c.Watch.PollInterval),
		Audit:        time.Duration(c.Watch.Audit),
		Ignore:       slices.Clone(c.Watch.Ignore),
		Include:      slices.Clone(c.Watch.Include),
	}
	for _, root := range c.Roots {
		if dir := c.rel(root); dir == ".." || strings.HasPrefix(dir, "../") {
			o.Roots = append(o.Roots, dir)
		} else {
			o.Follow = append(o.Follow, dir)
		}
	}
	if c.File != "" {
		o.Include = append(o.Include, literal(c.rel(c.File)))
	}
	for _, s := range c.Services {
		for _, file := range c.EnvFiles(s) {
			o.Include = append(o.Include, literal(file))
		}
		if s.Cwd != "" {
			o.Follow = append(o.Follow, c.rel(s.Cwd))
		}
		for _, glob := range s.Watch {
			o.Include = append(o.Include, anchored(glob))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		o.Ignore = append(o.Ignore, c.outputGlobs(c.Services[name])...)
	}
	for _, r := range c.Rules {
		if len(r.Actions) > 0 {
			o.Include = append(o.Include, anchored(r.Pattern))
		}
	}
	slices.Sort(o.Roots)
	o.Roots = slices.Compact(o.Roots)
	slices.Sort(o.Follow)
	o.Follow = slices.Compact(o.Follow)
	slices.Sort(o.Include)
	o.Include = slices.Compact(o.Include)
	return o
}

// anchored turns a glob of ours, in which brackets stand for themselves, into
// a .gitignore pattern for the same paths.
func anchored(glob string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(glob)
	if strings.HasPrefix(escaped, "../") {
		return escaped
	}
	return "/" + escaped
}

// literal is anchored for a path.
func literal(path string) string {
	return anchored(strings.NewReplacer(`*`, `\*`, `?`, `\?`).Replace(path))
}

// DecideBy returns the rules, actions and fallback for the decider.
func (c *Config) DecideBy() decider.Rules {
	r := decider.Rules{
		Actions:  make(map[string]decider.Action, len(c.Actions)),
		Fallback: decider.Fallback{All: c.Fallback.All, Actions: slices.Clone(c.Fallback.Actions)},
	}
	for i, rule := range c.Rules {
		r.Rules = append(r.Rules, decider.Rule{
			Pattern: rule.Pattern,
			Actions: slices.Clone(rule.Actions),
			Line:    c.at[element("rules", i)].value.line,
		})
	}
	for name, a := range c.Actions {
		r.Actions[name] = decider.Action{
			Name:    name,
			Order:   a.Order,
			Restart: slices.Clone(a.Restart),
			Signal:  maps.Clone(a.Signal),
			Command: a.Run.Argv() != nil,
		}
	}
	return r
}

// Program is a command that is run to ask it something.
type Program struct {
	Argv    []string
	Dir     string
	Env     []string // the whole environment
	Timeout time.Duration
}

// Asks returns the classifier, with environ below its own variables; false
// when there is none.
func (c *Config) Asks(environ []string) (Program, bool) {
	argv := c.Classifier.Run.Argv()
	if argv == nil {
		return Program{}, false
	}
	env := variables(environ)
	maps.Copy(env, c.Classifier.Env)
	return Program{argv, c.Dir, pairs(env), time.Duration(c.Classifier.Timeout)}, true
}

// Values of [Service].Reach.
const (
	ReachUnion    = "union"
	ReachStatic   = "static"
	ReachObserved = "observed"
)

// FollowsPackages reports whether a service restarts for installed packages.
func (c *Config) FollowsPackages(s Service) bool { return cmp.Or(s.Deps, c.Deps) != "ignore" }

// EnvFiles returns the env files of a service as the watcher names paths:
// relative to the project directory, slash-separated and clean.
func (c *Config) EnvFiles(s Service) []string {
	var files []string
	for _, name := range s.EnvFile {
		files = append(files, c.rel(name))
	}
	return files
}

// rel returns a path of the file relative to the project directory.
func (c *Config) rel(path string) string {
	rel, err := filepath.Rel(c.Dir, c.abs(path))
	if err != nil {
		panic("bug: two absolute paths: " + err.Error())
	}
	return filepath.ToSlash(rel)
}

// Entries returns the entries that the file gives a service, none when they
// are to be inferred from its command. As with inferred ones, Roots is what the
// process puts in front of sys.path: the script's directory, or the working
// directory. Paths are relative to the project directory.
func (c *Config) Entries(s Service) []decider.Entry {
	var entries []decider.Entry
	for _, text := range s.Entry {
		e, err := entryOf(text)
		if err != nil {
			panic("bug: an entry that was not validated: " + err.Error())
		}
		if e.File != "" {
			e.File = c.rel(e.File)
			e.Roots = []string{path.Dir(e.File)}
		} else {
			e.Roots = []string{c.rel(s.Cwd)}
		}
		entries = append(entries, e)
	}
	return entries
}

// entryOf reads an entry as a file has it: a path, or a module, which may be
// followed by the name of an object as in shop.api:app.
func entryOf(text string) (decider.Entry, error) {
	if strings.HasSuffix(text, ".py") || strings.Contains(text, "/") {
		return decider.Entry{File: text}, nil
	}
	module, _, _ := strings.Cut(text, ":")
	if !dotted.MatchString(module) {
		return decider.Entry{}, fmt.Errorf("%s is neither a module nor a file", quoted(text))
	}
	return decider.Entry{Module: module}, nil
}
