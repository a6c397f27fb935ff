package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/git"
	"bounce/internal/smartrestart"
	"bounce/treesitter"
	"bounce/watcher"
)

// Question is what `bounce decide` is asked: which actions a set of changed
// paths calls for. It is answered without an agent and without services.
type Question struct {
	// Dir is the working directory, absolute: paths are relative to it.
	Dir string
	// Rules is the file of rules; "" looks for restart-rules.yaml in Dir, then
	// for the project's bounce.yaml.
	Rules string
	// Roots are the import roots, "auto" among them to find them; none leaves
	// imports out.
	Roots []string
	// Input lists the changed files: lines as Python's str.splitlines has them,
	// or, with Null, what NUL bytes end.
	Input string
	Null  bool
	// Git, if set, is A..B or A: the changed files are asked of git.
	Git string
	// Compat decides as smart-restart does, its mistakes included. Roots are
	// directories then, and the last one counts; Git is not looked at. The text
	// of an error is what smart-restart prints behind "ERROR: ".
	Compat bool
}

// RulesError says that the rules are missing or wrong.
type RulesError struct{ Err error }

func (e *RulesError) Error() string { return e.Err.Error() }
func (e *RulesError) Unwrap() error { return e.Err }

// Decide answers q.
func Decide(ctx context.Context, q Question) (decider.Firing, error) {
	if q.Compat {
		return smartrestart.Decide(q.compat())
	}
	cfg, err := q.config()
	if err != nil {
		return decider.Firing{}, &RulesError{err}
	}
	if q.Git != "" {
		return q.fromGit(ctx, cfg)
	}
	paths := q.paths()
	if len(q.Roots) == 0 {
		return cfg.DecideBy().Fire(paths, nil), nil
	}
	g, err := q.graph(ctx, cfg, paths)
	if err != nil {
		return decider.Firing{}, err
	}
	return cfg.DecideBy().Fire(paths, decider.Across(nil, g, func(string) bool { return false })), nil
}

// rulesFile is smart-restart's name for its file of rules.
const rulesFile = "restart-rules.yaml"

// compat is q for smart-restart.
func (q Question) compat() smartrestart.Question {
	c := smartrestart.Question{Dir: q.Dir, Rules: q.Rules, Paths: decider.SplitLines(q.Input)}
	if c.Rules == "" {
		c.Rules = rulesFile
	}
	if n := len(q.Roots); n > 0 {
		c.Root, c.Rooted = q.Roots[n-1], true
	}
	return c
}

// config finds the rules.
func (q Question) config() (*configs.Config, error) {
	if q.Rules != "" {
		return configs.Load(q.Rules)
	}
	if _, err := os.Stat(filepath.Join(q.Dir, rulesFile)); err == nil {
		return configs.Load(rulesFile)
	}
	found, err := configs.Find(q.Dir)
	if err != nil {
		return nil, err
	}
	if found.File == "" {
		return nil, fmt.Errorf("no rules: there is neither %s here nor a bounce.yaml here or above; name a file with --rules", rulesFile)
	}
	return configs.Load(found.File)
}

