package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bounce/treesitter"
)

// importFindings says of each file that a service can load what of its imports
// is not known before run time, and what is not found. Services of which
// nothing is known are left out: that is the finding there.
func (p *Project) importFindings() []Finding {
	var all []Finding
	g := p.view.graph
	for path, lines := range g.Opaque() {
		if names := p.loaders(path); len(names) > 0 {
			all = append(all, Finding{Level: "warning", Services: names, File: path, Line: lines[0], Text: opaqueWords(path, lines, names)})
		}
	}
	for _, path := range g.Files() {
		for _, m := range p.missing(path) {
			all = append(all, Finding{Level: "warning", Services: p.loaders(path), File: path, Line: m.Line, Text: missingWords(path, m)})
		}
	}
	slices.SortStableFunc(all, byPlace)
	return all
}

func byPlace(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// loaders returns the names of the services that are known to be able to load
// the file at path.
func (p *Project) loaders(path string) []string {
	var names []string
	for _, name := range p.view.names() {
		if r := p.view.services[name]; !r.all && r.span.has(path) {
			names = append(names, name)
		}
	}
	return names
}

// missing returns the imports of the file at path that are not found by any of
// the services that can load it.
func (p *Project) missing(path string) []treesitter.Missing {
	var all []treesitter.Missing
	first := true
	for _, name := range p.loaders(path) {
		for _, e := range p.view.entries(p.view.services[name].service) {
			found := p.view.graph.Missing(e.Roots, path)
			if first {
				all, first = found, false
			}
			all = slices.DeleteFunc(all, func(m treesitter.Missing) bool { return !slices.Contains(found, m) })
		}
	}
	return all
}

func opaqueWords(path string, lines []int, services []string) string {
	if lines[0] == 0 {
		return fmt.Sprintf("%s is too large to be read to its end: a change of what only the rest of it imports does not restart %s", path, list(services))
	}
	also := ""
	if len(lines) > 1 {
		var words []string
		for _, line := range lines[1:] {
			words = append(words, strconv.Itoa(line))
		}
		also = " (and in line " + list(words) + ")"
	}
	return fmt.Sprintf("%s:%d%s imports modules whose names are only known at run time: a change of them restarts %s only if something else imports them", path, lines[0], also, list(services))
}

func missingWords(path string, m treesitter.Missing) string {
	if m.Above {
		return fmt.Sprintf("%s:%d imports %s, which is above its outermost package", path, m.Line, m.Name)
	}
	return fmt.Sprintf("%s:%d imports %s: no file of the project is that module; one that is ignored does not count", path, m.Line, m.Name)
}

// list joins words as in a sentence: "a, b and c".
func list(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
