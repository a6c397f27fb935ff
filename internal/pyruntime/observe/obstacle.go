package observe

import (
	"path/filepath"
	"slices"
	"strings"
)

// Obstacle returns why a Python will not run the hook: the path of its program
// and the options that it gets, one a word, as in "-I". It is "" where nothing is
// known to be in the way.
func Obstacle(program string, flags []string) string {
	name := filepath.Base(program)
	for _, o := range []struct{ flag, why string }{
		{"-I", "ignores PYTHONPATH"},
		{"-E", "ignores PYTHONPATH"},
		{"-S", "does not import sitecustomize"},
	} {
		if slices.Contains(flags, o.flag) {
			return name + " " + o.flag + " " + o.why
		}
	}
	switch {
	case strings.HasPrefix(name, "pypy"):
		return name + " has no audit hooks"
	case strings.HasPrefix(name, "python2"):
		return name + " has no audit hooks: those came with Python 3.8"
	}
	return ""
}
