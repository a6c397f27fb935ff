package warm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bounce/internal/pyruntime/observe"
)

// What code of the service has done to its process may make another thing of a
// library that is imported after it: one that has taken time.sleep from a module
// that was patched meanwhile, that was rewritten by an import hook, or that has
// read a variable. In a parent nothing of it has happened. So there is none where
// the standard library is patched or other finders are there than the libraries
// bring themselves, and modules that use a variable that the service changes are
// left to each start. In which order that happens in the code at hand is not asked:
// it may be another one after the next edit.
//
// A service may begin to do such things with an edit. Then a warm generation tells
// it before it is up, and is not what a cold one would be, see [Unlike].

// Alteration is something that a process of a service has changed.
type Alteration struct{ Kind, Name string }

// The kinds of alterations, with what they name.
const (
	Patch    = string(observe.Patch)     // a name of the standard library, or who has patched that
	Environ  = string(observe.Environ)   // a variable
	MetaPath = string(observe.MetaPath)  // the class of a finder
	PathHook = string(observe.PathHooks) // a function or class that makes finders
	Path     = string(observe.Path)      // a directory on sys.path
)

// Patched says why there can be no parent for what a service does at every
// start; "" for nothing.
func Patched(all []Alteration) string {
	for _, a := range all {
		if a.Kind == Patch {
			return fmt.Sprintf("it patches the standard library (%s), and libraries are imported after that", a.Name)
		}
	}
	return ""
}

// Unlike says in what a generation differs from a cold one: it has altered itself
// in a way that its parent, which has loaded modules, was not told; "" if it does
// not. Variables count where early says that it is not up yet: later they are
// changed by what it does.
func Unlike(all, told []Alteration, modules []string, early bool) string {
	for _, a := range all {
		if slices.Contains(told, a) && a.Kind != Path {
			continue
		}
		switch a.Kind {
		case Patch:
			return Patched([]Alteration{a})
		case MetaPath, PathHook:
			return fmt.Sprintf("it has modules found by %s, and its parent had not", a.Name)
		case Environ:
			if early {
				return fmt.Sprintf("it changes %s in its environment, which its parent did not know", a.Name)
			}
		case Path:
			if path, module := shadow(a.Name, modules); path != "" {
				return fmt.Sprintf("it looks for modules in %s, where %s is, and its parent had loaded another %s", a.Name, filepath.Base(path), module)
			}
		}
	}
	return ""
}

// shadow returns the file of a directory that takes the place of a module, and
// the module; "" for none.
func shadow(dir string, modules []string) (path, module string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", ""
	}
	tops := make(map[string]bool, len(modules))
	for _, name := range modules {
		top, _, _ := strings.Cut(name, ".")
		tops[top] = true
	}
	for _, e := range entries {
		stem, suffix, dotted := strings.Cut(e.Name(), ".")
		if !tops[stem] {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if !dotted {
			path = filepath.Join(path, "__init__.py")
			if _, err := os.Stat(path); err != nil {
				continue // a namespace comes after all else
			}
		} else if suffix != "py" && suffix != "pyc" && !strings.HasSuffix(suffix, "so") {
			continue
		}
		return path, stem
	}
	return "", ""
}

// altered sorts alterations for a parent: the variables, the finders, and the
// directories.
func altered(all []Alteration) (variables, finders, dirs []string) {
	for _, a := range all {
		switch {
		case a.Kind == Environ:
			variables = append(variables, a.Name)
		case a.Kind == MetaPath || a.Kind == PathHook:
			finders = append(finders, a.Name)
		case a.Kind == Path && filepath.IsAbs(a.Name):
			dirs = append(dirs, a.Name)
		}
	}
	return variables, finders, dirs
}
