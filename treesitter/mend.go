package treesitter

import "slices"

// turn says that a file leads elsewhere than in the version before.
type turn struct {
	file       id
	went, came []link
}

// differ returns the links that lead elsewhere before and after. Lines and
// kinds lead nowhere.
func differ(before, after []link) (went, came []link) {
	same := func(a, b link) bool { return a.to == b.to && a.own == b.own }
	for len(before) > 0 && len(after) > 0 && same(before[0], after[0]) {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && same(before[len(before)-1], after[len(after)-1]) {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	return missing(before, after), missing(after, before)
}

// missing returns the links of a that lead elsewhere than all of b.
func missing(a, b []link) []link {
	type place struct {
		to  id
		own bool
	}
	known := make(map[place]bool, len(b))
	for _, l := range b {
		known[place{l.to, l.own}] = true
	}
	var rest []link
	for _, l := range a {
		if !known[place{l.to, l.own}] {
			rest = append(rest, l)
		}
	}
	return rest
}

// mend returns what a search would find now, from what it found in the version
// before; v.turns has all that differs. It costs what the files cost whose
// distances change, and the files that lead to them. Where none does, it
// returns the same spread.
//
// A file can only move away if nothing leads to it any more from one step
// nearer. So first such files are taken out, nearest first, since each may be
// what others hung on. Then they, and the files that a new link brings nearer,
// are put in, again nearest first. (Ramalingam and Reps, "An incremental
// algorithm for a generalization of the shortest-path problem", 1996; here all
// links have one length.)
func (v *view) mend(s *spread) *spread {
	m := mender{view: v, spread: s}
	m.gain(m.lose())
	return m.spread
}

type mender struct {
	view *view
	*spread
	copied bool   // the spread is no longer the one of the version before
	todo   [][]id // files to look at, by distance
}

func (m *mender) put(i id, far int32) {
	if !m.copied {
		m.spread, m.copied = &spread{m.begin, slices.Clone(m.far), m.count}, true
	}
	m.set(i, far)
}

func (m *mender) later(i id, far int32) {
	for int(far) >= len(m.todo) {
		m.todo = append(m.todo, nil)
	}
	m.todo[far] = append(m.todo[far], i)
}

// each calls f with what is to be looked at, nearest first, while f adds to it
// what is one step further.
func (m *mender) each(f func(i id, far int32)) {
	for far := 0; far < len(m.todo); far++ {
		for n := 0; n < len(m.todo[far]); n++ {
			f(m.todo[far][n], int32(far))
		}
	}
	m.todo = m.todo[:0]
}

// lose takes out the files that are not where they were, and returns them.
func (m *mender) lose() []id {
	var lost []id
	leave := func(from id, far int32, links []link) {
		for _, l := range links {
			if m.at(l.to) == far+1 && m.follows(from, l) {
				m.later(l.to, far+1)
			}
		}
	}
	for _, t := range m.view.turns {
		if far := m.at(t.file); far > 0 {
			leave(t.file, far, t.went)
		}
	}
	m.each(func(i id, far int32) {
		if m.at(i) == 0 {
			return
		}
		for from := range m.view.leaders(m.spread, i) {
			if m.at(from) == far-1 {
				return
			}
		}
		m.put(i, 0)
		lost = append(lost, i)
		leave(i, far, m.view.linksLocked(i))
	})
	return lost
}

// gain puts in the lost files that still are somewhere, and what new links lead
// to.
func (m *mender) gain(lost []id) {
	for _, i := range lost {
		var best int32
		for from := range m.view.leaders(m.spread, i) {
			if far := m.at(from); best == 0 || far < best {
				best = far
			}
		}
		if best > 0 {
			m.later(i, best+1)
		}
	}
	further := func(i id, far int32) bool { return m.at(i) == 0 || m.at(i) > far }
	enter := func(from id, far int32, links []link) {
		for _, l := range links {
			if further(l.to, far+1) && m.follows(from, l) {
				m.later(l.to, far+1)
			}
		}
	}
	for _, t := range m.view.turns {
		if far := m.at(t.file); far > 0 {
			enter(t.file, far, t.came)
		}
	}
	m.each(func(i id, far int32) {
		if further(i, far) {
			m.put(i, far)
			enter(i, far, m.view.linksLocked(i))
		}
	})
}
