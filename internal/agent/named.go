package agent

import (
	"context"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"bounce/watcher"
)

// A file that git ignores, such as local_settings.py or what a compiler has
// written, is loaded like any other. So the watcher is told the names of all that
// services were seen to load, but for what they have written themselves: such a
// file is ignored for a reason. What it brings into the tree for that, or lets go
// of, nobody has created or deleted: no file has changed, and it is known better
// what services load.

// sightedFiles returns the paths of the files that services were seen to load and
// that they have not written themselves.
func sightedFiles(seen map[string]*sightings) []string {
	all := map[string]bool{}
	for _, s := range seen {
		if s == nil {
			continue
		}
		for path, seen := range s.Files {
			if !seen.Written {
				all[path] = true
			}
		}
	}
	return slices.Collect(maps.Keys(all))
}

// sightedFile reports whether sightedFiles has a path.
func (v *view) sightedFile(path string) bool {
	for _, s := range v.seen {
		if seen, ok := s.get(path); ok && !seen.Written {
			return true
		}
	}
	return false
}

// name notes which files of the tree are there by their names alone.
func (p *Project) name(b watcher.Batch) {
	for _, c := range b.Changes {
		switch {
		case !c.Named:
		case c.Kind == watcher.Deleted:
			delete(p.named, c.Path)
		default:
			p.named[c.Path] = true
		}
	}
}

// adopt takes in what has come into the tree, or left it, by its name alone, and
// returns the rest of the batch. Services are taken to run of it what there is;
// what they have told that they executed says otherwise. What is about to leave
// the tree, since a service was seen to write it, is not decided on either.
func (a *Agent) adopt(ctx context.Context, b watcher.Batch) watcher.Batch {
	part, rest := b, b
	part.Changes, rest.Changes = nil, nil
	p := a.project()
	for _, c := range b.Changes {
		if c.Named || p.named[c.Path] && !p.view.sightedFile(c.Path) {
			part.Changes = append(part.Changes, c)
		} else {
			rest.Changes = append(rest.Changes, c)
		}
	}
	if len(part.Changes) == 0 {
		return b
	}
	before := p.view
	_, after, suspects := p.take(part)
	p.view = after
	a.shared.Store(after)
	a.generations.touch(after.names(), a.stamps.note(a.config().Dir, part))
	for _, c := range part.Changes {
		if info, err := os.Stat(a.absolute(c.Path)); err == nil {
			a.selfmade.met(c.Path, info.ModTime())
		}
	}
	names, _ := a.generations.learnt(before, after, nil)
	for _, name := range names {
		a.memorize(name)
	}
	a.confirm(ctx, after, suspects)
	return rest
}

// pythons returns the directories of the Pythons that lie in the project and run
// services: nobody edits what is in them. Virtual environments are not among
// them; the watcher knows these by their files.
func (p *Project) pythons() (dirs []string) {
	for _, r := range p.view.services {
		found := r.service.search.path
		if found == nil || found.Library == "" {
			continue
		}
		library, ok := p.watchedAt(found.Library)
		if !ok {
			continue
		}
		// In the directory of an installation it is lib/python3.x.
		for _, dir := range []string{path.Dir(path.Dir(library)), library} {
			if p.belowRoot(dir) {
				dirs = append(dirs, dir)
				break
			}
		}
	}
	return dirs
}

// belowRoot reports whether a directory is in one of those that are watched, and
// is none of them.
func (p *Project) belowRoot(dir string) bool {
	return !slices.Contains(p.watched, dir) && slices.ContainsFunc(p.watched, func(root string) bool {
		_, below := under(root, dir)
		return below
	})
}

// inAny reports whether a path is one of the directories, or below one.
func inAny(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}
