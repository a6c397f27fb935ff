package agent

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"bounce/internal/control"
	"bounce/internal/installed"
	"bounce/internal/pyruntime"
	"bounce/treesitter"
)

// Where a process looks for modules, only its own interpreter can say: .pth
// files and the finders of editable installs add to sys.path and to what is
// found without it. It is asked while the tree is read for the first time, and
// again before a start if packages were installed or removed since.

// search is what the Python of a service says, in the words of the project.
// The zero value says nothing: it was not asked.
type search struct {
	// path is the answer; nil if there is none.
	path *pyruntime.SearchPath
	// problem is why there is none though it was asked.
	problem error
	// ahead and roots are the places in the project, as roots of the graph:
	// before and behind what the command puts in front.
	ahead, roots []string
	// outside are those that editable installs have elsewhere.
	outside []pyruntime.Place
	// installed are the packages there, and sites what they were read from; nil
	// when not known.
	installed *installed.Environment
	sites     []*installed.Directory
}

// askTime is how long an interpreter may take to say where it looks. It is
// that of its start: one that takes longer does not get to run a service.
const askTime = 5 * time.Second

var errBusy = fmt.Errorf("it is still busy after %v", askTime)

// searches asks the Pythons of services, each once for all that start it in the
// same way.
type searches struct {
	slots chan struct{} // as many as are asked at a time

	mu    sync.Mutex
	asked map[string]*asking
}

// asking is a question that is under way or answered.
type asking struct {
	done chan struct{} // closed when path or err is there
	path *pyruntime.SearchPath
	err  error
}

func newSearches() *searches {
	return &searches{slots: make(chan struct{}, runtime.GOMAXPROCS(0)), asked: map[string]*asking{}}
}

// ask returns where a Python looks for modules. An answer holds as long as what
// it was taken from; a failure is not kept.
func (s *searches) ask(ctx context.Context, python pyruntime.Python) (*pyruntime.SearchPath, error) {
	key := searchKey(python)
	s.mu.Lock()
	a, known := s.asked[key]
	if known && isClosed(a.done) && (a.err != nil || !a.path.Current()) {
		known = false
	}
	if !known {
		a = &asking{done: make(chan struct{})}
		s.asked[key] = a
	}
	s.mu.Unlock()
	if known {
		if err := wait(ctx, a.done); err != nil {
			return nil, err
		}
		return a.path, a.err
	}
	defer close(a.done)
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, errBusy)
	defer cancel()
	a.path, a.err = python.SearchPath(ctx)
	return a.path, a.err
}

// searchKey tells apart the ways to start a Python that may have it look for
// modules elsewhere. Of the environment it has what interpreters, version
// managers and their environments read: services that differ in a port share
// an answer.
func searchKey(python pyruntime.Python) string {
	words := slices.Concat([]string{pyruntime.Identity(python.Path), python.Dir}, python.Flags)
	for _, entry := range python.Env {
		name, _, _ := strings.Cut(entry, "=")
		manager, _, _ := strings.Cut(name, "_")
		switch {
		case name == "PATH", name == "HOME", name == "VIRTUAL_ENV", strings.HasPrefix(name, "PYTHON"),
			slices.Contains([]string{"PYENV", "ASDF", "MISE", "RTX", "CONDA"}, manager):
			words = append(words, entry)
		}
	}
	return strings.Join(words, "\x00")
}

// searched takes in the answers for all services.
func (p *Project) searched(answers map[string]search) {
	var fresh []*service
	for name, r := range p.view.services {
		s := *r.service
		s.search = answers[name]
		fresh = append(fresh, &s)
	}
	p.replace(fresh...)
}

// search asks the Python of a service. Any module restarts one of which nothing
// is known, so that only what is installed matters; if its Python is not known
// either, nothing does.
func (p *Project) search(ctx context.Context, s *service) search {
	if s.python.Path == "" || s.unknown != "" && s.python.Assumed {
		return search{}
	}
	answer, err := p.searches.ask(ctx, s.python)
	if err != nil {
		return search{problem: err}
	}
	found := p.installs.read(answer.Sites)
	out := search{path: answer, installed: found.Environment, sites: found.dirs}
	if s.unknown != "" {
		return out
	}
	take := func(places []pyruntime.Place) (roots []string) {
		for _, place := range places {
			root, ok := p.rootAt(place)
			switch {
			case ok:
				roots = append(roots, root)
			case place.Installed:
				out.outside = append(out.outside, place)
			}
		}
		return roots
	}
	out.ahead, out.roots = take(answer.Ahead), take(answer.Places)
	return out
}

// provides reports whether a module is one of Python's own library, or of a
// package that is installed.
func (s search) provides(module string) bool {
	if s.path == nil || module == "" {
		return false
	}
	at := filepath.Join(s.path.Library, filepath.FromSlash(strings.ReplaceAll(module, ".", "/")))
	for _, file := range []string{at + ".py", filepath.Join(at, "__init__.py")} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return len(s.installed.Find(module)) > 0
}

// same reports whether two searches lead to the same roots.
func (s search) same(o search) bool {
	return slices.Equal(s.ahead, o.ahead) && slices.Equal(s.roots, o.roots)
}

