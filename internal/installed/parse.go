package installed

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Name returns the name of a distribution in the one spelling that all of its
// spellings share: Foo.Bar, foo_bar and foo-bar are one.
func Name(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

var separators = regexp.MustCompile(`[-_.]+`)

// record is what a RECORD, or a list of files without hashes, says.
type record struct {
	// sum is a hash over the files that are the distribution's own, by path and
	// hash. An installer's notes of itself, and bytecode, are left out: the same
	// wheel has the same sum whoever installed it.
	sum [sha256.Size]byte
	// modules are the names that lead to all that can be imported: packages
	// with an __init__ by their outermost, what is in none by its own.
	modules []string
	scripts []string // programs, by the name of the file
	paths   []string // of .pth files, seen from the directory
	hashed  bool     // some file has a hash
}

// parseRecord reads lines of path,hash,size, as in CSV. What is no such line
// is a path without a hash.
func parseRecord(data []byte) record {
	var r record
	var lines []string // that count for the sum
	packages, sources := map[string]bool{}, []string{}
	for line := range strings.Lines(string(data)) {
		file, hash := splitRecord(strings.TrimRight(line, "\r\n"))
		if file == "" {
			continue
		}
		r.hashed = r.hashed || hash != ""
		dir, base := path.Split(file)
		switch {
		case strings.HasPrefix(file, "/") || strings.HasPrefix(file, ".."):
			if inner := path.Base(dir); inner == "bin" || inner == "Scripts" {
				r.scripts = append(r.scripts, strings.TrimSuffix(base, ".exe"))
				continue // written with the path of the interpreter in it
			}
		case infoDirectory(file) && slices.Contains(notes, base), strings.HasSuffix(base, ".pyc"):
			continue
		case dir == "" && strings.HasSuffix(base, ".pth"):
			r.paths = append(r.paths, file)
		default:
			if stem, ok := moduleFile(base); ok && stem == "__init__" {
				packages[dir] = true
			}
			sources = append(sources, file)
		}
		lines = append(lines, file+","+hash)
	}
	slices.Sort(lines)
	r.sum = sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "\n")))

	found := map[string]bool{}
	for _, file := range sources {
		if module := moduleOf(file, packages); module != "" {
			found[module] = true
		}
	}
	for module := range found {
		r.modules = append(r.modules, module)
	}
	slices.Sort(r.modules)
	slices.Sort(r.scripts)
	return r
}

// notes are the files in which installers write of themselves.
var notes = []string{"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", "RECORD.jws", "RECORD.p7s"}

// infoDirectory reports whether a file is among those that describe a
// distribution.
func infoDirectory(file string) bool {
	top, _, _ := strings.Cut(file, "/")
	return strings.HasSuffix(top, ".dist-info") || strings.HasSuffix(top, ".egg-info")
}

// splitRecord returns the path and the hash of a line.
func splitRecord(line string) (file, hash string) {
	if strings.Contains(line, `"`) {
		r := csv.NewReader(strings.NewReader(line))
		r.FieldsPerRecord = -1
		fields, err := r.Read()
		if err != nil || len(fields) < 3 {
			return line, ""
		}
		return fields[0], fields[1]
	}
	rest, _, sized := cutLast(line, ",")
	file, hash, hashed := cutLast(rest, ",")
	if !sized || !hashed {
		return line, ""
	}
	return file, hash
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// moduleFile returns the name of the module that a file is.
func moduleFile(base string) (stem string, ok bool) {
	switch path.Ext(base) {
	case ".py", ".so", ".pyd":
		stem, _, _ = strings.Cut(base, ".")
		return stem, stem != ""
	}
	return "", false
}

var identifier = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// moduleOf returns the name by which a file is imported, or that of the
// outermost package with an __init__ around it; "" for what is no module.
func moduleOf(file string, packages map[string]bool) string {
	if infoDirectory(file) {
		return ""
	}
	dir, base := path.Split(file)
	stem, ok := moduleFile(base)
	if !ok {
		return ""
	}
	var names []string
	for at, rest := "", dir; rest != ""; {
		name, below, _ := strings.Cut(rest, "/")
		if !identifier.MatchString(name) {
			return ""
		}
		names = append(names, name)
		if at += name + "/"; packages[at] {
			return strings.Join(names, ".")
		}
		rest = below
	}
	if !identifier.MatchString(stem) {
		return ""
	}
	return strings.Join(append(names, stem), ".")
}

// metadata is what a METADATA or PKG-INFO says at its head.
type metadata struct {
	name, version string
	requires      []Requirement
}

// Requirement is a distribution that another one needs.
type Requirement struct {
	Name string
	// Always says that no extra and no condition stands by it.
	Always bool
}

var requirement = regexp.MustCompile(`^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)`)

// parseMetadata reads the lines before the first empty one.
func parseMetadata(data []byte) metadata {
	var m metadata
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(key) {
		case "name":
			m.name = value
		case "version":
			m.version = value
		case "requires-dist":
			m.requires = need(m.requires, value)
		}
	}
	return m
}

