package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"bounce/decider"
	"bounce/internal/git"
	"bounce/treesitter"
	"bounce/watcher"
)

// expand returns how changed files lead to others; nil where imports are left
// out. Of two trees that git knows, the graph is built over both, so that a
// module that is gone reaches those who imported it.
func (q inquiry) expand(ctx context.Context, c changed) (decider.Expand, error) {
	if c.from == "" && len(q.Roots) == 0 {
		return nil, nil
	}
	roots, err := q.roots()
	if err != nil {
		return nil, err
	}
	if c.from == "" {
		after, err := q.onDisk(ctx, roots, c.paths)
		if err != nil {
			return nil, err
		}
		return decider.Across(nil, q.graphOf(after), c.deleted), nil
	}
	known := make(map[string]*treesitter.Facts)
	before, err := q.atCommit(ctx, roots, c.from, known)
	if err != nil {
		return nil, err
	}
	after := before
	if c.to == "" {
		after, err = q.onDisk(ctx, roots, nil)
	} else {
		after, err = q.atCommit(ctx, roots, c.to, known)
	}
	if err != nil {
		return nil, err
	}
	return decider.Across(q.graphOf(before), q.graphOf(after), c.deleted), nil
}

// graphOf returns a view as the decider's graph, with the chains of imports as
// far as somebody wants to know them.
func (q inquiry) graphOf(v *view) decider.Graph {
	if q.Why {
		return v
	}
	return unexplained{v}
}

// unexplained is a view that spares itself the chains of imports.
type unexplained struct{ *view }

func (u unexplained) Dependents(paths []string, yield func(path string, chain []decider.Link) bool) {
	u.dependents(paths, func(path string, _ *treesitter.Reach) bool { return yield(path, nil) })
}

// importRoots are the directories that imports start from, named from the base.
type importRoots struct {
	given []string
	// find says that those are to be added that the tree shows.
	find bool
}

// in returns the roots in a tree of files.
func (r importRoots) in(files []string, read func(path string) ([]byte, error)) []string {
	roots := slices.Clone(r.given)
	if r.find {
		for _, root := range treesitter.FindRoots(files, read) {
			if !slices.Contains(roots, root) {
				roots = append(roots, root)
			}
		}
	}
	return roots
}

// roots returns the import roots that the question names; those of the
// configuration stand for "auto" when it has some. A root has to be a
// directory: smart-restart reads any other as an empty tree, and restarts
// nothing.
func (q inquiry) roots() (importRoots, error) {
	r := importRoots{find: len(q.Roots) == 0}
	for _, root := range q.Roots {
		if root == "auto" {
			r.find = true
			continue
		}
		abs := root
		if !filepath.IsAbs(root) {
			abs = filepath.Join(q.Dir, root)
		}
		info, err := os.Stat(abs)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return r, fmt.Errorf("cannot use --root %s: there is no such directory", root)
		case err != nil:
			return r, fmt.Errorf("cannot use --root %s: %w", root, err)
		case !info.IsDir():
			return r, fmt.Errorf("cannot use --root %s: it is a file; name the directory that imports start from", root)
		}
		r.given = append(r.given, path.Clean(relative(q.base, abs)))
	}
	if r.find && len(q.config.Roots) > 0 {
		r.find = false
		for _, root := range graphOptions(q.config).Roots {
			r.given = append(r.given, path.Clean(relative(q.base, filepath.Join(q.config.Dir, filepath.FromSlash(root)))))
		}
	}
	return r, nil
}

// onDisk reads the import graph of the work tree. Of the modules among
// changed, those that are not there have been deleted: they are part of it, so
// that who imports them is found.
func (q inquiry) onDisk(ctx context.Context, roots importRoots, changed []string) (*view, error) {
	opts := watcher.Options{Dir: q.base, Roots: roots.given}
	if roots.find && !slices.Contains(roots.given, ".") {
		opts.Roots = append(slices.Clone(roots.given), ".")
	}
	if q.config.Dir == q.base {
		opts.Ignore = q.config.Watch.Ignore
	}
	files, changes, err := readModules(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("cannot read the project: %w", err)
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
	return q.graph(roots.in(files, func(p string) ([]byte, error) {
		return watcher.ReadFile(filepath.Join(q.base, filepath.FromSlash(p)))
	}), changes), nil
}

// readModules reads the facts of all modules that a watcher would watch: no
// hashes, no other files. files has the paths of the modules and of those that
// declare import roots.
func readModules(ctx context.Context, opts watcher.Options) (files []string, changes []treesitter.Change, err error) {
	found := make(chan string, 256)
	read := make([][]treesitter.Change, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range read {
		wg.Go(func() {
			for p := range found {
				if facts := readFacts(opts.Dir, p); facts != nil {
					read[i] = append(read[i], treesitter.Change{Path: p, Facts: facts})
				}
			}
		})
	}
	err = watcher.Walk(opts, func(name string) bool { return isModule(name) || declaresRoots(name) }, func(p string) {
		if ctx.Err() != nil {
			return
		}
		files = append(files, p)
		if isModule(p) {
			found <- p
		}
	})
	close(found)
	wg.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return files, slices.Concat(read...), err
}

// readFacts returns the facts of a module; nil for one that is not there.
func readFacts(dir, p string) *treesitter.Facts {
	if isExtension(p) {
		return &treesitter.Facts{}
	}
	src, err := watcher.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &treesitter.Facts{} // it is there, and what it imports is not known
	}
	return treesitter.Extract(src)
}

// atCommit reads the import graph of a commit. What the files say is kept in
// known, by the id of their bytes: another commit has most of them too.
func (q inquiry) atCommit(ctx context.Context, roots importRoots, commit string, known map[string]*treesitter.Facts) (*view, error) {
	snapshot, err := git.Show(ctx, q.base, commit)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	files := snapshot.Files()
	var changes []treesitter.Change
	for _, p := range files {
		if !isModule(p) {
			continue
		}
		id := snapshot.ID(p)
		facts := known[id]
		switch {
		case facts != nil:
		case isExtension(p):
			facts = &treesitter.Facts{}
		default:
			src, err := snapshot.Read(p)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a link to nowhere
			}
			if err != nil {
				return nil, err
			}
			facts = treesitter.Extract(src)
			if id != "" {
				known[id] = facts
			}
		}
		changes = append(changes, treesitter.Change{Path: p, Facts: facts})
	}
	return q.graph(roots.in(files, snapshot.Read), changes), nil
}

// graph is the import graph of files, without services.
func (q inquiry) graph(roots []string, files []treesitter.Change) *view {
	opts := graphOptions(q.config)
	opts.Roots = roots
	v := emptyView(opts)
	v.graph = v.graph.Update(files)
	return v
}
