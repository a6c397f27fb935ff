package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// submodule is the mode of a path that stands for a commit of a submodule.
const submodule = "160000"

// withSubmodules adds to changes, whose paths are from the top, the files that
// differ in submodules. workTree says that one side of the comparison is that.
func withSubmodules(ctx context.Context, dir string, changes []Change, workTree bool) ([]Change, error) {
	var more []Change
	for i := range changes {
		c := &changes[i]
		if c.old == "" && c.new == "" {
			continue
		}
		top, err := topOf(ctx, dir)
		if err != nil {
			return nil, err
		}
		inner, err := submoduleChanges(ctx, filepath.Join(top, filepath.FromSlash(c.Path)), *c, workTree)
		if err != nil {
			c.Unknown = err.Error()
		}
		for _, in := range inner {
			in.Path = path.Join(c.Path, in.Path)
			if in.OldPath != "" {
				in.OldPath = path.Join(c.Path, in.OldPath)
			}
			more = append(more, in)
		}
	}
	return append(changes, more...), nil
}

// submoduleChanges lists what differs within the submodule in dir.
func submoduleChanges(ctx context.Context, dir string, c Change, workTree bool) ([]Change, error) {
	if err := checkedOut(dir); err != nil {
		return nil, err
	}
	from, to := c.old, c.new
	empty, err := run(ctx, dir, "hash-object", "-t", "tree", "--stdin")
	if err != nil {
		return nil, err
	}
	if from == "" {
		from = strings.TrimSpace(string(empty))
	}
	switch {
	case to == "":
		to = strings.TrimSpace(string(empty))
	case workTree:
		to = ""
	}
	for _, id := range []string{c.old, to} {
		if id == "" {
			continue
		}
		if _, err := run(ctx, dir, "cat-file", "-e", id); err != nil {
			return nil, fmt.Errorf("it does not have %.12s: run git submodule update, or git fetch in it", id)
		}
	}
	return Changed(ctx, dir, from, to)
}

// checkedOut returns why a submodule cannot be asked.
func checkedOut(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		return errors.New("it is not checked out: run git submodule update --init")
	}
	return nil
}

// topOf returns the top directory of the work tree that dir is in.
func topOf(ctx context.Context, dir string) (string, error) {
	out, err := run(ctx, dir, "rev-parse", "--show-toplevel")
	return strings.TrimSuffix(string(out), "\n"), err
}
