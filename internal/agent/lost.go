package agent

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"bounce/decider"
	"bounce/treesitter"
)

// A module that is deleted or renamed before those who import it are edited
// would bring every one of their services down. So a service waits while a file
// of its reach imports, at its top, a module that its last generation had and
// that nothing in the tree, nor an installed package, is now; or while the file
// that it starts from is gone, as on a branch that does not have it.
//
// It goes by levels: what the last generation loaded is compared with the tree
// there is. A process that fails nevertheless, as after an import of what never
// was there, is the runner's to hold. What is on disk is not gone: that it is no
// part of the tree any more, as by another ignore rule, breaks no import.

// lost returns the hold of a service that would fail for a module that is gone,
// nil for one that would not.
func (a *Agent) lost(ctx context.Context, v *view, name string) *decider.Hold {
	r := v.services[name]
	last := a.generations.promised(name, r.version)
	if last == nil || r.all {
		return nil
	}
	if hold := a.lostPackage(ctx, v, r, last); hold != nil {
		return hold
	}
	var gone []string
	for _, diff := range decider.Diff(*last, r.version) {
		if isModule(diff.Path) && !a.project().has(diff.Path) {
			gone = append(gone, diff.Path)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if entry := goneEntry(v.entries(r.service), gone); entry != "" {
		return &decider.Hold{
			Kind:     "import",
			What:     fmt.Sprintf("it starts from %s, which is gone", entry),
			EndsWhen: fmt.Sprintf("%s is there again, or 'bounce restart %s'", entry, name),
		}
	}
	old := v.with(gone)
	for path, l := range v.losses(old, r, gone) {
		if a.isLost(ctx, r.service, path, l) {
			return &decider.Hold{
				Kind: "import", Path: path, Line: l.Line,
				What:     fmt.Sprintf("it imports %s, and %s is gone", l.Name, l.File),
				EndsWhen: fmt.Sprintf("%s imports something else or %s is there again, or 'bounce restart %s'", path, l.File, name),
			}
		}
	}
	return nil
}

// goneEntry returns the file that one of the entries is, when that is gone; ""
// when each has one still.
func goneEntry(entries []treesitter.Entry, gone []string) string {
	for _, e := range entries {
		if e.File != "" && slices.Contains(gone, e.File) {
			return e.File
		}
		module := strings.ReplaceAll(e.Module, ".", "/")
		for _, root := range e.Roots {
			for _, file := range []string{module + ".py", module + "/__init__.py"} {
				if file = path.Join(root, file); module != "" && slices.Contains(gone, file) {
					return file
				}
			}
		}
	}
	return ""
}

// losses yields what the files that r reaches have lost with the modules that
// are gone, by file and line.
func (v *view) losses(old *view, r *reached, gone []string) func(yield func(string, treesitter.Lost) bool) {
	return func(yield func(string, treesitter.Lost) bool) {
		entries := v.entries(r.service)
		importers := map[string]bool{}
		for _, e := range entries {
			for _, path := range old.graph.Importers(e.Roots, gone...) {
				importers[path] = importers[path] || r.span.has(path)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(importers)) {
			if !importers[path] {
				continue
			}
			var all []treesitter.Lost
			for i, e := range entries {
				found := v.graph.Lost(old.graph, e.Roots, path)
				if i == 0 {
					all = found
				}
				// What one entry finds is there.
				all = slices.DeleteFunc(all, func(l treesitter.Lost) bool { return !slices.Contains(found, l) })
			}
			for _, l := range all {
				if !yield(path, l) {
					return
				}
			}
		}
	}
}

// binding is what in a package's __init__ may bind names that are not there as
// words.
var binding = regexp.MustCompile(`import\s*\(?\s*\*|__getattr__|__path__|globals|setattr|exec|vars|sys\.modules`)

// isLost reports whether an import is sure to fail: no package binds the name,
// and nothing that is installed has the module.
func (a *Agent) isLost(ctx context.Context, s *service, path string, l treesitter.Lost) bool {
	if l.Package != "" {
		name := l.Name[strings.LastIndexByte(l.Name, '.')+1:]
		src, err := a.project().read(l.Package)
		if err != nil || binding.Match(src) || regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).Match(src) {
			return false
		}
	}
	if !l.Foreign {
		return true
	}
	return !a.finds(ctx, s, l.Name, fmt.Sprintf("%s:%d", path, l.Line), true)
}
