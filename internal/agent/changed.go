package agent

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bounce/decider"
	"bounce/internal/git"
)

// changed is what a question is about.
type changed struct {
	paths []string
	// from and to are the commits that git compared; to is "" for the work
	// tree, both are where git was not asked.
	from, to string
	// kinds says what became of paths, as far as it is known.
	kinds   map[string]string
	remarks []string
}

// changed finds what the question is about.
func (q inquiry) changed(ctx context.Context) (changed, error) {
	switch {
	case q.Git != "":
		return q.asked(ctx)
	case q.Null:
		var paths []string
		for p := range strings.SplitSeq(q.Input, "\x00") {
			if p != "" {
				paths = append(paths, q.clean(p))
			}
		}
		return changed{paths: paths}, nil
	}
	lines := decider.SplitLines(q.Input)
	for i, line := range lines {
		lines[i] = q.clean(decider.UnquotePath(line))
	}
	return changed{paths: lines}, nil
}

// clean names a path from the base, if it is below it, without "./" and the
// like.
func (q inquiry) clean(p string) string {
	if rel := relative(q.base, p); path.IsAbs(p) && filepath.IsLocal(rel) {
		return rel
	}
	return path.Clean(p)
}

// Words of [decider.Reason].Change.
const (
	created  = "created"
	modified = "modified"
	deleted  = "deleted"
)

// asked asks git what changed. A rename is the end of one file and the
// beginning of another.
func (q inquiry) asked(ctx context.Context) (changed, error) {
	c := changed{kinds: make(map[string]string)}
	var err error
	if c.from, c.to, err = git.Range(ctx, q.base, q.Git); err != nil {
		return c, err
	}
	changes, err := git.Changed(ctx, q.base, c.from, c.to)
	if err != nil {
		return c, err
	}
	for _, change := range changes {
		kind := modified
		switch change.Status {
		case git.Added, git.Copied:
			kind = created
		case git.Deleted:
			kind = deleted
		case git.Renamed:
			kind = created
			c.kinds[change.OldPath] = deleted
		}
		c.kinds[change.Path] = kind
		if change.Unknown != "" {
			c.remarks = append(c.remarks, fmt.Sprintf("only the path of the submodule %s counts, not its files: %s", change.Path, change.Unknown))
		}
	}
	for p := range c.kinds {
		c.paths = append(c.paths, p)
	}
	slices.Sort(c.paths)
	return c, nil
}

func (c changed) deleted(p string) bool { return c.kinds[p] == deleted }

// explain writes what became of files into the reasons that name them.
func (c changed) explain(f *decider.Firing) {
	lists := [][]decider.Reason{f.Silent}
	for _, fired := range f.Actions {
		lists = append(lists, fired.Reasons)
	}
	for _, reasons := range lists {
		for i := range reasons {
			reasons[i].Change = c.kinds[reasons[i].Path]
		}
	}
}
