package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// prefix begins the name of the group that holds all leaves of a run.
const prefix = "bounce."

// Tree makes leaves below the group of this process.
type Tree struct {
	place
	run  string
	dir  string // of the group that holds the leaves
	path string // the same, as /proc/PID/cgroup has it

	kills Scope // of a leaf

	mu    sync.Mutex
	made  uint64
	stale []string // directories of leaves that could not yet be removed
}

// place is where a process is in the hierarchy.
type place struct {
	mount string // where the hierarchy is mounted
	root  string // the group that is mounted there
	group string // that of the process
}

// dirOf returns the directory of a group, "" for one that is not below the
// mount.
func (p place) dirOf(group string) string {
	rel, below := strings.CutPrefix(group+"/", strings.TrimSuffix(p.root, "/")+"/")
	if !below || strings.Contains("/"+rel, "/../") {
		return ""
	}
	return filepath.Join(p.mount, rel)
}

// Open finds out whether leaves can be made for run, a word that is safe in
// file names and the same for every agent of a project. An error wraps
// ErrUnusable.
func Open(run string) (*Tree, error) {
	t, err := open(run)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return t, nil
}

func open(run string) (*Tree, error) {
	p, err := ownPlace()
	if err != nil {
		return nil, err
	}
	own := p.dirOf(p.group)
	if own == "" {
		return nil, fmt.Errorf("our group %s is outside of what is mounted at %s", p.group, p.mount)
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil && !p.delegated() {
		return nil, fmt.Errorf("systemd is in charge of %s; Delegate=yes in the unit hands it over", p.group)
	}
	t := &Tree{place: p, run: run, dir: filepath.Join(own, prefix+run), path: path.Join(p.group, prefix+run)}
	// The only test that counts is to make one.
	l, err := t.Make("try", 0)
	if err != nil {
		return nil, err
	}
	t.kills = CountKills(l).Scope
	l.Remove()
	return t, nil
}

// Kills is whose kills for want of memory are counted for a leaf.
func (t *Tree) Kills() Scope { return t.kills }

// ownPlace is where this process is.
func ownPlace() (place, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return place{}, err
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return place{}, err
	}
	return placeOf(string(mounts), string(groups))
}

// placeOf reads /proc/PID/mountinfo and /proc/PID/cgroup.
func placeOf(mounts, groups string) (place, error) {
	var p place
	for line := range strings.Lines(mounts) {
		// ID parent major:minor root mount-point options [optional]... - type source options
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if kind, _, _ := strings.Cut(after, " "); ok && kind == "cgroup2" && len(fields) >= 6 {
			p.root, p.mount = unescape(fields[3]), unescape(fields[4])
		}
	}
	if p.mount == "" {
		return p, errors.New("no cgroup2 file system is mounted")
	}
	group, ok := groupOf(groups)
	if !ok {
		return p, errors.New("this process has no group of version 2")
	}
	p.group = group
	return p, nil
}

// groupOf reads the group of version 2 from a text as in /proc/PID/cgroup.
func groupOf(groups string) (string, bool) {
	for line := range strings.Lines(groups) {
		if group, ok := strings.CutPrefix(line, "0::"); ok {
			// A group that was removed meanwhile is marked.
			return strings.TrimSuffix(strings.TrimSuffix(group, "\n"), " (deleted)"), true
		}
	}
	return "", false
}

// unescape undoes what the kernel does to blanks in names.
func unescape(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(name)
}

// delegated reports whether systemd has handed our group over, or one above.
func (p place) delegated() bool {
	for dir := p.dirOf(p.group); strings.HasPrefix(dir, p.mount); dir = filepath.Dir(dir) {
		for _, name := range []string{"user.delegate", "trusted.delegate"} {
			value := make([]byte, 8)
			if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
				return true
			}
		}
	}
	return false
}

// Dir is where the leaves are.
func (t *Tree) Dir() string { return t.dir }

// Make makes an empty leaf for a generation of a service.
func (t *Tree) Make(service string, generation int) (*Leaf, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	for {
		t.made++
		// A name that is not there yet: one may have been left in place.
		name := fmt.Sprintf("%s.%d.%x-%x", strings.ReplaceAll(service, "/", ":"), generation, os.Getpid(), t.made)
		dir := filepath.Join(t.dir, name)
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, fs.ErrNotExist) { // the first, or the last was removed
			if err = os.Mkdir(t.dir, 0o755); err == nil || errors.Is(err, fs.ErrExist) {
				err = os.Mkdir(dir, 0o755)
			}
		}
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("cannot make a control group: %w", err)
		}
		return &Leaf{tree: t, dir: dir, path: path.Join(t.path, name), Service: service, Generation: generation}, nil
	}
}

// sweep removes leaves that could not be removed before, and the group that
// holds them when it is the last.
func (t *Tree) sweep() {
	t.stale = slices.DeleteFunc(t.stale, removeAll)
	_ = os.Remove(t.dir) // not while it has leaves
}

// closeTime is how long the kernel may take to forget the last processes.
const closeTime = time.Second

// Close removes what is empty by now. Leaves with processes stay.
func (t *Tree) Close() {
	for deadline := time.Now().Add(closeTime); ; time.Sleep(time.Millisecond) {
		t.mu.Lock()
		t.sweep()
		empty := len(t.stale) == 0
		t.mu.Unlock()
		if empty || time.Now().After(deadline) {
			return
		}
	}
}

// Leftovers returns the leaves that earlier agents of the run have left
// anywhere in the hierarchy: this agent may be in another group than they were.
// Those without processes are removed.
func (t *Tree) Leftovers() []*Leaf {
	var found []*Leaf
	_ = filepath.WalkDir(t.mount, func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // it was removed meanwhile
		case !d.IsDir() || d.Name() != prefix+t.run:
			return nil
		}
		for _, name := range subdirs(dir) {
			if l, ok := t.leaf(dir, name); ok && !removeAll(l.dir) {
				found = append(found, l)
			}
		}
		_ = os.Remove(dir)
		return fs.SkipDir
	})
	return found
}

// leaf returns the leaf of a directory, by the name that Make gave it.
func (t *Tree) leaf(dir, name string) (*Leaf, bool) {
	rest, _, ok := cutLast(name, ".")
	service, generation, ok2 := cutLast(rest, ".")
	number, err := strconv.Atoi(generation)
	rel, err2 := filepath.Rel(t.mount, filepath.Join(dir, name))
	if !ok || !ok2 || err != nil || err2 != nil {
		return nil, false
	}
	return &Leaf{
		tree: t, dir: filepath.Join(dir, name), path: path.Join(t.root, filepath.ToSlash(rel)),
		Service: strings.ReplaceAll(service, ":", "/"), Generation: number,
	}, true
}

func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}
