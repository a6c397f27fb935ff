package watcher

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// builtin are the names that hardly anybody wants to hear of; the weakest of
// all patterns. ".git" is not here: nothing brings it back.
var builtin = parsePatterns(`
# bytecode, caches, environments, what installers write
__pycache__/
*.pyc
*.pyo
*.pyd
.mypy_cache/
.pytest_cache/
.ruff_cache/
.hypothesis/
.ipynb_checkpoints/
.tox/
.nox/
.eggs/
*.egg-info/
.venv/
node_modules/
.hg/
.svn/
.idea/
.DS_Store
# editors: locks, autosaves, backups, swap files, what a save writes first
.#*
\#*#
*~
*.swp
*.swx
*.swo
4913
*___jb_*
sed[[:alnum:]][[:alnum:]][[:alnum:]][[:alnum:]][[:alnum:]][[:alnum:]]
.goutputstream*
# what a running service writes beside its sources
*.log
*.db-journal
*.db-wal
*.db-shm
*.sqlite-journal
*.sqlite-wal
*.sqlite-shm
*.sqlite3-journal
*.sqlite3-wal
*.sqlite3-shm
# Kubernetes volumes: the files proper are links through ..data
..data
..data_tmp
..[0-9][0-9][0-9][0-9]_*
`)

// mode says how much of a directory is watched.
type mode uint8

const (
	skipped      mode = iota // nothing
	namedOnly                // ignored, but for what is named in it
	includedOnly             // ignored, but an include pattern spells out something in it
	whole                    // all that is not ignored
)

// ignore decides which paths are watched. The order of strength: Include,
// Options.Ignore, the .gitignore of the directory, those above it,
// .git/info/exclude, Options.Excludes, the built-in names; within one, the
// last match decides. Options.Named comes behind Options.Ignore, and behind the
// built-in names but for bytecode.
// As in git, what is below an ignored directory cannot be brought back by a
// pattern (but by Include, and by its name). Unlike git, it does not matter whether a file is
// tracked.
type ignore struct {
	user     []pattern
	includes []include
	// files has the patterns of each directory's .gitignore, with its text to
	// tell whether it changed, by path relative to Options.Dir.
	files map[string]ignoreFile
	above above
	named names
	// follow is Options.Follow, clean.
	follow []string
	// version counts changes, so that a walk judges known paths again only
	// when there is a reason to.
	version int
}

type ignoreFile struct {
	text     string
	patterns []pattern
}

func newIgnore(dir string, extra, includes []string, excludes string) *ignore {
	ig := &ignore{
		user:     parsePatterns(strings.Join(extra, "\n")),
		includes: parseIncludes(includes),
		files:    make(map[string]ignoreFile),
	}
	ig.above = above{dir: dir, excludes: excludes}
	ig.above.reload()
	return ig
}

// load takes in the text of dir's .gitignore ("" when there is none) and
// reports whether it differs from what was known.
func (ig *ignore) load(dir, text string) (changed bool) {
	if ig.files[dir].text == text {
		return false
	}
	if text == "" {
		delete(ig.files, dir)
	} else {
		ig.files[dir] = ignoreFile{text, parsePatterns(text)}
	}
	ig.version++
	return true
}

// reloadAbove reads again what lies outside the project, and reports whether
// anything changed.
func (ig *ignore) reloadAbove() (changed bool) {
	if !ig.above.reload() {
		return false
	}
	ig.version++
	return true
}

// strength of the rule that ignores a path.
type strength uint8

const (
	notIgnored strength = iota
	byBuiltin
	byRule
	always // .git
)

// ignored judges the path by itself, not by the directories it is in.
func (ig *ignore) ignored(p string, isDir bool) strength {
	if path.Base(p) == ".git" {
		return always
	}
	verdict := func(m pattern, by strength) strength {
		if m.negated {
			return notIgnored
		}
		return by
	}
	inside := inside(p)
	if m, ok := lastMatch(ig.user, inside, isDir); ok {
		return verdict(m, byRule)
	}
	for d := path.Dir(p); ; d = path.Dir(d) {
		if f, ok := ig.files[d]; ok {
			rest := p
			if d != "." {
				rest = p[len(d)+1:]
			}
			if m, ok := lastMatch(f.patterns, rest, isDir); ok {
				return verdict(m, byRule)
			}
		}
		if d == "." || d == "/" || d == ".." || strings.HasSuffix(d, "/..") {
			break
		}
	}
	for _, f := range ig.above.files {
		full := path.Join(f.prefix, p)
		if strings.HasPrefix(full, "../") {
			continue
		}
		if m, ok := lastMatch(f.patterns, full, isDir); ok {
			return verdict(m, byRule)
		}
	}
	if m, ok := lastMatch(builtin, inside, isDir); ok {
		return verdict(m, byBuiltin)
	}
	return notIgnored
}

