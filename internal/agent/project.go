package agent

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"bounce/configs"
	"bounce/internal/git"
	"bounce/treesitter"
	"bounce/watcher"
)

// Project is a configuration and the tree it speaks of. A running agent keeps
// one up to date; [Open] gives one that answers questions without an agent.
type Project struct {
	config   *configs.Config
	watched  []string // the directories that are watched
	content  *content
	searches *searches
	installs *installs
	files    tree
	// named has the files that came into the tree since services were seen to load
	// them, though they are ignored. One that is deleted stays among them as long as
	// services are taken to load it.
	named map[string]bool
	// code has what services go by for each file: files itself, unless
	// cosmetic is skip.
	code tree
	view *view
}

// Open reads the tree of a configuration once, and asks the interpreters of its
// services where they look for modules.
func Open(ctx context.Context, cfg *configs.Config) (*Project, error) {
	p, err := newProject(cfg)
	if err != nil {
		return nil, err
	}
	answers, asked := p.startSearches(ctx)
	defer asked.Wait()
	b, err := p.scan(ctx, sightedFiles(p.view.seen))
	if err != nil {
		return nil, err
	}
	p.update(ctx, b)
	p.searched(<-answers)
	return p, nil
}

// OpenTree is [Open] for questions about files alone: no interpreter is asked,
// so what is said of services may lack what only theirs would find, and what is
// ignored is left out whoever was seen to load it.
func OpenTree(ctx context.Context, cfg *configs.Config) (*Project, error) {
	p, err := newProject(cfg)
	if err != nil {
		return nil, err
	}
	b, err := p.scan(ctx, nil)
	if err != nil {
		return nil, err
	}
	p.update(ctx, b)
	return p, nil
}

// scan reads the modules in the tree of the project, and those that are named.
func (p *Project) scan(ctx context.Context, named []string) (watcher.Batch, error) {
	p.content.modules = true
	opts := p.config.WatchOptions()
	opts.Reader, opts.Named = p.content, named
	b, err := scan(ctx, opts)
	if err != nil {
		return b, fmt.Errorf("cannot read the project in %s: %w", p.config.Dir, err)
	}
	return b, nil
}

// scan reads a tree once.
func scan(ctx context.Context, opts watcher.Options) (watcher.Batch, error) {
	// A look is all it takes: there is nothing to wait for.
	opts.Backend, opts.Audit = watcher.Poll, -1
	opts.Excludes = git.Excludes(ctx, opts.Dir)
	w, err := watcher.Open(ctx, opts)
	if err != nil {
		return watcher.Batch{}, err
	}
	defer w.Close()
	select {
	case b, ok := <-w.Batches():
		if ok {
			return b, nil
		}
		return watcher.Batch{}, watcher.ErrClosed
	case <-ctx.Done():
		return watcher.Batch{}, ctx.Err()
	}
}

// newProject returns the project before its tree has been read.
func newProject(cfg *configs.Config) (*Project, error) {
	services, err := newServices(cfg)
	if err != nil {
		return nil, err
	}
	p := &Project{
		config:   cfg,
		watched:  cfg.WatchOptions().Roots,
		content:  newContent(cfg.Dir),
		searches: newSearches(),
		installs: newInstalls(),
		files:    tree{},
		named:    map[string]bool{},
		view:     newView(graphOptions(cfg), services, readSightings(cfg.Dir)),
	}
	p.code = p.files
	if cfg.Cosmetic == "skip" {
		p.content.tokens, p.code = true, tree{}
	}
	return p, nil
}

func graphOptions(cfg *configs.Config) treesitter.Options {
	opts := treesitter.Options{
		NoStrings:        !cfg.StringImports,
		NoPackageStrings: !cfg.PackageStrings,
		FollowTyping:     cfg.Typing == "follow",
		SkipLazy:         cfg.Lazy == "skip",
	}
	for _, root := range cfg.Roots {
		opts.Roots = append(opts.Roots, within(cfg.Dir, filepath.ToSlash(root)))
	}
	return opts
}

// update takes a batch into the tree and the graph.
func (p *Project) update(ctx context.Context, b watcher.Batch) (before, after *view, s suspects) {
	before, after, s = p.take(b)
	if len(b.Changes) > 0 {
		p.content.tidy()
	}
	for name, r := range after.services {
		if b.Initial || !r.service.outdated(b) {
			continue
		}
		s, err := newService(p.config, name)
		if err != nil {
			s = r.service.failing(err)
		} else {
			s.search = p.search(ctx, s)
		}
		after.services[name] = after.look(s, p.code, r.watched)
	}
	p.view = after
	return before, after, s
}

// take is update for a part of a batch, without the services that are to be made
// anew for it. The view is yet to be put in place.
func (p *Project) take(b watcher.Batch) (before, after *view, s suspects) {
	p.files.apply(b)
	p.name(b)
	before = p.view
	changes, codes, s := p.content.take(b, before.graph.Has)
	cosmetic := p.recode(b, codes)
	if opts := graphOptions(p.config); len(opts.Roots) == 0 && shapes(b) {
		opts.Roots = treesitter.FindRoots(slices.Sorted(maps.Keys(p.files)), p.read)
		if !slices.Equal(opts.Roots, before.roots) {
			before = before.rooted(opts, p.code)
		}
	}
	after = before.update(p.code, b, changes)
	after.cosmetic = cosmetic
	return before, after, s
}

// has reports whether there is a file, be it in the tree or out of its scope.
func (p *Project) has(name string) bool {
	if _, known := p.files[name]; known {
		return true
	}
	_, err := os.Stat(filepath.Join(p.config.Dir, filepath.FromSlash(name)))
	return err == nil
}

func (p *Project) read(name string) ([]byte, error) {
	return watcher.ReadFile(filepath.Join(p.config.Dir, filepath.FromSlash(name)))
}

// shapes reports whether a batch can change which directories are import
// roots: a file came or went, or one of those that declare them changed.
func shapes(b watcher.Batch) bool {
	return slices.ContainsFunc(b.Changes, func(c watcher.Change) bool {
		return c.Kind != watcher.Modified || declaresRoots(path.Base(c.Path))
	})
}

// declaresRoots reports whether a file of this name can declare import roots.
func declaresRoots(name string) bool {
	switch name {
	case "pyproject.toml", "setup.cfg", "setup.py":
		return true
	}
	return false
}
