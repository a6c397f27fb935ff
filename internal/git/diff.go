package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// Change is one path that differs between two revisions.
type Change struct {
	// Path is relative to the directory asked about, slash-separated; it
	// begins with "../" outside of it.
	Path string
	// OldPath is set where Status is Renamed or Copied.
	OldPath string
	Status  Status
	// Unknown is set for a submodule of which other files cannot be listed,
	// and says why.
	Unknown string

	// old and new are the commits of a submodule, "" for what is none.
	old, new string
}

// Status is the letter that git prints.
type Status byte

const (
	Added       Status = 'A'
	Copied      Status = 'C'
	Deleted     Status = 'D'
	Modified    Status = 'M'
	Renamed     Status = 'R'
	TypeChanged Status = 'T'
	Unmerged    Status = 'U'
)

func (s Status) String() string { return string(rune(s)) }

// Changed lists what differs between two revisions, sorted by path. An empty
// to stands for the work tree, whose untracked files that are not ignored
// count as added. Of a submodule the files that differ are listed too, as far
// as it is checked out and has both commits.
func Changed(ctx context.Context, dir, from, to string) ([]Change, error) {
	what := from
	if to != "" {
		what += ".." + to
	}
	fail := func(err error) ([]Change, error) {
		return nil, fmt.Errorf("cannot list the changes of %q in %q: %w", what, dir, err)
	}
	if from == "" {
		return fail(errors.New("no revision to start from"))
	}
	prefix, err := prefixOf(ctx, dir)
	if err != nil {
		return fail(err)
	}
	args := []string{"diff", "--raw", "--no-abbrev", "-z", "--find-renames", "--no-ext-diff", "--ignore-submodules=none", "--end-of-options", from}
	if to != "" {
		args = append(args, to)
	}
	out, err := run(ctx, dir, append(args, "--")...)
	if err != nil {
		return fail(err)
	}
	changes, err := parseRaw(out)
	if err != nil {
		return fail(err)
	}
	if to == "" {
		out, err := run(ctx, dir, "ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
		if err != nil {
			return fail(err)
		}
		for _, p := range fields(out) {
			changes = append(changes, Change{Path: p, Status: Added})
		}
	}
	if changes, err = withSubmodules(ctx, dir, changes, to == ""); err != nil {
		return fail(err)
	}
	for i := range changes {
		changes[i].Path = relative(prefix, changes[i].Path)
		if changes[i].OldPath != "" {
			changes[i].OldPath = relative(prefix, changes[i].OldPath)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// parseRaw reads ":MODE MODE ID ID M\0path\0:MODE MODE ID ID R90\0old\0new\0".
func parseRaw(out []byte) ([]Change, error) {
	var changes []Change
	fs := fields(out)
	for len(fs) > 0 {
		head := strings.Fields(strings.TrimPrefix(fs[0], ":"))
		n := 2
		if len(head) == 5 && (head[4][0] == 'R' || head[4][0] == 'C') {
			n = 3
		}
		if len(head) != 5 || len(fs) < n {
			return nil, fmt.Errorf("git printed %q", out)
		}
		c := Change{Status: Status(head[4][0]), Path: fs[n-1]}
		if n == 3 {
			c.OldPath = fs[1]
		}
		if head[0] == submodule {
			c.old = head[2]
		}
		if head[1] == submodule {
			c.new = head[3]
		}
		changes = append(changes, c)
		fs = fs[n:]
	}
	return changes, nil
}

// fields splits what git prints with -z.
func fields(out []byte) []string {
	if len(out) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimSuffix(out, []byte{0})), "\x00")
}

// prefixOf returns the path from the top of the work tree to dir, "" or with a
// slash at its end.
func prefixOf(ctx context.Context, dir string) (string, error) {
	out, err := run(ctx, dir, "rev-parse", "--show-prefix")
	return strings.TrimSuffix(string(out), "\n"), err
}

// relative turns a path from the top into one from the directory at prefix.
func relative(prefix, p string) string {
	up := ""
	for prefix != "" && !strings.HasPrefix(p, prefix) {
		up += "../"
		if prefix = path.Dir(strings.TrimSuffix(prefix, "/")); prefix == "." {
			prefix = ""
		} else {
			prefix += "/"
		}
	}
	return up + p[len(prefix):]
}

// run starts git and returns what it prints; its complaint is in the error.
func run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := command(ctx, dir, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		if text := strings.TrimSpace(complaint.String()); text != "" {
			return nil, fmt.Errorf("git %s: %s", args[0], text)
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, nil
}

// command prepares a git that takes no lock, asks nobody, and finds the
// repository by its directory alone: in a hook GIT_DIR and its like point
// elsewhere.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.fsmonitor=false"}, args...)...)
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX",
			"GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_LITERAL_PATHSPECS":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	asOwner(cmd, dir)
	return cmd
}
