package agent

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bounce/decider"
	"bounce/internal/pyruntime/observe"
	"bounce/watcher"
)

// TestSightings runs the cases of testdata/agent/sightings.txt.
func TestSightings(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "agent", "sightings.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, paragraph := range strings.Split(string(data), "\n\n") {
		name, lines, _ := strings.Cut(strings.TrimPrefix(paragraph, "# "), "\n")
		if !strings.Contains(lines, "=>") || strings.HasPrefix(lines, "#") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var s *sightings
			voices := map[string]*voice{}
			for line := range strings.Lines(lines) {
				line = strings.TrimSpace(line)
				if want, ok := strings.CutPrefix(line, "=>"); ok {
					if got := s.words(); got != strings.TrimSpace(want) {
						t.Errorf("got %q, want %q", got, want)
					}
					continue
				}
				s = hearsay(t, s, voices, strings.Fields(line))
			}
		})
	}
}

// hearsay has a generation tell what a line says.
func hearsay(t *testing.T, s *sightings, voices map[string]*voice, words []string) *sightings {
	number, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	v := voices[words[0]]
	if v == nil {
		v = newVoice(&observe.Spool{Generation: number}, false)
		voices[words[0]] = v
	}
	v.pythons, v.incomplete = []string{"3.12.1"}, false
	key, said, wrote, gone := "@a", map[string]bool{}, map[string]bool{}, map[string]bool{}
	v.packages = map[string]bool{}
	for _, word := range words[1:] {
		switch {
		case word == "ignoring":
			v.packages = nil
		case strings.HasPrefix(word, "+"):
			v.packages[word[1:]] = true
		case word == "mute":
			v.pythons = nil
		case word == "partly":
			v.incomplete = true
		case word == "ready", word == "over":
		case strings.HasPrefix(word, "-"):
			gone[word[1:]] = true
		case strings.HasPrefix(word, "@"):
			key = word
		case strings.HasPrefix(word, "!"):
			said[word[1:]], wrote[word[1:]] = false, true
		default:
			said[strings.TrimPrefix(word, "~")] = strings.HasPrefix(word, "~")
		}
	}
	v.loaded, v.wrote = said, wrote
	return s.told(key, v, slices.Contains(words, "ready"), slices.Contains(words, "over"), func(path string) bool { return !gone[path] })
}

// words is what is known as in the cases.
func (s *sightings) words() string {
	if s == nil {
		return ""
	}
	var all []string
	for path, seen := range s.Files {
		if seen.Opened {
			path = "~" + path
		}
		if seen.Written {
			path = "!" + path
		}
		all = append(all, fmt.Sprintf("%s:%d", path, seen.Generation))
	}
	slices.Sort(all)
	slices.SortStableFunc(all, func(a, b string) int { // what is opened comes last
		return strings.Count(a, "~") - strings.Count(b, "~")
	})
	for _, name := range slices.Sorted(maps.Keys(s.Packages)) {
		all = append(all, fmt.Sprintf("+%s:%d", name, s.Packages[name].Generation))
	}
	if s.Whole {
		all = append(all, "whole")
	}
	return strings.Join(all, " ")
}

func someSightings() map[string]*sightings {
	return map[string]*sightings{
		"api": {
			Key: "k", Whole: true, Packages: map[string]sighting{"six": {Generation: 6, Missed: 1}},
			Files: map[string]sighting{"a b.py": {Generation: 7, Missed: 2}, "x\n": {Opened: true}},
		},
		"job": {Key: "j", Files: map[string]sighting{}},
	}
}

func TestSightingsAreReadAsTheyWereWritten(t *testing.T) {
	all := someSightings()
	all["gone"] = nil
	read := decodeSightings(encodeSightings(all))
	if len(read) != 2 || read["api"].words() != all["api"].words() || read["api"].Key != "k" || read["api"].Files["a b.py"].Missed != 2 || read["api"].Packages["six"].Missed != 1 {
		t.Errorf("%+v", read)
	}
}

// FuzzSightings reads any bytes: what was not written as it is, is nothing.
func FuzzSightings(f *testing.F) {
	good := encodeSightings(someSightings())
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(seal(sightingsHead, []byte("no gob")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		read := decodeSightings(data)
		if read != nil && !bytes.HasPrefix(data, []byte(sightingsHead)) {
			t.Errorf("%q is read as %v", data, read)
		}
		for name, s := range read {
			if s == nil {
				t.Errorf("%q has nothing of %s", data, name)
			}
			_ = s.with("k", 1, map[string]bool{"a.py": false}, map[string]bool{"six": true}, true).after("k", 2, nil, nil, func(string) bool { return true })
		}
	})
}

