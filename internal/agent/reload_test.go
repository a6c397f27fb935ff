package agent

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"bounce/decider"
	"bounce/watcher"
)

// aSetup has one service, that loads what it is given, in a tree.
func aSetup(files tree, scope byte, load ...string) *setup {
	version := decider.Version{Start: map[string]string{"command": "python3 api.py"}}
	held := map[string]watcher.Hash{}
	for _, path := range load {
		held[path] = files[path]
	}
	version.Files = decider.FilesOf(held)
	v := &view{services: map[string]*reached{"api": {service: &service{name: "api"}, version: version}}}
	return &setup{scope: hashOf(scope), project: &Project{files: files, view: v}}
}

// naming returns s, which looks at some files for their names alone.
func naming(s *setup, paths ...string) *setup {
	s.project.named = map[string]bool{}
	for _, path := range paths {
		s.project.named[path] = true
	}
	return s
}

// What a service runs is the same after a reload; how it is told may be another.
func TestWhatRunsIsCarriedOver(t *testing.T) {
	old := tree{"a.py": hashOf(1), "b.py": hashOf(2)}
	for _, c := range []struct {
		name      string
		was, next *setup
		ran       *setup   // what the service was started from, when not was
		stale     []string // the paths that make it stale
	}{
		{"nothing is another", aSetup(old, 1, "a.py"), aSetup(old, 1, "a.py"), nil, nil},
		{"it is known to load more", aSetup(old, 1, "a.py"), aSetup(old, 1, "a.py", "b.py"), nil, nil},
		{"it is known to load less", aSetup(old, 1, "a.py", "b.py"), aSetup(old, 1, "b.py"), nil, nil},
		{"a file was written meanwhile", aSetup(old, 1, "a.py"),
			aSetup(tree{"a.py": hashOf(9), "b.py": hashOf(2)}, 1, "a.py"), nil, []string{"a.py"}},
		{"one that it is now known to load was written meanwhile", aSetup(old, 1, "a.py"),
			aSetup(tree{"a.py": hashOf(1), "b.py": hashOf(9)}, 1, "a.py", "b.py"), nil, []string{"b.py"}},
		{"a file came meanwhile", aSetup(old, 1, "a.py"),
			aSetup(tree{"a.py": hashOf(1), "c.py": hashOf(3)}, 1, "a.py", "c.py"), nil, []string{"c.py"}},
		{"a file is looked at that was not", aSetup(old, 1, "a.py"),
			aSetup(tree{"a.py": hashOf(1), "c.py": hashOf(3)}, 2, "a.py", "c.py"), nil, nil},
		{"a file is looked at since it was seen to be loaded", aSetup(old, 1, "a.py"),
			naming(aSetup(tree{"a.py": hashOf(1), "c.py": hashOf(3)}, 1, "a.py", "c.py"), "c.py"), nil, nil},
		{"one that both look at came meanwhile", naming(aSetup(old, 1, "a.py"), "c.py"),
			naming(aSetup(tree{"a.py": hashOf(1), "c.py": hashOf(3)}, 1, "a.py", "c.py"), "c.py"), nil, []string{"c.py"}},
		{"what was stale is", aSetup(old, 1, "a.py"), aSetup(old, 1, "a.py", "b.py"),
			aSetup(tree{"a.py": hashOf(7)}, 1, "a.py"), []string{"a.py", "b.py"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGenerations()
			ran := c.was
			if c.ran != nil {
				ran = c.ran
			}
			v := ran.project.view.services["api"].version
			v.Start = map[string]string{"command": "python2 api.py"}
			g.get("api").last = &v
			c.was.project.view.services["api"].version.Start = v.Start
			if err := g.carry(c.was.project.view, c.next.project.view, carrier(c.was, c.next), func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			last := g.get("api").last
			if !maps.Equal(last.Start, v.Start) {
				t.Errorf("it was started by %v, not by %v", v.Start, last.Start)
			}
			now := c.next.project.view.services["api"].version
			now.Start = v.Start
			var stale []string
			for _, d := range decider.Diff(*last, now) {
				stale = append(stale, d.Path)
			}
			slices.Sort(stale)
			if !slices.Equal(stale, c.stale) {
				t.Errorf("stale by %v, want %v", stale, c.stale)
			}
		})
	}
}

func TestNothingIsCarriedWhenTheSwapFails(t *testing.T) {
	was, next := aSetup(tree{"a.py": hashOf(1)}, 1, "a.py"), aSetup(tree{"a.py": hashOf(2)}, 1, "a.py")
	delete(next.project.view.services, "api")
	g := newGenerations()
	g.get("api").number = 3
	refused := errors.New("no")
	if err := g.carry(was.project.view, next.project.view, carrier(was, next), func() error { return refused }); err != refused {
		t.Error(err)
	}
	if n := g.get("api").number; n != 3 {
		t.Errorf("generation %d of api is known, want 3", n)
	}
	if err := g.carry(was.project.view, next.project.view, carrier(was, next), func() error { return nil }); err != nil {
		t.Error(err)
	}
	if n := g.get("api").number; n != 0 {
		t.Errorf("generation %d of a service that is gone is known", n)
	}
}