// fromGit decides on what git says has changed. The graph is built over both
// trees, so that a deleted module reaches those who imported it.
func (q Question) fromGit(ctx context.Context, cfg *configs.Config) (decider.Firing, error) {
	from, to, _ := strings.Cut(q.Git, "..")
	changes, err := git.Changed(ctx, q.Dir, from, to)
	if err != nil {
		return decider.Firing{}, err
	}
	var paths []string
	gone := map[string]bool{}
	for _, c := range changes {
		paths = append(paths, c.Path)
		switch c.Status {
		case git.Renamed:
			paths = append(paths, c.OldPath)
			gone[c.OldPath] = true
		case git.Deleted:
			gone[c.Path] = true
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)

	before, err := q.graphAt(ctx, cfg, from)
	if err != nil {
		return decider.Firing{}, err
	}
	after := before
	if to == "" {
		after, err = q.graph(ctx, cfg, nil)
	} else {
		after, err = q.graphAt(ctx, cfg, to)
	}
	if err != nil {
		return decider.Firing{}, err
	}
	return cfg.DecideBy().Fire(paths, decider.Across(before, after, func(p string) bool { return gone[p] })), nil
}

// paths returns the changed files as the watcher would name them: git's quotes
// are taken off, and what is named from elsewhere is named from Dir.
func (q Question) paths() []string {
	if !q.Null {
		lines := decider.SplitLines(q.Input)
		for i, line := range lines {
			lines[i] = q.clean(decider.UnquotePath(line))
		}
		return lines
	}
	var paths []string
	for p := range strings.SplitSeq(q.Input, "\x00") {
		if p != "" {
			paths = append(paths, q.clean(p))
		}
	}
	return paths
}

// clean names a path from Dir, if it is below it, without "./" and the like.
func (q Question) clean(p string) string {
	if rel := relative(q.Dir, p); path.IsAbs(p) && filepath.IsLocal(rel) {
		return rel
	}
	return path.Clean(p)
}

// graph reads the import graph of the roots from disk. Of the modules among
// changed, those that are not there have been deleted: they are part of it, so
// that who imports them is found.
func (q Question) graph(ctx context.Context, cfg *configs.Config, changed []string) (*view, error) {
	dir := q.Dir
	opts, auto, err := q.options(cfg)
	if err != nil {
		return nil, err
	}
	watch := watcher.Options{Dir: dir, Roots: opts.Roots}
	if auto {
		watch.Roots = []string{"."}
	}
	content := newContent(dir)
	watch.Reader = content
	b, err := scan(ctx, watch)
	if err != nil {
		return nil, fmt.Errorf("cannot read the project: %w", err)
	}
	changes, _ := content.take(b, func(string) bool { return false })
	if auto {
		var files []string
		for _, c := range b.Changes {
			files = append(files, c.Path)
		}
		opts.Roots = treesitter.FindRoots(files, func(p string) ([]byte, error) {
			return watcher.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
		})
	}
	there := make(map[string]bool, len(changes))
	for _, c := range changes {
		there[c.Path] = true
	}
	for _, p := range changed {
		if isModule(p) && !there[p] {
			changes = append(changes, treesitter.Change{Path: p, Facts: &treesitter.Facts{}})
		}
	}
	return graphOf(opts, changes), nil
}

// graphAt reads the import graph of a commit.
func (q Question) graphAt(ctx context.Context, cfg *configs.Config, rev string) (*view, error) {
	opts, auto, err := q.options(cfg)
	if err != nil {
		return nil, err
	}
	snapshot, err := git.Show(ctx, q.Dir, rev)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	files := snapshot.Files()
	if auto {
		opts.Roots = treesitter.FindRoots(files, snapshot.Read)
	}
	var changes []treesitter.Change
	for _, p := range files {
		if !isModule(p) {
			continue
		}
		facts := &treesitter.Facts{}
		if !isExtension(p) {
			src, err := snapshot.Read(p)
			if err != nil {
				return nil, err
			}
			facts = treesitter.Extract(src)
		}
		changes = append(changes, treesitter.Change{Path: p, Facts: facts})
	}
	return graphOf(opts, changes), nil
}

func graphOf(opts treesitter.Options, changes []treesitter.Change) *view {
	v := emptyView(opts)
	v.graph = v.graph.Update(changes)
	return v
}

// options returns the options of the graph; auto says that its roots are yet
// to be found. A root has to be a directory: smart-restart reads any other as
// an empty tree, and restarts nothing.
func (q Question) options(cfg *configs.Config) (opts treesitter.Options, auto bool, err error) {
	opts = graphOptions(cfg)
	opts.Roots = nil
	if len(q.Roots) == 0 || slices.Contains(q.Roots, "auto") {
		return opts, true, nil
	}
	for _, root := range q.Roots {
		abs := root
		if !filepath.IsAbs(root) {
			abs = filepath.Join(q.Dir, root)
		}
		info, err := os.Stat(abs)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return opts, false, fmt.Errorf("cannot use --root %s: there is no such directory", root)
		case err != nil:
			return opts, false, fmt.Errorf("cannot use --root %s: %w", root, err)
		case !info.IsDir():
			return opts, false, fmt.Errorf("cannot use --root %s: it is a file; name the directory that imports start from", root)
		}
		opts.Roots = append(opts.Roots, path.Clean(relative(q.Dir, abs)))
	}
	return opts, false, nil
}

// Decision is the answer to a [Question].
type Decision = decider.Firing