// TestExecuted: what a generation has executed says more than what it was
// started from.
func TestExecuted(t *testing.T) {
	hash := func(b byte) watcher.Hash { return watcher.Hash{b} }
	type told struct {
		held, now byte // of a.py; now is what the tree holds
		stale     bool
		unsure    bool // nobody knows what was executed of it, and that it is loaded was known
	}
	for name, c := range map[string]struct {
		started byte
		tells   []told
		loads   byte
	}{
		"as it was started":                             {1, []told{{held: 1, now: 1}}, 1},
		"newer than it was started from":                {1, []told{{held: 2, now: 2}}, 2},
		"an edit that was undone":                       {1, []told{{held: 2, now: 1, stale: true}}, 2},
		"a reload that brings what there is":            {1, []told{{held: 1, now: 1}, {held: 2, now: 2, stale: true}}, 1},
		"a process that is late, among others":          {1, []told{{held: 1, now: 1}, {held: 1, now: 2, stale: true}}, 1},
		"one of two is stale, told last":                {1, []told{{held: 2, now: 2}, {held: 1, now: 2, stale: true}}, 1},
		"nobody knows, of one that was not known of it": {1, []told{{now: 1, stale: true}}, 0},
		"nobody knows, and it has not changed":          {1, []told{{now: 1, unsure: true}}, 1},
		"nobody knows of one, the other is newer":       {1, []told{{now: 1, unsure: true}, {held: 2, now: 2, stale: true}}, 1},
		"the other is newer, nobody knows of one":       {1, []told{{held: 2, now: 2}, {now: 2, stale: true, unsure: true}}, 1},
		"one of two is stale, nobody knows of one":      {1, []told{{held: 2, now: 1, stale: true}, {now: 1, stale: true, unsure: true}}, 2},
		"nobody knows of two, as it was started":        {1, []told{{now: 1, unsure: true}, {now: 1, unsure: true}, {held: 1, now: 1}}, 1},
	} {
		g := newGenerations()
		g.starting("api", 3, false, versioned(c.started))
		for _, say := range c.tells {
			stale := false
			if say.unsure {
				stale = g.unsure("api", 3, "a.py", hash(say.now))
			} else {
				stale = g.executed("api", 3, "a.py", hash(say.held), hash(say.held), hash(say.now))
			}
			if stale != say.stale {
				t.Errorf("%s: %+v makes it stale: %v", name, say, stale)
			}
		}
		if got := loads(g.running("api", 3)); got != c.loads {
			t.Errorf("%s: %d runs, want %d", name, got, c.loads)
		}
	}

	g := newGenerations()
	g.starting("api", 3, false, versioned(1))
	if g.executed("api", 2, "a.py", hash(9), hash(9), hash(1)) || loads(g.running("api", 3)) != 1 {
		t.Error("what an older generation has executed counts for the one that runs")
	}
	g.starting("api", 4, true, versioned(2))
	if !g.executed("api", 4, "a.py", hash(9), hash(9), hash(2)) || loads(g.running("api", 3)) != 1 || loads(g.running("api", 4)) != 9 {
		t.Error("what a successor has executed is not known of it, or of the one that serves")
	}
	g.took("api", 4)
	if held, ok := g.proved("api", "a.py"); !ok || held != hash(9) {
		t.Errorf("after it took over it has executed %v, %v", held, ok)
	}
}

// TestLearnt: what is known better of a service is known of what runs too, and
// what differs stays different.
func TestLearnt(t *testing.T) {
	files := func(all map[string]watcher.Hash) decider.Version { return decider.Version{Files: decider.FilesOf(all)} }
	view := func(v decider.Version) *view { return &view{services: map[string]*reached{"api": {version: v}}} }
	before := view(files(map[string]watcher.Hash{"a.py": {1}, "old.py": {1}}))
	after := view(files(map[string]watcher.Hash{"a.py": {1}, "new.py": {2}}))

	g := newGenerations()
	g.starting("api", 1, false, func() decider.Version { return files(map[string]watcher.Hash{"a.py": {7}, "old.py": {1}}) })
	g.asking("api", before.services["api"].version, nil)
	if names, _ := g.learnt(before, after, nil); !slices.Equal(names, []string{"api"}) {
		t.Errorf("learnt of %q", names)
	}
	want := map[string]watcher.Hash{"a.py": {7}, "new.py": {2}}
	if got := maps.Collect(g.running("api", 1).Files.All()); !maps.Equal(got, want) {
		t.Errorf("what runs is %v, want %v", got, want)
	}
	if diff := decider.Diff(*g.promised("api", files(nil)), after.services["api"].version); len(diff) > 0 {
		t.Errorf("what is promised differs: %v", diff)
	}
	if names, _ := g.learnt(after, after, nil); names != nil {
		t.Errorf("nothing is new, and learnt of %q", names)
	}

	// Nobody knows whether it has the late one that there is.
	late := view(files(map[string]watcher.Hash{"a.py": {1}, "new.py": {2}}))
	late.services["api"].version.Packages = map[string]decider.Package{"late": {Version: "2"}, "plug": {Version: "1"}}
	if _, stale := g.learnt(after, late, map[string][]string{"api": {"late"}}); !stale {
		t.Error("it is not stale by what nobody knows of")
	}
	if got := g.running("api", 1).Packages; len(got) != 1 || got["plug"].Version != "1" {
		t.Errorf("it is taken to have %v", got)
	}
}