// parseRequires reads the requires.txt of an egg-info: requirements, and after
// a line [EXTRA:CONDITION] those that it takes.
func parseRequires(data []byte) (all []Requirement) {
	marker := ""
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		if rest, ok := strings.CutPrefix(text, "["); ok {
			extra, _, _ := strings.Cut(strings.TrimSuffix(rest, "]"), ":")
			marker = fmt.Sprintf("; extra == %q", extra)
			continue
		}
		all = need(all, text+marker)
	}
	return all
}

var extra = regexp.MustCompile(`extra\s*==\s*['"]([^'"]*)['"]`)

// need adds what a line of Requires-Dist says, unless it is for those who
// develop the distribution.
func need(all []Requirement, text string) []Requirement {
	found := requirement.FindStringSubmatch(text)
	if found == nil {
		return all
	}
	_, marker, conditional := strings.Cut(text, ";")
	r := Requirement{Name(found[1]), !conditional}
	extras := extra.FindAllStringSubmatch(marker, -1)
	develops := len(extras) > 0 && !slices.ContainsFunc(extras, func(e []string) bool { return !slices.Contains(developExtras, Name(e[1])) })
	if develops || len(extras) > 0 && slices.ContainsFunc(developTools, func(tool string) bool {
		return r.Name == tool || strings.HasPrefix(r.Name, tool+"-")
	}) {
		return all
	}
	return append(all, r)
}

// No service loads what a distribution needs to be developed: its extras by
// these names, and these tools under any extra, with their plugins.
var (
	developExtras = []string{
		"build", "check", "checks", "cov", "cover", "dev", "develop", "development", "doc", "docs", "documentation", "enabler",
		"format", "lint", "linting", "mypy", "qa", "release", "style", "test", "tests", "testing", "test-extras", "tests-mypy",
		"tests-strict", "type", "types", "typing",
	}
	developTools = []string{
		"black", "build", "coverage", "flake8", "isort", "mypy", "nox", "pre-commit", "pylint", "pyright", "pytest", "ruff",
		"sphinx", "tox", "twine",
	}
)

// parseEntryPoints returns the programs that an entry_points.txt declares, and
// the other groups that it adds to.
func parseEntryPoints(data []byte) (scripts, groups []string) {
	group := ""
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
		case text[0] == '[':
			group = strings.Trim(text, "[] ")
			if group != "console_scripts" && group != "gui_scripts" {
				groups = append(groups, group)
			}
		case group == "console_scripts" || group == "gui_scripts":
			if name, _, ok := strings.Cut(text, "="); ok {
				scripts = append(scripts, strings.TrimSpace(name))
			}
		}
	}
	return scripts, groups
}

// parsePaths reads a .pth file: the directories that it adds, and whether it
// has Python run something.
func parsePaths(data []byte) (dirs []string, runs bool) {
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "" || text[0] == '#':
		case strings.HasPrefix(text, "import ") || strings.HasPrefix(text, "import\t"):
			runs = true
		default:
			dirs = append(dirs, text)
		}
	}
	return dirs, runs
}
