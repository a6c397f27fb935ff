package agent

import (
	"crypto/sha256"
	"os"
	"path/filepath"

	"bounce/configs"
	"bounce/decider"
	"bounce/internal/control"
	"bounce/watcher"
)

// setup is what follows from one configuration. It is never changed: a reload
// makes the next one, which the loop puts in its place between two turns. What
// its project holds is the loop's.
type setup struct {
	config  *configs.Config
	rules   decider.Rules
	project *Project
	files   files
	// keeper is nil when there is nothing to remember. scope tells which files
	// are looked at.
	keeper *keeper
	scope  watcher.Hash
	facts  *factsKeeper // nil when nothing is to be kept
}

// newSetup returns what follows from cfg, given what is in place; nil at first.
// It opens no file of output.
func newSetup(cfg *configs.Config, was *setup, dry bool) (*setup, error) {
	project, err := newProject(cfg)
	if err != nil {
		return nil, err
	}
	state, err := control.StateDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &setup{config: cfg, rules: cfg.DecideBy(), project: project, scope: scopeOf(cfg)}
	if was != nil {
		// Memories are numbered: one keeper is to see them all.
		s.keeper = was.keeper
		project.searches, project.installs = was.project.searches, was.project.installs
	}
	if s.keeper == nil {
		if s.keeper, err = newKeeper(cfg, state); err != nil {
			return nil, err
		}
	}
	if dry {
		s.keeper.readOnly()
	} else {
		s.facts = newFactsKeeper(state, project)
	}
	return s, nil
}

// hashFile returns the hash of what a file holds; zero when it cannot be read.
func hashFile(name string) watcher.Hash {
	if name == "" {
		return watcher.Hash{}
	}
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return watcher.Hash{}
	}
	return sha256.Sum256(data)
}

// setup is what is in place. On the loop it stays the same for a turn.
func (a *Agent) setup() *setup { return a.inPlace.Load() }

func (a *Agent) config() *configs.Config { return a.setup().config }

func (a *Agent) project() *Project { return a.setup().project }
