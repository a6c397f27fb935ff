package agent

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bounce/internal/pyruntime"
	"bounce/treesitter"
)

// trouble is a sentence around the names of the services that have it, and the
// place in a file that it begins with, if any.
type trouble struct {
	file          string
	line          int
	before, after string
}

// elsewhere says what services load, or may load, from where nobody watches:
// editable installs outside of the project, and whatever an interpreter adds
// that did not say so. Services with the same trouble share a finding.
func (p *Project) elsewhere() []Finding {
	var all []trouble
	services := map[trouble][]string{}
	for _, name := range p.view.names() {
		for _, t := range p.troubles(p.view.services[name]) {
			if services[t] == nil {
				all = append(all, t)
			}
			services[t] = append(services[t], name)
		}
	}
	var findings []Finding
	for _, t := range all {
		text := t.before + list(services[t]) + t.after
		findings = append(findings, Finding{Level: "warning", Services: services[t], File: t.file, Line: t.line, Text: text})
	}
	slices.SortStableFunc(findings, byPlace)
	return findings
}

// troubles says the same of one service.
func (p *Project) troubles(r *reached) (all []trouble) {
	s := r.service.search
	if r.all {
		return nil // no import is known
	}
	if s.problem != nil {
		all = append(all, trouble{before: s.problem.Error() + ": ", after: " may import editable installs that no import root leads to"})
	}
	if s.path == nil {
		return all
	}
	for _, what := range s.path.Unknown {
		all = append(all, trouble{before: "cannot tell which files an editable install leads to that ",
			after: " may import: " + r.service.python.Path + ": " + what})
	}
	for _, place := range s.outside {
		module, file, line := p.view.imported(r, place)
		known := slices.ContainsFunc(all, func(t trouble) bool { return t.file == file && t.line == line })
		if module != "" && !known {
			all = append(all, trouble{file, line,
				fmt.Sprintf("%s:%d imports %s from %s, an editable install that is not watched: for a change there to restart ", file, line, module, place.Path),
				", write  roots: " + p.rootsWith(place)})
		}
	}
	return all
}

// imported returns the first module that a service imports from a place that
// is not in the graph, and where; "" if it imports none.
func (v *view) imported(r *reached, place pyruntime.Place) (module, file string, line int) {
	has := func(module string) bool { return module == place.Module || strings.HasPrefix(module, place.Module+".") }
	if place.Module == "" {
		tops := topLevel(place.Path)
		has = func(module string) bool {
			top, _, _ := strings.Cut(module, ".")
			return tops[top]
		}
	}
	for file := range r.span.all() {
		for _, ref := range v.graph.Unresolved(file) {
			for _, module := range modulesOf(ref) {
				if has(module) {
					return module, file, ref.Line
				}
			}
		}
	}
	return "", "", 0
}

// modulesOf returns the modules that an import may load, in dots; none for a
// relative one.
func modulesOf(ref treesitter.Ref) []string {
	var all []string
	if ref.Level > 0 {
		return nil
	}
	if ref.Module != "" {
		all = append(all, ref.Module)
	}
	for _, name := range ref.Names {
		switch {
		case ref.Kind == treesitter.Import:
			all = append(all, name.Name)
		default:
			all = append(all, ref.Module+"."+name.Name)
		}
	}
	return all
}

// topLevel returns the names of the modules in a directory.
func topLevel(dir string) map[string]bool {
	names := map[string]bool{}
	entries, _ := os.ReadDir(dir) // one that is not there has none
	for _, entry := range entries {
		if entry.IsDir() || isModule(entry.Name()) {
			name, _, _ := strings.Cut(entry.Name(), ".")
			names[name] = true
		}
	}
	return names
}

var plainWord = regexp.MustCompile(`^[\w./+-]+$`)

// rootsWith returns the value of the key roots that adds a place to those there
// are.
func (p *Project) rootsWith(place pyruntime.Place) string {
	dir := filepath.ToSlash(place.Path)
	if name := "/" + strings.ReplaceAll(place.Module, ".", "/"); place.Module != "" && strings.HasSuffix(dir, name) {
		dir = strings.TrimSuffix(dir, name)
	}
	var words []string
	for _, root := range append(slices.Clone(p.view.roots), path.Clean(relative(p.config.Dir, filepath.FromSlash(dir)))) {
		if !plainWord.MatchString(root) {
			root = fmt.Sprintf("%q", root)
		}
		words = append(words, root)
	}
	return "[" + strings.Join(words, ", ") + "]"
}
