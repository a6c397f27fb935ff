package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Leaf is the group of one generation. Groups that its processes make below it
// are part of it.
type Leaf struct {
	tree *Tree
	dir  string
	path string // as /proc/PID/cgroup has it

	// Service and Generation are what it was made for.
	Service    string
	Generation int
}

// Open opens the group for the CgroupFD of a process that is to start in it.
func (l *Leaf) Open() (*os.File, error) { return os.Open(l.dir) }

// PIDs returns the processes of the group, sorted. Those that have ended and
// were not waited for are not among them.
func (l *Leaf) PIDs() []int {
	pids := pidsBelow(l.dir)
	slices.Sort(pids)
	return pids
}

func pidsBelow(dir string) []int {
	var pids []int
	data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // none in one that is gone
	for _, word := range strings.Fields(string(data)) {
		// 0 is one that this pid namespace does not see.
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	for _, name := range subdirs(dir) {
		pids = append(pids, pidsBelow(filepath.Join(dir, name))...)
	}
	return pids
}

// Has reports whether a process is in the group now.
func (l *Leaf) Has(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return false
	}
	group, ok := groupOf(string(data))
	return ok && (group == l.path || strings.HasPrefix(group, l.path+"/"))
}

// Kill kills all processes of the group at once, those that are being forked
// too. Kernels before 5.14 cannot.
func (l *Leaf) Kill() error {
	if err := os.WriteFile(filepath.Join(l.dir, "cgroup.kill"), []byte("1"), 0); err != nil {
		return fmt.Errorf("cannot kill a control group: %w", err)
	}
	return nil
}

// Remove removes the group, when its last process is gone for the kernel too.
func (l *Leaf) Remove() {
	l.tree.mu.Lock()
	defer l.tree.mu.Unlock()
	if !removeAll(l.dir) {
		l.tree.stale = append(l.tree.stale, l.dir)
	}
	_ = os.Remove(l.tree.dir) // not while it has others
}

// removeAll removes a group and those below it, and reports whether they are
// gone.
func removeAll(dir string) bool {
	for _, name := range subdirs(dir) {
		removeAll(filepath.Join(dir, name))
	}
	err := os.Remove(dir)
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

func subdirs(dir string) []string {
	entries, _ := os.ReadDir(dir) // none in one that is gone
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}
