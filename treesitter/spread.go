package treesitter

import "slices"

// spread is how far files are from where a search began. It is immutable.
//
// It names no lines and no importers, so it stays right as long as the
// distances do: for an edit that moves imports about in a file, or adds one of
// a file that is no further away. Where distances change, mend finds those that
// do and leaves the others alone.
type spread struct {
	begin []start
	far   []int32 // by id: 1 + length of the shortest chain; 0, or none, for files that were not found
	count int     // of the files that were found
}

// start is a file that a process begins with.
type start struct {
	file   id
	script bool // run as a script, not as a module
}

// at returns 1 + the distance of a file, 0 if it was not found.
func (s *spread) at(i id) int32 {
	if i < 0 || int(i) >= len(s.far) {
		return 0
	}
	return s.far[i]
}

// follows reports whether the file from, if the process runs it, leads on by a
// link of its. A script does not load the packages that it lies in; should it
// be imported as well, then whoever does that leads to them.
func (s *spread) follows(from id, l link) bool {
	return !l.own || !s.script(from)
}

func (s *spread) script(i id) bool {
	if s.at(i) != 1 {
		return false
	}
	n := slices.IndexFunc(s.begin, func(b start) bool { return b.file == i })
	return s.begin[n].script
}

// nearest returns the spread of several searches together.
func nearest(parts []part) *spread {
	if len(parts) == 1 {
		return parts[0].spread
	}
	all := new(spread)
	for _, p := range parts {
		if n := len(p.far) - len(all.far); n > 0 {
			all.far = append(all.far, make([]int32, n)...)
		}
		for i, n := range p.far {
			switch {
			case n == 0:
			case all.far[i] == 0:
				all.far[i] = n
				all.count++
			default:
				all.far[i] = min(all.far[i], n)
			}
		}
	}
	return all
}

// inOrder returns the files, nearest first.
func (s *spread) inOrder() []id {
	var place []int // where those that far begin
	for _, n := range s.far {
		for int(n) >= len(place)-1 {
			place = append(place, 0)
		}
		if n > 0 {
			place[n+1]++
		}
	}
	for n := 1; n < len(place); n++ {
		place[n] += place[n-1]
	}
	all := make([]id, s.count)
	for i, n := range s.far {
		if n > 0 {
			all[place[n]] = id(i)
			place[n]++
		}
	}
	return all
}

// set notes the distance of a file, 0 if it is not found any more. Only who
// makes a spread may.
func (s *spread) set(i id, far int32) {
	if n := int(i) + 1 - len(s.far); n > 0 {
		s.far = append(s.far, make([]int32, n)...)
	}
	switch {
	case s.far[i] == 0 && far > 0:
		s.count++
	case s.far[i] > 0 && far == 0:
		s.count--
	}
	s.far[i] = far
}

// newSpread returns one with the files that a search begins with. They come
// back as a queue: each but once.
func newSpread(begin []start, files int) (*spread, []id) {
	s := &spread{begin: begin, far: make([]int32, files)}
	var queue []id
	for _, b := range begin {
		if s.at(b.file) == 0 {
			s.set(b.file, 1)
			queue = append(queue, b.file)
		}
	}
	return s, queue
}

// search returns how far files are from begin.
func (v *view) search(begin []start) *spread {
	s, queue := newSpread(begin, len(v.g.table.all()))
	for n := 0; n < len(queue); n++ {
		at := queue[n]
		for _, l := range v.linksLocked(at) {
			if s.far[l.to] == 0 && s.follows(at, l) {
				s.set(l.to, s.far[at]+1)
				queue = append(queue, l.to)
			}
		}
	}
	return s
}

// searchBack returns how far files are from those that they lead to.
func (v *view) searchBack(begin []start) *spread {
	v.mu.Lock()
	defer v.mu.Unlock()
	importers := v.allImporters()
	s, queue := newSpread(begin, len(v.g.table.all()))
	for n := 0; n < len(queue); n++ {
		at := queue[n]
		for _, i := range importers.at(at) {
			if s.far[i] == 0 {
				s.set(i, s.far[at]+1)
				queue = append(queue, i)
			}
		}
	}
	return s
}
