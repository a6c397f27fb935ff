package agent

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/internal/pyruntime/observe"
)

// What processes load of installed packages, where no import, command or
// setting names it: plugins by entry point, drivers by the scheme of a URL. A
// distribution that is told joins what the service loads as it is installed
// then. That is right since a package is told before its code runs, and what was
// told is heard before it is decided that something was installed: who has
// loaded the old one is known to have, and who loads the new one later is not
// restarted for it. Only of what was told while no agent was there it is not
// known which it was, see voice.place.

// place finds the distributions of what v has told. It returns those of which it
// is not known whether v has loaded what there is now: told while no agent was
// there, not known before, and installed since v began. If packages do not count
// for the service they are left until they do.
func (v *voice) place(s *service, known *sightings) (unsure []string) {
	if !s.follows() {
		return nil
	}
	if v.packages == nil {
		v.packages = map[string]bool{}
	}
	first := !v.attended
	v.attended = true
	if len(v.others) == 0 {
		return nil
	}
	known = known.of(s.sightingKey())
	sites := s.sites()
	for _, m := range v.others {
		for _, name := range s.distributionsOf(m, sites) {
			if v.packages[name] {
				continue
			}
			v.packages[name] = true
			if first && v.inherited && !known.hasPackage(name) && s.search.installed.Get(name).Written().After(v.Began) {
				unsure = append(unsure, name)
			}
		}
	}
	v.others = nil
	return unsure
}

// sites returns the directories that packages are installed in, by all their
// names.
func (s *service) sites() (all []string) {
	for _, site := range s.search.path.Sites {
		for _, name := range []string{site, realPath(site)} {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// distributionsOf returns those that a module is of: by where it is, or if that
// is in none of the sites by its name, as of an editable install. What lies in
// another environment is of none.
func (s *service) distributionsOf(m observe.Module, sites []string) []string {
	env := s.search.installed
	for _, site := range sites {
		if place, below := strings.CutPrefix(m.File, site+"/"); below {
			return env.Find(moduleAt(place))
		}
	}
	switch {
	case m.Name == "", m.File == "built-in", m.File == "frozen",
		strings.HasPrefix(m.File, s.search.path.Library+"/"),
		strings.Contains(m.File, "/site-packages/"), strings.Contains(m.File, "/dist-packages/"):
		return nil
	}
	return env.Find(m.Name)
}

// moduleAt returns the name of what is at a place below a directory of
// sys.path: a directory or a file.
func moduleAt(place string) string {
	dir, base := filepath.Split(place)
	base, _, _ = strings.Cut(base, ".")
	return strings.ReplaceAll(dir+base, "/", ".")
}

// hasPackage reports whether a distribution was observed.
func (s *sightings) hasPackage(name string) bool {
	if s == nil {
		return false
	}
	_, seen := s.Packages[name]
	return seen
}

// observedPackage is the link to a distribution that was observed.
func (p span) observedPackage(name string) decider.Link {
	return decider.Link{From: "observed in generation " + strconv.Itoa(p.known.Packages[name].Generation), To: name}
}

// sighted returns how many distributions r was observed to load, and those of
// them to which nothing else leads.
func (r *reached) sighted() (n int, unnamed []control.Sighted) {
	if r.span.known == nil || !r.service.follows() {
		return 0, nil
	}
	for _, name := range r.packages.unnamed {
		unnamed = append(unnamed, control.Sighted{Name: name, Generation: r.span.known.Packages[name].Generation})
	}
	for name := range r.span.known.Packages {
		if r.service.search.installed.Get(name) != nil {
			n++
		}
	}
	return n, unnamed
}
