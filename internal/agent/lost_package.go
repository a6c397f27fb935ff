package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/decider"
	"bounce/internal/installed"
	"bounce/runner"
	"bounce/treesitter"
)

// lostIn is a distribution that was removed from an environment.
type lostIn struct{ sites, name string }

// lostPackage returns the hold of a service that would fail for want of a
// distribution that its last generation had and that was removed; nil for one
// that would not.
func (a *Agent) lostPackage(ctx context.Context, v *view, r *reached, last *decider.Version) *decider.Hold {
	s := r.service
	if len(a.gone) == 0 || !s.follows() {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(last.Packages)) {
		d := a.gone[lostIn{sitesKey(s.search.path.Sites), name}]
		if d == nil || s.search.installed.Get(name) != nil {
			continue
		}
		away := fmt.Sprintf("%s %s is not installed any more", d.Name, d.Version)
		back := fmt.Sprintf("it is installed again, or 'bounce restart %s'", s.name)
		if file, line, module := v.importer(r, d); module != "" && !a.finds(ctx, s, module, fmt.Sprintf("%s:%d", file, line), false) {
			return &decider.Hold{
				Kind: "import", Path: file, Line: line,
				What:     fmt.Sprintf("it imports %s, and %s", module, away),
				EndsWhen: fmt.Sprintf("%s imports something else, %s", file, back),
			}
		}
		if user := needing(s.search.installed, last.Packages, name); user != "" && !a.replaced(ctx, s, d, user) {
			return &decider.Hold{Kind: "import", What: fmt.Sprintf("%s needs %s, and %s", user, name, away), EndsWhen: back}
		}
		if len(d.Scripts) > 0 && !s.runnable() {
			return &decider.Hold{Kind: "import", What: fmt.Sprintf("there is no %s, and %s", s.spec.Argv[0], away), EndsWhen: back}
		}
	}
	return nil
}

// importer returns the first statement among the files of r that imports a
// module of d whenever its file is loaded.
func (v *view) importer(r *reached, d *installed.Distribution) (file string, line int, module string) {
	of := func(module string) bool {
		return slices.ContainsFunc(d.Modules, func(own string) bool { return module == own || strings.HasPrefix(module, own+".") })
	}
	for file := range v.loaded(r) {
		facts := v.graph.Facts(file)
		if facts == nil {
			continue
		}
		for _, ref := range facts.Refs {
			if ref.Level > 0 || ref.Kind > treesitter.Star || ref.Scope&(treesitter.InFunction|treesitter.InBlock|treesitter.InTyping) != 0 {
				continue
			}
			for _, module := range modulesOf(ref) {
				if of(module) {
					if ref.Kind != treesitter.Import {
						module = ref.Module
					}
					return file, ref.Line, module
				}
			}
		}
	}
	return "", 0, ""
}

// needing returns a distribution among packages that is installed and cannot do
// without another one; "" if there is none.
func needing(env *installed.Environment, packages map[string]decider.Package, name string) string {
	for _, user := range slices.Sorted(maps.Keys(packages)) {
		if d := env.Get(user); d != nil && slices.Contains(d.Requires, installed.Requirement{Name: name, Always: true}) {
			return user
		}
	}
	return ""
}

// replaced reports whether all modules of a distribution that was removed, and
// that another one needs, are there without it: opencv-python has what
// opencv-python-headless has.
func (a *Agent) replaced(ctx context.Context, s *service, d *installed.Distribution, user string) bool {
	return !slices.ContainsFunc(d.Modules, func(module string) bool {
		return s.search.installed.Find(module) == nil && !a.finds(ctx, s, module, user, false)
	})
}

// runnable reports whether the program of a service is there.
func (s *service) runnable() bool {
	return !slices.ContainsFunc(runner.Preflight(s.spec), func(err error) bool {
		var e *runner.StartError
		return errors.As(err, &e) && e.Key == "run"
	})
}
