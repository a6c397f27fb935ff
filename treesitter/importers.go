package treesitter

import (
	"iter"
	"slices"
)

// importers are the links of a view turned round, as far as they are made.
type importers struct {
	writer[[]id]
	// missing are files whose links were made since.
	missing []id
}

// maxMissing is how many files are added one by one: each copies the lists that
// it is added to, so that for many it is cheaper to make all lists anew.
const maxMissing = 64

// importersLocked returns who is known to lead to each file.
func (v *view) importersLocked() pages[[]id] {
	switch {
	case v.importers == nil || len(v.importers.missing) > maxMissing:
		v.importers = &importers{writer: v.turnedRound()}
	default:
		for _, i := range v.importers.missing {
			v.importers.turn(turn{file: i, came: v.linksLocked(i)})
		}
		v.importers.missing = nil
	}
	return v.importers.pages
}

// allImporters returns who leads to each file.
func (v *view) allImporters() pages[[]id] {
	for i := range id(len(v.g.table.all())) {
		if !v.complete && v.g.files.at(i) != nil {
			v.linksLocked(i)
		}
	}
	v.complete = true
	return v.importersLocked()
}

// leaders yields the files of a spread that lead to the file i.
func (v *view) leaders(s *spread, i id) iter.Seq[id] {
	return func(yield func(id) bool) {
		for _, from := range v.importersLocked().at(i) {
			if s.at(from) == 0 {
				continue
			}
			if s.script(from) && !slices.ContainsFunc(v.linksLocked(from), func(l link) bool { return l.to == i && !l.own }) {
				continue
			}
			if !yield(from) {
				return
			}
		}
	}
}

// leadsTo yields the files that the file i leads to.
func (v *view) leadsTo(i id) iter.Seq[id] {
	return func(yield func(id) bool) {
		for _, l := range v.linksLocked(i) {
			if !yield(l.to) {
				return
			}
		}
	}
}

// edge returns the link between two files.
func (v *view) edge(from, to id) Edge {
	links := v.linksLocked(from)
	l := links[slices.IndexFunc(links, func(l link) bool { return l.to == to })]
	return Edge{v.g.table.path(from), v.g.table.path(to), int(l.line), l.kind}
}

// turnedRound returns the importers by the links that are made.
func (v *view) turnedRound() writer[[]id] {
	files := id(len(v.g.table.all()))
	count := make([]int, files)
	total := 0
	for i := range files {
		if l := v.made.pages.at(i); l != nil {
			for _, l := range l.all {
				count[l.to]++
				total++
			}
		}
	}
	room := make([]id, total) // for all lists
	lists := make([][]id, files)
	for to, n := range count {
		lists[to], room = room[:0:n], room[n:]
	}
	for i := range files {
		if l := v.made.pages.at(i); l != nil {
			for _, l := range l.all {
				lists[l.to] = append(lists[l.to], i)
			}
		}
	}
	w := pages[[]id](nil).edit()
	for to, list := range lists {
		if len(list) > 0 {
			w.set(id(to), list)
		}
	}
	return w
}

// turn makes the lists follow a file that leads elsewhere.
func (im *importers) turn(t turn) {
	for _, l := range t.went {
		im.set(l.to, withID(im.pages.at(l.to), t.file, false))
	}
	for _, l := range t.came {
		im.set(l.to, withID(im.pages.at(l.to), t.file, true))
	}
}
