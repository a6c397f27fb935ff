package decider

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"
	"reflect"
	"slices"
	"strings"

	"bounce/watcher"
)

// Version is the content of everything a process of a service can load, and
// how it is started. Two generations of equal Version run the same code.
//
// A Version is not changed once it is made: versions that share what they are
// made of are compared in no time, so whoever makes them should make each of the
// one before, by [Files.With], and reuse the maps of the start identity and of
// the packages.
type Version struct {
	// Files has every file of the reach, watch globs included.
	Files Files
	// Start has the parts of the start identity by name, such as "command",
	// "environment", "interpreter", "cwd", "user".
	Start map[string]string
	// Packages are the installed distributions that it may load, by name.
	Packages map[string]Package
}

// Package is an installed distribution.
type Package struct {
	Version string
	// Sum tells apart two that are of one version.
	Sum watcher.Hash
}

// Difference is one way in which two versions differ.
type Difference struct {
	// Path is a file whose content differs, Package an installed distribution
	// that does; both are "" for a part of the start identity.
	Path, Package string
	// Change is "created", "modified" or "deleted" for a file or a package,
	// else the name of the part.
	Change string
	// Old and New are the versions of a package, "" where it is not there.
	Old, New string
}

// Words of Difference.Change and Reason.Change.
const (
	created  = "created"
	modified = "modified"
	deleted  = "deleted"
	// Of Reason.Change alone.
	reached   = "reached"
	unreached = "unreached"
	// The part of Version.Start that env files are in.
	environment = "environment"
)

// Fingerprint returns a hash over the version. It depends on what the version
// says and not on how its maps were built: two versions have equal
// fingerprints exactly if [Diff] finds nothing between them.
func (v Version) Fingerprint() watcher.Hash {
	h := sha256.New()
	for _, r := range v.Files.sorted() {
		h.Write([]byte{'f'})
		write(h, r.path)
		h.Write(r.hash[:])
	}
	for _, part := range slices.Sorted(maps.Keys(v.Start)) {
		h.Write([]byte{'s'})
		write(h, part)
		write(h, v.Start[part])
	}
	for _, name := range slices.Sorted(maps.Keys(v.Packages)) {
		h.Write([]byte{'p'})
		write(h, name)
		write(h, v.Packages[name].Version)
		sum := v.Packages[name].Sum
		h.Write(sum[:])
	}
	return watcher.Hash(h.Sum(nil))
}

// write hashes a string with its length before it, so that no two lists of
// strings look alike.
func write(h hash.Hash, s string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(s)))
	h.Write(size[:])
	h.Write([]byte(s))
}

// Diff returns how new differs from old: files in path order, then packages and
// then the parts of the start identity in order of their names. It returns nil
// for versions that say the same.
func Diff(old, new Version) []Difference {
	var diff []Difference
	for path, change := range new.Files.since(old.Files) {
		diff = append(diff, Difference{Path: path, Change: change})
	}
	slices.SortFunc(diff, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	diff = append(diff, changedPackages(old.Packages, new.Packages)...)
	return append(diff, changedParts(old.Start, new.Start)...)
}

// Learnt returns v with what differs by diff as it is in now: what is known
// better of both.
func (v Version) Learnt(now Version, diff []Difference) Version {
	files := map[string]watcher.Hash{}
	var packages map[string]Package
	for _, d := range diff {
		switch {
		case d.Path != "":
			files[d.Path] = now.Files.Hash(d.Path)
		case d.Package != "":
			if packages == nil {
				if packages = maps.Clone(v.Packages); packages == nil {
					packages = map[string]Package{}
				}
				v.Packages = packages
			}
			if p, there := now.Packages[d.Package]; there {
				packages[d.Package] = p
			} else {
				delete(packages, d.Package)
			}
		}
	}
	v.Files = v.Files.With(files)
	return v
}

func changedPackages(old, new map[string]Package) (diff []Difference) {
	if same(old, new) {
		return nil
	}
	for name, now := range new {
		switch was, ok := old[name]; {
		case !ok:
			diff = append(diff, Difference{Package: name, Change: created, New: now.Version})
		case was != now:
			diff = append(diff, Difference{Package: name, Change: modified, Old: was.Version, New: now.Version})
		}
	}
	for name, was := range old {
		if _, ok := new[name]; !ok {
			diff = append(diff, Difference{Package: name, Change: deleted, Old: was.Version})
		}
	}
	slices.SortFunc(diff, func(a, b Difference) int { return strings.Compare(a.Package, b.Package) })
	return diff
}

func changedParts(old, new map[string]string) []Difference {
	if same(old, new) {
		return nil
	}
	var names []string
	for name, now := range new {
		if was, ok := old[name]; !ok || was != now {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, ok := new[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var diff []Difference
	for _, name := range names {
		diff = append(diff, Difference{Change: name})
	}
	return diff
}

// same reports whether two maps are one: they need no comparing then.
func same[M ~map[string]V, V any](a, b M) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}