// inside returns the part of p that is below Options.Dir or a directory above.
func inside(p string) string {
	for strings.HasPrefix(p, "../") {
		p = p[3:]
	}
	return p
}

// dir says how much is watched of a directory whose parent is watched as
// parent says.
func (ig *ignore) dir(parent mode, p string) mode {
	by := ig.ignored(p, true)
	if by == always || parent == skipped {
		return skipped
	}
	if parent == whole && by == notIgnored {
		return whole
	}
	if parent != namedOnly && ig.reduced(p, by == notIgnored) != skipped {
		return includedOnly
	}
	if ig.leadsToName(p) {
		return namedOnly
	}
	return skipped
}

// reduced says how much is watched of an ignored directory, or of one inside
// an ignored directory: what an include pattern spells out, or may match when
// wildcards count too.
func (ig *ignore) reduced(p string, wildcards bool) mode {
	for _, in := range ig.includes {
		if in.leadsInto(p, wildcards) {
			return includedOnly
		}
	}
	return skipped
}

// filled says how much is watched of a directory of mode m, which may be a
// virtual environment or have something installed in it. No name leads into
// either when it is ignored: what they hold is not edited.
func (ig *ignore) filled(m mode, p string, environment, installed bool) mode {
	switch {
	case m == whole && environment:
		return ig.reduced(p, false)
	case m == namedOnly && (environment || installed):
		return skipped
	}
	return m
}

// file reports whether a file in a directory of mode m is watched.
func (ig *ignore) file(m mode, p string) bool {
	return ig.counts(m, p) || m != skipped && ig.isNamed(p)
}

// counts is file as if nothing was named.
func (ig *ignore) counts(m mode, p string) bool {
	if m == skipped || m == namedOnly {
		return false
	}
	by := ig.ignored(p, false)
	if m == whole && by == notIgnored {
		return true
	}
	for _, in := range ig.includes {
		if in.matches(p) && (by < byBuiltin || by == byRule || by == byBuiltin && in.exact) {
			return true
		}
	}
	return false
}

// An include is one pattern of Options.Include.
type include struct {
	glob     string
	elements []string
	// exact: the last element has a letter of its own. Patterns such as
	// "src/**" do not bring back bytecode and editors' temporary files.
	exact bool
}

func parseIncludes(patterns []string) []include {
	var ins []include
	for _, text := range patterns {
		rooted := strings.Contains(strings.TrimSuffix(text, "/"), "/")
		text = path.Clean(strings.TrimPrefix(filepath.ToSlash(text), "/"))
		if !rooted {
			text = "**/" + text
		}
		in := include{glob: text, elements: strings.Split(text, "/")}
		// A pattern of wildcards alone, as in a catch-all rule, names nothing.
		if !slices.ContainsFunc(in.elements, spelled) {
			continue
		}
		in.exact = spelled(in.elements[len(in.elements)-1])
		ins = append(ins, in)
	}
	return ins
}

// spelled reports whether the element is more than stars and question marks.
func spelled(element string) bool { return strings.Trim(element, "*?") != "" }

func literal(element string) bool { return !strings.ContainsAny(element, `*?[\`) }

func (in include) matches(p string) bool { return wildmatch(in.glob, p) }

// leadsInto reports whether in may match something below dir.
func (in include) leadsInto(dir string, wildcards bool) bool {
	if dir == "." {
		return in.elements[0] != ".."
	}
	for i, name := range strings.Split(dir, "/") {
		switch {
		case i == len(in.elements)-1 && in.elements[i] != "**":
			return false
		case in.elements[i] == "**":
			// A pattern that begins with ** leads nowhere in particular.
			return wildcards && i > 0
		case in.elements[i] == name:
		case wildcards && wildmatch(in.elements[i], name):
		default:
			return false
		}
	}
	return true
}

// outside returns the directories that include patterns spell out, for those
// that may lie outside all roots.
func (ig *ignore) outside() []string {
	var dirs []string
	for _, in := range ig.includes {
		n := 0
		for n < len(in.elements)-1 && literal(in.elements[n]) {
			n++
		}
		if n > 0 {
			dirs = append(dirs, strings.Join(in.elements[:n], "/"))
		} else if literal(in.elements[0]) || in.elements[0] == "**" && len(in.elements) == 2 && literal(in.elements[1]) {
			dirs = append(dirs, ".")
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
