package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"runtime"
	"slices"
	"sync"

	"bounce/decider"
	"bounce/internal/installed"
	"bounce/treesitter"
	"bounce/watcher"
)

// What became of services that went on while no agent ran: what each of them was
// started from is compared with what is there. Who would fail if it was
// restarted for the difference waits, as it would have with an agent there.

// distribution is what the next agent is to know of an installed distribution,
// should it be removed meanwhile.
type distribution struct {
	Name, Version    string
	Modules, Scripts []string
}

// distributions returns those that a generation of a service loads, as far as
// they are installed, or among those that are gone.
func (s *service) distributions(packages map[string]decider.Package, gone map[lostIn]*installed.Distribution) []distribution {
	if !s.follows() {
		return nil
	}
	var all []distribution
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		d := cmp.Or(s.search.installed.Get(name), gone[lostIn{sitesKey(s.search.path.Sites), name}])
		if d != nil {
			all = append(all, distribution{d.Name, d.Version, d.Modules, d.Scripts})
		}
	}
	return all
}

// installedMeanwhile returns what was installed, removed or replaced of what the
// inherited generations load, by environment.
func (v *view) installedMeanwhile(inherited map[string]memo) []installation {
	type place struct {
		sites string
		other bool
	}
	found := map[place]*installation{}
	for _, service := range slices.Sorted(maps.Keys(inherited)) {
		s, m := v.services[service].service, inherited[service]
		if !s.follows() || len(s.search.sites) == 0 {
			continue
		}
		at := place{sitesKey(s.search.path.Sites), m.Start["interpreter"] != s.start["interpreter"]}
		i := found[at]
		if i == nil {
			i = &installation{sites: at.sites, dir: s.search.sites[0].Path, other: at.other}
			found[at] = i
		}
		for _, name := range slices.Sorted(maps.Keys(m.Packages)) {
			was, now := m.Packages[name], s.search.installed.Get(name)
			switch {
			case slices.ContainsFunc(i.changes, func(c installed.Change) bool { return c.Name == name }):
			case now == nil:
				i.changes = append(i.changes, installed.Change{Name: name, Old: was.Version})
				i.gone = append(i.gone, m.distribution(name))
			case now.Version != was.Version || watcher.Hash(now.Sum) != was.Sum:
				i.changes = append(i.changes, installed.Change{Name: name, Old: was.Version, New: now.Version})
			}
		}
	}
	var all []installation
	for _, i := range found {
		if len(i.changes) > 0 {
			slices.SortFunc(i.changes, func(a, b installed.Change) int { return cmp.Compare(a.Name, b.Name) })
			all = append(all, *i)
		}
	}
	slices.SortFunc(all, func(a, b installation) int { return cmp.Compare(a.sites, b.sites) })
	return all
}

// distribution returns what is known of a package that a generation loads.
func (m memo) distribution(name string) *installed.Distribution {
	for _, d := range m.Installed {
		if d.Name == name {
			return &installed.Distribution{Name: d.Name, Version: d.Version, Modules: d.Modules, Scripts: d.Scripts}
		}
	}
	return &installed.Distribution{Name: name, Version: m.Packages[name].Version}
}

// suspectsOf looks for syntax errors in the modules that have changed since the
// inherited generations were started. The first scan does not look, for its
// time: a service that starts tells by itself, but these would be ended for it.
func (p *Project) suspectsOf(inherited map[string]memo) suspects {
	changed := map[string]bool{}
	for name, m := range inherited {
		now := p.view.services[name].version
		for _, diff := range decider.Diff(m.version(now), now) {
			if _, there := p.files[diff.Path]; there && isModule(diff.Path) && !isExtension(diff.Path) {
				changed[diff.Path] = true
			}
		}
	}
	found := suspects{}
	var mu sync.Mutex
	var checking sync.WaitGroup
	paths := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		checking.Go(func() {
			for path := range paths {
				src, err := p.read(path)
				if err != nil || sha256.Sum256(src) != p.files[path] {
					continue // it has changed again: the next batch has it
				}
				problem := treesitter.Check(src)
				mu.Lock()
				found[path] = problem
				mu.Unlock()
			}
		})
	}
	for path := range changed {
		paths <- path
	}
	close(paths)
	checking.Wait()
	return found
}

// catchUp decides on what has happened while no agent ran.
func (a *Agent) catchUp(ctx context.Context, packages map[string]bool) {
	b, v := watcher.Batch{Cause: unattended}, a.view()
	in := a.input(ctx, b, v, v)
	in.Installed = packages
	plan := decider.Decide(in)
	a.enact(b, v, plan)
	a.wonder(ctx, b, plan)
}

// unattended is the cause of what nobody saw happen.
const unattended = "while no agent ran"
