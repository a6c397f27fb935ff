package agent

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bounce/configs"
	"bounce/internal/classifier"
	"bounce/internal/control"
)

// asker asks the project's classifier which actions files call for, and keeps
// its answers. Its methods may be called from any goroutine.
type asker struct {
	program classifier.Program
	// declared is the environment that the configuration adds.
	declared map[string]string
	actions  []classifier.Action
	cache    *classifier.Cache // nil where no answer can be kept
}

// newAsker returns the asker of a project, nil where there is no classifier.
// What the program says on standard error goes to told.
func newAsker(cfg *configs.Config, told func(line string)) *asker {
	p, ok := cfg.Asks(os.Environ())
	if !ok {
		return nil
	}
	a := &asker{
		program:  classifier.Program{Argv: p.Argv, Dir: p.Dir, Env: p.Env, Timeout: p.Timeout, Stderr: told},
		declared: cfg.Classifier.Env,
	}
	for name, action := range cfg.Actions {
		a.actions = append(a.actions, classifier.Action{Name: name, Order: action.Order})
	}
	slices.SortFunc(a.actions, func(a, b classifier.Action) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name))
	})
	if dir, err := control.StateDir(cfg.Dir); err == nil {
		a.cache = &classifier.Cache{Dir: filepath.Join(dir, "classifier")}
	}
	return a
}

// newAsker is newAsker for a running agent.
func (a *Agent) newAsker(cfg *configs.Config) *asker {
	return newAsker(cfg, func(line string) {
		a.emit(control.Event{Kind: "note", Text: "classifier: " + line})
	})
}

// ask returns what files that no rule matches call for. State tells one
// content of them from another.
func (a *asker) ask(ctx context.Context, paths []string, state []string) (classifier.Answer, error) {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	q := classifier.Question{Version: 1, Paths: paths, Actions: a.actions}
	key := a.program.Key(q, a.declared, state)
	if a.cache != nil {
		if answer, ok := a.cache.Get(key, a.actions); ok {
			return answer, nil
		}
	}
	answer, err := a.program.Ask(ctx, q)
	if err == nil && a.cache != nil {
		// Kept or not: the next time the program is asked again.
		_ = a.cache.Put(key, answer)
	}
	return answer, err
}

// contents returns the hashes of files, named from dir, as state of a question.
func contents(dir string, paths []string) []string {
	state := make([]string, 0, len(paths))
	for _, p := range slices.Sorted(slices.Values(paths)) {
		state = append(state, p+" "+classifier.Sum(filepath.Join(dir, filepath.FromSlash(p))))
	}
	return state
}
