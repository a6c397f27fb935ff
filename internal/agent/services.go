package agent

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/pyruntime"
	"bounce/runner"
	"bounce/treesitter"
	"bounce/watcher"
)

// newServices works out every service of a configuration, sorted by name.
func newServices(cfg *configs.Config) ([]*service, error) {
	var services []*service
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Services)) {
		s, err := newService(cfg, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		services = append(services, s)
	}
	return services, errors.Join(errs...)
}

// newService works out one service, as its env files and whatever tells of its
// entries are now.
func newService(cfg *configs.Config, name string) (*service, error) {
	c := cfg.Services[name]
	start, err := cfg.Start(name, os.Environ())
	if err != nil {
		return nil, err
	}
	s := &service{
		name:  name,
		order: c.Order,
		reach: tamper(c.Reach), opened: c.ObserveFiles,
		watch: slices.Clone(c.Watch),
		env:   cfg.EnvFiles(c),
		spec:  start.Spec,
		start: maps.Clone(start.Identity),
		loading: loading{
			ignore: !cfg.FollowsPackages(c), packages: c.Packages,
			typing: cfg.Typing == "follow", lazy: cfg.Lazy != "skip",
		},
	}

	files := &diskTree{dir: start.Spec.Dir, project: cfg.Dir, read: map[string]bool{}}
	inferred := decider.Infer(start.Spec.Argv, files, start.Spec.Env...).In(relative(cfg.Dir, start.Spec.Dir))
	s.told = files.read
	s.reloads = inferred.Reloads
	entries := cfg.Entries(c)
	if len(c.Entry) == 0 {
		entries, s.unknown = inferred.Entries, inferred.Unknown
		s.missing, s.line = inferred.Missing, inferred.EntryLine()
	}
	for _, e := range entries {
		s.entries = append(s.entries, inProject(cfg.Dir, e))
	}

	if s.named = inferred.Interpreter; strings.Contains(s.named, "/") && !path.IsAbs(s.named) {
		s.named = filepath.Join(cfg.Dir, s.named)
	}
	// A service without Python is told to nobody here: it starts without.
	if python, err := s.interpreter(); err == nil {
		s.python = python
		s.start["interpreter"] = pyruntime.Identity(python.Path)
	}
	if s.python.Path == "" || s.python.Assumed {
		s.spec.Warm = runner.WarmOff // nothing that people need be told
	}
	return s, nil
}

// interpreter returns the Python that would run the service now: that of its
// command or, where a wrapper hides it, the one that the entries were read
// from.
func (s *service) interpreter() (pyruntime.Python, error) {
	python, err := pyruntime.Interpreter(s.spec.Argv, s.spec.Env, s.spec.Dir)
	if s.named == "" || err == nil && !python.Assumed {
		return python, err
	}
	if named, err := pyruntime.Interpreter([]string{s.named}, s.spec.Env, s.spec.Dir); err == nil {
		return named, nil
	}
	return python, err
}

// entries returns the entries of a service whose Roots are the whole sys.path
// as far as it is in the project: what the process puts in front, where its
// Python looks, then the project's, of which nobody knows better.
func (v *view) entries(s *service) []treesitter.Entry {
	out := slices.Clone(s.entries)
	for i, e := range out {
		out[i].Roots = nil
		for _, dir := range slices.Concat(s.search.ahead, e.Roots, s.search.roots, v.roots) {
			if !slices.Contains(out[i].Roots, dir) {
				out[i].Roots = append(out[i].Roots, dir)
			}
		}
	}
	return out
}

// inProject turns the decider's entry into the graph's.
func inProject(dir string, e decider.Entry) treesitter.Entry {
	out := treesitter.Entry{Module: e.Module}
	if e.File != "" {
		out.File = within(dir, e.File)
	}
	for _, root := range e.Roots {
		out.Roots = append(out.Roots, within(dir, root))
	}
	return out
}

// within makes an absolute path relative to the project in dir; others are.
func within(dir, name string) string {
	if path.IsAbs(name) {
		return relative(dir, name)
	}
	return path.Clean(name)
}

// relative returns name as the watcher names paths below dir.
func relative(dir, name string) string {
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	return filepath.ToSlash(rel)
}

// diskTree is the decider's Tree: the files on disk, and which were looked at.
type diskTree struct {
	dir, project string
	read         map[string]bool // paths relative to the project
}

func (t *diskTree) name(p string) string {
	if !path.IsAbs(p) {
		p = path.Join(filepath.ToSlash(t.dir), p)
	}
	t.read[relative(t.project, p)] = true
	return filepath.FromSlash(p)
}

func (t *diskTree) Exists(p string) bool {
	info, err := os.Stat(t.name(p))
	return err == nil && info.Mode().IsRegular()
}

func (t *diskTree) Read(p string) ([]byte, error) {
	data, err := watcher.ReadFile(t.name(p))
	if err != nil {
		return nil, fmt.Errorf("cannot tell what %s starts from: %w", p, err)
	}
	return data, nil
}

// ours reports whether an entry is a module of a package in the project.
func (v *view) ours(e treesitter.Entry) bool {
	e.Module, _, _ = strings.Cut(e.Module, ".")
	return v.graph.Locate(e) != nil
}

// warnings are what a person should know before relying on a service.
func (v *view) warnings(name string) []string {
	var out []string
	r := v.services[name]
	s := r.service
	switch {
	case s.unknown != "":
		out = append(out, fmt.Sprintf("any Python file restarts %s: %s", name, s.unknown))
	default:
		for _, e := range v.entries(s) {
			// python -m http.server is no mistake: no file of the project restarts it.
			if v.graph.Locate(e) == nil && (v.ours(e) || !s.search.provides(e.Module)) {
				out = append(out, fmt.Sprintf("%s starts from %s, which is not in the project; correct the command, or the line  entry: [package.module]", name, e.Module+e.File))
			}
		}
	}
	if s.reloads != "" {
		out = append(out, fmt.Sprintf("%s restarts by itself, for any file (%s): leave that to bounce and take the word out, or say --noreload for Django's runserver", name, s.reloads))
	}
	for _, what := range s.missing {
		out = append(out, fmt.Sprintf("%s may load more than is known: %s; name it all in the line  %s", name, what, s.line))
	}
	return out
}