// rootAt returns the root that a place is; false if it is not in what is
// watched.
func (p *Project) rootAt(place pyruntime.Place) (string, bool) {
	at, ok := p.watchedAt(place.Path)
	switch {
	case ok && place.Module != "":
		return treesitter.NamedRoot(place.Module, at), true
	case ok:
		return at, true
	case place.Module != "":
		return "", false
	}
	// From a directory above, the project itself is a package.
	rel, below := under(place.Path, p.config.Dir)
	name := strings.ReplaceAll(rel, "/", ".")
	if !below || strings.Count(name, ".") > strings.Count(rel, "/") {
		return "", false
	}
	return treesitter.NamedRoot(name, "."), true
}

// watchedAt returns how the watcher names an absolute path; false if it is in
// none of the directories that are watched. Interpreters and installers may
// have followed links on the way there, and people on the way here.
func (p *Project) watchedAt(name string) (string, bool) {
	for _, name := range []string{name, realPath(name)} {
		for _, root := range p.watched {
			top := filepath.Join(p.config.Dir, filepath.FromSlash(root))
			for _, top := range []string{top, realPath(top)} {
				if rel, ok := under(top, name); ok {
					return path.Join(root, rel), true
				}
			}
		}
	}
	return "", false
}

// under returns the path of name seen from a directory, with slashes; false if
// it is not below that or the same.
func under(dir, name string) (string, bool) {
	rel := relative(dir, name)
	return rel, rel != ".." && !strings.HasPrefix(rel, "../") && !path.IsAbs(rel)
}

// realPath follows the links of a path whose last part need not exist.
func realPath(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		return filepath.Join(dir, filepath.Base(name))
	}
	return name
}

// startSearches asks the Pythons of all services. Once all have answered, the
// answers are in the channel; the group is of who asks.
func (p *Project) startSearches(ctx context.Context) (answers <-chan map[string]search, asked *sync.WaitGroup) {
	services := p.view.services
	all := make(chan map[string]search, 1)
	asked = &sync.WaitGroup{}
	asked.Go(func() {
		found := make(map[string]search, len(services))
		var mu sync.Mutex
		var each sync.WaitGroup
		for name, r := range services {
			each.Go(func() {
				answer := p.search(ctx, r.service)
				mu.Lock()
				defer mu.Unlock()
				found[name] = answer
			})
		}
		each.Wait()
		all <- found
	})
	return all, asked
}

// renewed returns the service as its Python is now: s itself if nothing was
// installed or removed since it was asked.
func (p *Project) renewed(ctx context.Context, s *service) *service {
	python, err := s.interpreter()
	if err != nil || s.unknown != "" && python.Assumed {
		return s
	}
	identity := pyruntime.Identity(python.Path)
	fresh := *s
	if identity == s.start["interpreter"] && s.search.path != nil && s.search.path.Current() {
		found := p.installs.read(s.search.path.Sites)
		fresh.search.installed, fresh.search.sites = found.Environment, found.dirs
		if fresh.search.installed == s.search.installed {
			return s
		}
		return &fresh
	}
	fresh.python, fresh.start = python, maps.Clone(s.start)
	fresh.start["interpreter"] = identity
	fresh.search = p.search(ctx, &fresh)
	return &fresh
}

// replace puts services in the place of those of their names, from which they
// differ in what their Python says alone.
func (p *Project) replace(services ...*service) {
	next := *p.view
	next.services = maps.Clone(p.view.services)
	next.importing, next.nearest = importing{}, newImporters()
	for _, s := range services {
		was := next.services[s.name]
		if !s.search.same(was.service.search) {
			next.services[s.name] = next.look(s, p.code, was.watched)
			continue
		}
		same := *was
		same.service, same.version.Start = s, s.start
		if s.search.installed != was.service.search.installed {
			same.packages = next.lookPackages(&same)
			same.version.Packages = same.packages.all
		}
		next.services[s.name] = &same
	}
	next.importing = nil
	p.view = &next
}

// renew has a service start with what its Python finds now. It runs on the
// runner's goroutines, before a start: what is installed later, the process
// does not see either.
func (a *Agent) renew(ctx context.Context, name string) {
	if !isClosed(a.started) {
		return // it is being asked
	}
	r := a.view().services[name]
	if r == nil {
		return // a reload has removed it
	}
	s := r.service
	fresh := a.project().renewed(ctx, s)
	if fresh == s {
		return
	}
	// An agent that is ending starts nothing.
	_ = a.do(ctx, func(context.Context) {
		if r := a.view().services[name]; r == nil || r.service != s {
			return // made anew meanwhile, and about to be started for that
		}
		a.hear() // what was loaded is what was there until now
		a.replace(fresh)
	})
}

// replace takes in services that were renewed, and tells what a person should
// know of it. It runs on the loop.
func (a *Agent) replace(fresh ...*service) {
	before := a.project().elsewhere()
	a.project().replace(fresh...)
	a.shared.Store(a.project().view)
	for _, f := range a.project().elsewhere() {
		if !slices.ContainsFunc(before, func(o Finding) bool { return o.Text == f.Text }) {
			a.emit(control.Event{Kind: "warning", Text: f.Text})
		}
	}
}
