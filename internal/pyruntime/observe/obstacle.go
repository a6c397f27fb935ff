package observe

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Python is one that may run the hook.
type Python struct {
	// Program is its path, and Flags are the options that it gets, one a word, as
	// in "-I".
	Program string
	Flags   []string
	// Implementation is cpython or pypy, for instance, and Version 3.12.1; "" where
	// it was not asked.
	Implementation, Version string
}

// Obstacle returns why a Python will not run the hook; "" where nothing is known
// to be in the way.
func (p Python) Obstacle() string {
	name := filepath.Base(p.Program)
	for _, o := range []struct{ flag, why string }{
		{"-I", "ignores PYTHONPATH"},
		{"-E", "ignores PYTHONPATH"},
		{"-S", "does not import sitecustomize"},
	} {
		if slices.Contains(p.Flags, o.flag) {
			return name + " " + o.flag + " " + o.why
		}
	}
	var major, minor int
	known, _ := fmt.Sscanf(p.Version, "%d.%d", &major, &minor)
	switch {
	case p.Implementation != "" && p.Implementation != "cpython":
		return name + " is " + p.Implementation + ", which has not all audit events"
	case p.Implementation == "" && strings.HasPrefix(name, "pypy"):
		return name + " has not all audit events"
	case strings.HasPrefix(name, "python2"):
		return name + " has no audit hooks: those came with Python 3.8"
	case known == 2 && (major < 3 || major == 3 && minor < 8):
		return name + " is Python " + p.Version + ", which has no audit hooks: those came with 3.8"
	}
	return ""
}
