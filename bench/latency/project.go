//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// perPackage is how many modules a package of the generated tree has.
const perPackage = 20

// project is a generated tree of Python packages. Module 0 is the service's
// entry; every module imports up to two later ones, so that the entry reaches
// all of them over chains of different lengths. Files have 3 KB of code, and
// the one that is edited 20 KB: people edit the large ones.
type project struct {
	dir     string
	modules []string // absolute paths
	edits   int
}

func newProject(dir string, files int) (*project, error) {
	p := &project{dir: dir}
	for i := range files {
		path := filepath.Join(dir, filepath.FromSlash(modulePath(i)))
		if i%perPackage == 0 {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return nil, err
			}
		}
		if err := os.WriteFile(path, source(i, files, 0), 0o644); err != nil {
			return nil, err
		}
		p.modules = append(p.modules, path)
	}
	return p, nil
}

// leaf is the module that the series edit: the last one, which imports
// nothing and is reached over a chain.
func (p *project) leaf() int { return len(p.modules) - 1 }

// next returns new contents for a module, of the same size as the last.
func (p *project) next(module int) []byte {
	p.edits++
	return source(module, len(p.modules), p.edits)
}

// packages have no __init__.py, as many projects do: the count of files is
// then the count of modules.
func modulePath(i int) string { return fmt.Sprintf("pkg%03d/mod%02d.py", i/perPackage, i%perPackage) }

func moduleName(i int) string { return fmt.Sprintf("pkg%03d.mod%02d", i/perPackage, i%perPackage) }

func source(i, files, revision int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "\"\"\"Module %d.\"\"\"\n", i)
	for _, target := range []int{2*i + 1, 2*i + 2} {
		if target < files {
			fmt.Fprintf(&b, "import %s\n", moduleName(target))
		}
	}
	fmt.Fprintf(&b, "\nREVISION = \"%08d\"\n", revision)
	functions := 12
	if i == files-1 {
		functions = 80
	}
	for f := range functions {
		fmt.Fprintf(&b, "\n\ndef handler_%d(request, limit=%d):\n    \"\"\"Answer a request.\"\"\"\n    rows = [r for r in request if r.value > limit]\n    return {\"count\": len(rows), \"first\": rows[:1], \"module\": %q}\n", f, f*10, moduleName(i))
	}
	return []byte(b.String())
}

// save is a way of writing a file. It returns the moment from which the new
// contents are there for all to see.
type save struct {
	name  string
	write func(path string, content []byte) (instant, error)
}

// saves are the two ways that editors have.
var saves = []save{
	{"in place", saveInPlace},
	{"rename", saveByRename},
}

// saveInPlace truncates and writes. The moment is right before close.
func saveInPlace(path string, content []byte) (instant, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return instant{}, err
	}
	_, err = f.Write(content)
	at := now()
	if closing := f.Close(); err == nil {
		err = closing
	}
	return at, err
}

// saveByRename writes a file beside it and renames that. The moment is right
// before the rename.
func saveByRename(path string, content []byte) (instant, error) {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return instant{}, err
	}
	at := now()
	return at, os.Rename(temporary, path)
}
