package agent

import (
	"bytes"
	"encoding/gob"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bounce/internal/control"
)

// sightings are the files of the project, and the installed distributions, that
// the generations of a service were observed to load. They are never changed.
type sightings struct {
	// Key is what the service was when they were made: another entry, another
	// interpreter, or one that looks elsewhere, loads other files.
	Key   string
	Files map[string]sighting // by path
	// Packages are the distributions, by name.
	Packages map[string]sighting
	// Whole says that a generation which was ready has told all that it loaded
	// until then: what is not among the files is known not to be needed.
	Whole bool

	modules []string // the files that are modules, sorted
}

// sighting is what is known of one file, or distribution.
type sighting struct {
	// Generation is the newest that has loaded it.
	Generation int
	// Missed is how many generations in a row have done without.
	Missed int
	// Opened says that it is a file that is no module, and was read.
	Opened bool
	// Written says that processes of the service have written it themselves.
	Written bool
}

// mostMissed is how many generations in a row may do without a file that an
// earlier one has loaded. Forgetting one too early costs nothing: a generation
// that loads it tells so before it does. Remembering one for long costs restarts
// that were not needed. So the number is a handful: as many as come and go while
// somebody works on another part of the service.
const mostMissed = 5

// get returns what is known of a file.
func (s *sightings) get(path string) (sighting, bool) {
	if s == nil {
		return sighting{}, false
	}
	seen, ok := s.Files[path]
	return seen, ok
}

// of returns s if it is of a service that is now as key says; else nil.
func (s *sightings) of(key string) *sightings {
	if s == nil || s.Key != key || len(s.Files)+len(s.Packages) == 0 && !s.Whole {
		return nil
	}
	return s
}

// listed returns s, whose files are all there, with its modules listed.
func (s *sightings) listed() *sightings {
	for path, seen := range s.Files {
		if !seen.Opened {
			s.modules = append(s.modules, path)
		}
	}
	slices.Sort(s.modules)
	return s
}

// with returns s with what a generation has loaded, which is whole once that is
// ready. It is s itself if nothing of it is new.
func (s *sightings) with(key string, generation int, loaded, packages map[string]bool, whole bool) *sightings {
	own := s.of(key)
	if own == nil {
		own = &sightings{}
	}
	fresh := whole && !own.Whole
	for path := range loaded {
		_, known := own.Files[path]
		fresh = fresh || !known
	}
	for name := range packages {
		_, known := own.Packages[name]
		fresh = fresh || !known
	}
	if !fresh {
		return s
	}
	next := &sightings{Key: key, Files: map[string]sighting{}, Packages: map[string]sighting{}, Whole: whole || own.Whole}
	next.take(generation, loaded, packages)
	maps.Copy(next.Files, own.Files)
	maps.Copy(next.Packages, own.Packages)
	return next.listed()
}

// after returns s at the end of a generation that was ready and has told all
// that it loaded: what several such ones in a row have not is forgotten, but for
// files that were read, as long as there is one: what is behind a cache is read
// when it is newer than that, which is after an edit. Of packages nil says that it
// was not asked.
func (s *sightings) after(key string, generation int, loaded, packages map[string]bool, there func(path string) bool) *sightings {
	next := &sightings{Key: key, Files: map[string]sighting{}, Packages: map[string]sighting{}, Whole: true}
	if s = s.of(key); s != nil {
		fade(next.Files, s.Files, 1)
		for path, seen := range s.Files {
			if seen.Opened && !seen.Written && there(path) {
				next.Files[path] = seen
			}
		}
		if packages == nil {
			fade(next.Packages, s.Packages, 0)
		} else {
			fade(next.Packages, s.Packages, 1)
		}
	}
	next.take(generation, loaded, packages)
	return next.listed()
}

// fade puts into now what was known, after some more generations without it.
func fade(now, was map[string]sighting, missed int) {
	for name, seen := range was {
		if seen.Missed += missed; seen.Missed < mostMissed {
			now[name] = seen
		}
	}
}

// take notes what a generation has loaded, while s is made.
func (s *sightings) take(generation int, loaded, packages map[string]bool) {
	for path, opened := range loaded {
		s.Files[path] = sighting{Generation: generation, Opened: opened}
	}
	for name := range packages {
		s.Packages[name] = sighting{Generation: generation}
	}
}

// written returns s with the files noted that processes of the service have
// written themselves.
func (s *sightings) written(wrote map[string]bool) *sightings {
	next := s
	for path := range wrote {
		seen, known := s.get(path)
		if !known || seen.Written {
			continue
		}
		if next == s {
			own := *s
			own.Files = maps.Clone(s.Files)
			next = &own
		}
		seen.Written = true
		next.Files[path] = seen
	}
	return next
}

// sightingsName is the name of the file in the state directory. A start of
// another version of bounce ignores it.
const (
	sightingsName = "observed"
	sightingsHead = "bounce observed 2 "
)

// readSightings returns what an earlier agent knew, by service; none if there is
// nothing of use.
func readSightings(project string) map[string]*sightings {
	state, err := control.StateDir(project)
	if err != nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(state, sightingsName))
	if err != nil {
		return nil
	}
	return decodeSightings(data)
}

func encodeSightings(all map[string]*sightings) []byte {
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(_ string, s *sightings) bool { return s == nil })
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(all); err != nil {
		panic("bug: sightings are plain data: " + err.Error())
	}
	return seal(sightingsHead, b.Bytes())
}

// decodeSightings is the inverse of encodeSightings. It takes any bytes: of those
// that it cannot read nothing is known.
func decodeSightings(data []byte) (all map[string]*sightings) {
	body, err := unseal(sightingsHead, data)
	if err != nil || gob.NewDecoder(bytes.NewReader(body)).Decode(&all) != nil {
		return nil
	}
	maps.DeleteFunc(all, func(_ string, s *sightings) bool { return s == nil })
	for _, s := range all {
		s.listed()
	}
	return all
}

// sightingKey tells apart what a service was when something was seen of it.
func (s *service) sightingKey() string {
	words := slices.Concat([]string{s.python.Path}, s.search.ahead, []string{""}, s.search.roots)
	for _, e := range s.entries {
		words = append(words, e.Module+"/"+e.File)
	}
	return strings.Join(words, "\n")
}
