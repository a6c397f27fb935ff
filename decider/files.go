package decider

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"bounce/watcher"
)

// Files is a set of files with the hashes of what they hold. It is immutable,
// and the zero value is empty. What [Files.With] returns shares most with what
// it was made from: an agent keeps thousands of files for each of its services,
// and a save changes one of them.
type Files struct {
	buckets *[buckets]bucket
	count   int
}

// buckets is how many parts a set has: for 7,000 files, making another that
// differs in one copies 55 of them, and telling the two apart looks at as many.
const buckets = 128

// bucket has the files of which the hash of the path says so, sorted by path.
type bucket []revision

type revision struct {
	path string
	hash watcher.Hash
}

var seed = maphash.MakeSeed()

// FilesOf returns a set. The zero hash says, as leaving the path out does, that
// there is no such file.
func FilesOf(all map[string]watcher.Hash) Files { return Files{}.With(all) }

// Len returns how many files there are.
func (f Files) Len() int { return f.count }

// Hash returns the hash of a file, zero if it is not in the set.
func (f Files) Hash(path string) watcher.Hash {
	if f.buckets != nil {
		b := f.buckets[bucketOf(path)]
		if i, ok := b.find(path); ok {
			return b[i].hash
		}
	}
	return watcher.Hash{}
}

// Has reports whether a file is in the set.
func (f Files) Has(path string) bool { return f.Hash(path) != (watcher.Hash{}) }

// All yields the files, in no particular order.
func (f Files) All() iter.Seq2[string, watcher.Hash] {
	return func(yield func(string, watcher.Hash) bool) {
		if f.buckets == nil {
			return
		}
		for _, b := range f.buckets {
			for _, r := range b {
				if !yield(r.path, r.hash) {
					return
				}
			}
		}
	}
}

// With returns the set with other hashes for some files, or without those whose
// hash is zero.
func (f Files) With(changes map[string]watcher.Hash) Files {
	next := Files{buckets: new([buckets]bucket), count: f.count}
	if f.buckets != nil {
		*next.buckets = *f.buckets
	}
	var own [buckets]bool
	for path, hash := range changes {
		n := bucketOf(path)
		b := &next.buckets[n]
		if !own[n] {
			*b, own[n] = slices.Clone(*b), true
		}
		i, ok := b.find(path)
		there := hash != (watcher.Hash{})
		switch {
		case ok && there:
			(*b)[i].hash = hash
		case ok:
			*b = slices.Delete(*b, i, i+1)
			next.count--
		case there:
			*b = slices.Insert(*b, i, revision{path, hash})
			next.count++
		}
	}
	return next
}

// sorted returns the files by path.
func (f Files) sorted() []revision {
	if f.buckets == nil {
		return nil
	}
	all := slices.Concat(slices.Collect(slices.Values(f.buckets[:]))...)
	slices.SortFunc(all, func(a, b revision) int { return strings.Compare(a.path, b.path) })
	return all
}

// since yields how f differs from old: the word for it by path.
func (f Files) since(old Files) iter.Seq2[string, string] {
	return func(yield func(path, change string) bool) {
		if f.buckets == old.buckets {
			return
		}
		var none [buckets]bucket
		now, was := f.buckets, old.buckets
		if now == nil {
			now = &none
		}
		if was == nil {
			was = &none
		}
		for n := range now {
			if !now[n].since(was[n], yield) {
				return
			}
		}
	}
}

func (b bucket) since(old bucket, yield func(path, change string) bool) bool {
	if len(b) == len(old) && (len(b) == 0 || &b[0] == &old[0]) {
		return true // one and the same
	}
	for len(b) > 0 || len(old) > 0 {
		order := 0
		switch {
		case len(b) == 0:
			order = 1
		case len(old) == 0:
			order = -1
		default:
			order = strings.Compare(b[0].path, old[0].path)
		}
		path, change := "", ""
		switch {
		case order < 0:
			path, change, b = b[0].path, created, b[1:]
		case order > 0:
			path, change, old = old[0].path, deleted, old[1:]
		default:
			if b[0].hash != old[0].hash {
				path, change = b[0].path, modified
			}
			b, old = b[1:], old[1:]
		}
		if change != "" && !yield(path, change) {
			return false
		}
	}
	return true
}

func (b bucket) find(path string) (int, bool) {
	return slices.BinarySearchFunc(b, path, func(r revision, path string) int { return strings.Compare(r.path, path) })
}

func bucketOf(path string) int { return int(maphash.String(seed, path) % buckets) }
