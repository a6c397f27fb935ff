package agent

import (
	"maps"
	"slices"

	"bounce/decider"
	"bounce/internal/pyruntime"
	"bounce/runner"
	"bounce/treesitter"
	"bounce/watcher"
)

// service is what a configuration says of a service, worked out as far as it
// can be before it runs. It is never changed: a new env file or interpreter
// makes a new one.
type service struct {
	name  string
	order int
	// entries have in Roots what the process puts in front of all others; see
	// view.entries.
	entries []treesitter.Entry
	// unknown says why there are no entries; "" when there are.
	unknown string
	// reloads is the word of the command that makes it restart by itself.
	reloads string
	// missing says what else it may load, in lines for people; line is the one
	// to write into the configuration for it.
	missing []string
	line    string
	// told has the files that were read, or looked for, to learn the entries.
	told map[string]bool
	// problem is why it could not be worked out anew; nil when it could.
	problem error
	// reach says what counts of what it can load, opened whether files do that
	// it was observed to open.
	reach  string
	opened bool
	// watch has the globs of more files that make the service stale, env the
	// env files, which count by what they set.
	watch, env []string
	spec       runner.Spec
	// start is the start identity.
	start map[string]string
	// named is the interpreter that the entries were read from: a path or the
	// name of a program, "" for none.
	named string
	// python is the interpreter that runs the service, the zero value when not
	// known, and search where it looks for modules.
	python pyruntime.Python
	search search
	// loading says what of the packages there counts.
	loading loading
}

// watches returns the glob of the service that names path; "" for none.
func (s *service) watches(path string) string {
	for _, glob := range s.watch {
		if glob == path || decider.Match(glob, path) {
			return glob
		}
	}
	return ""
}

// names returns the glob or the env file of the service that names path; "" for
// none.
func (s *service) names(path string) string {
	if slices.Contains(s.env, path) {
		return path
	}
	return s.watches(path)
}

// watched returns the watched files of s after a batch, given those before it.
func (s *service) watched(was map[string]watcher.Hash, b watcher.Batch) map[string]watcher.Hash {
	if len(s.watch) == 0 {
		return nil
	}
	now := maps.Clone(was)
	if now == nil {
		now = map[string]watcher.Hash{}
	}
	for _, c := range b.Changes {
		switch {
		case s.watches(c.Path) == "":
		case c.Kind == watcher.Deleted:
			delete(now, c.Path)
		default:
			now[c.Path] = c.New
		}
	}
	return now
}

// outdated reports whether a batch changed a file that the service was worked
// out from.
func (s *service) outdated(b watcher.Batch) bool {
	return slices.ContainsFunc(b.Changes, func(c watcher.Change) bool {
		return slices.Contains(s.env, c.Path) || s.told[c.Path]
	})
}

// failing returns s as it was, with the reason why it could not be renewed. It
// is as stale as if it had been.
func (s *service) failing(err error) *service {
	c := *s
	c.problem = err
	c.start = maps.Clone(s.start)
	c.start["environment"] = err.Error()
	return &c
}

// blocked returns the hold of a service that could not be renewed: it would
// start with what no longer is. Nil for one that could.
func (s *service) blocked() *decider.Hold {
	if s.problem == nil {
		return nil
	}
	return &decider.Hold{Kind: "config", What: s.problem.Error(), EndsWhen: "what it names can be read"}
}
