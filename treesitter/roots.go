package treesitter

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// FindRoots guesses the import roots of a project from the paths of its files
// and the contents of its setup files, which read returns. The project
// directory is the first, then come the roots nearest to it.
//
// A root is the directory of a pyproject.toml, setup.cfg or setup.py, its src
// directory if that holds Python, and what these files declare; and whatever
// directory holds a package that is in no other package, unless it looks like
// a directory of tests or examples.
func FindRoots(files []string, read func(path string) ([]byte, error)) []string {
	python := make(map[string]bool)   // directories with Python at any depth
	packages := make(map[string]bool) // directories with an __init__.py
	for _, f := range files {
		if path.Ext(f) != ".py" {
			continue
		}
		for d := path.Dir(f); !python[d]; d = path.Dir(d) {
			python[d] = true
		}
		if path.Base(f) == "__init__.py" {
			packages[path.Dir(f)] = true
		}
	}
	roots := map[string]bool{}
	add := func(d string) {
		if d = path.Clean(d); python[d] && !packages[d] && d != ".." && !strings.HasPrefix(d, "../") {
			roots[d] = true
		}
	}
	for _, f := range files {
		d := path.Dir(f)
		switch path.Base(f) {
		case "pyproject.toml", "setup.cfg", "setup.py":
			if aside(d) {
				continue
			}
			add(d)
			add(path.Join(d, "src"))
			if src, err := read(f); err == nil {
				for _, sub := range declared(path.Base(f), src) {
					add(path.Join(d, sub))
				}
			}
		}
	}
	for p := range packages {
		if parent := path.Dir(p); p != "." && !packages[parent] && !aside(p) {
			add(parent)
		}
	}
	add("src")
	delete(roots, ".")
	all := []string{}
	for r := range roots {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	return append([]string{"."}, all...)
}

// aside reports whether a directory lies among tests, examples or the like,
// whose packages are nobody's to import.
func aside(d string) bool {
	for part := range strings.SplitSeq(d, "/") {
		switch part {
		case "test", "tests", "testing", "testdata", "fixtures", "example", "examples", "docs", "doc", "templates",
			"node_modules", "site-packages", "vendor", "build", "dist":
			return true
		}
		if len(part) > 1 && part[0] == '.' && part != ".." {
			return true
		}
	}
	return false
}

var (
	// package_dir={"": "src"}, and in setup.cfg "package_dir =" and, on a line
	// of its own, "=src".
	packageDir = regexp.MustCompile(`package_dir\s*=\s*\{\s*["']{2}\s*:\s*["']([^"']+)["']`)
	emptyKey   = regexp.MustCompile(`(?m)^\s+=\s*(\S+)\s*$`)
	where      = regexp.MustCompile(`(?m)(?:^|[(,\s])where\s*=\s*["']?([\w./-]+)["']?`)
	find       = regexp.MustCompile(`find(?:_namespace)?_packages\(\s*["']([^"']+)["']`)
)

// declared returns the directories that a setup file declares to hold
// packages.
func declared(name string, src []byte) []string {
	var all []string
	collect := func(r *regexp.Regexp) {
		for _, m := range r.FindAllSubmatch(src, -1) {
			all = append(all, string(m[1]))
		}
	}
	switch name {
	case "pyproject.toml":
		return declaredInPyproject(src)
	case "setup.py":
		collect(packageDir)
		collect(where)
		collect(find)
	case "setup.cfg":
		collect(emptyKey)
		collect(where)
	}
	return all
}
