package runner

import (
	"os"
	"slices"
	"time"

	"bounce/internal/cgroup"
)

// An agent that was killed leaves its services running. They belong to init
// then, and only the mark in their environment tells whose they are.

// stray is a process of an earlier agent, or a control group of one.
type stray struct {
	identity
	leaf *cgroup.Leaf // nil for a process
}

// leftovers are the processes that a survey has found, by service, and the
// control groups that were made for their run, but for those of wards and for what
// belongs to another agent, or is of another project.
func leftovers(marks []marked, leaves *cgroup.Tree, wards map[string]*adoption) map[string][]*stray {
	mine, shims, strange := ancestors(), make(map[int]bool), make(map[int]bool)
	for _, p := range marks {
		if p.strange || p.keeper != (identity{}) {
			strange[p.pid], strange[p.keeper.pid] = true, true
		}
	}
	delete(strange, 0)
	for _, a := range wards {
		for _, a := range append(a.rivals, a) {
			shims[a.shimPID()] = true
		}
	}
	delete(shims, 0)
	// The processes of a ward come and go meanwhile, and its shim stays. A
	// process that another runner of this very process started, or one below it,
	// is no stray either.
	spared := func(pid int) bool {
		return mine[pid] || within(pid, shims) || within(pid, strange) || ours(pid)
	}
	found := make(map[string][]*stray)
	if leaves != nil {
		for _, leaf := range leaves.Leftovers() {
			if pids := leaf.PIDs(); !slices.ContainsFunc(pids, spared) {
				found[leaf.Service] = append(found[leaf.Service], &stray{leaf: leaf})
			}
		}
	}
	for _, p := range marks {
		if s, alive := readStat(p.pid); alive && !spared(p.pid) {
			found[p.service] = append(found[p.service], &stray{identity: s.identity})
		}
	}
	return found
}

// ancestors returns this process and those above it: whoever starts an agent
// from a terminal inside a service must not lose either.
func ancestors() map[int]bool {
	found := make(map[int]bool)
	for pid := os.Getpid(); pid > 1 && !found[pid]; {
		found[pid] = true
		s, _ := readStat(pid)
		pid = s.ppid
	}
	return found
}

// within reports whether a process is below one of others that stay. One
// between them that ends as we look has its children go to another parent.
func within(pid int, tops map[int]bool) bool {
	for range 100 { // a bound, since the tree may change for ever
		at := pid
		for at > 1 && !tops[at] {
			s, alive := readStat(at)
			if !alive {
				break
			}
			at = s.ppid
		}
		if _, alive := readStat(pid); tops[at] || at <= 1 || !alive {
			return tops[at]
		}
	}
	return false
}

// ours reports whether a process belongs to a command that this process
// started and still looks after. An orphan that it merely adopted does not.
func ours(pid int) bool {
	self := os.Getpid()
	for range 1000 { // a bound, since the tree may change meanwhile
		s, ok := readStat(pid)
		if !ok || pid <= 1 {
			return false
		}
		if s.ppid == self {
			family.mu.Lock()
			defer family.mu.Unlock()
			return family.own[pid]
		}
		pid = s.ppid
	}
	return false
}

// strayGrace is how long they get to end by themselves.
const strayGrace = 3 * time.Second

// endStrays ends processes of an earlier agent and what is below them, and
// returns the pids that do not go away.
func endStrays(strays []*stray, force <-chan struct{}) []int {
	known := make(map[identity]bool)
	var leaves []*cgroup.Leaf
	h := &hunt{}
	for _, s := range strays {
		if s.leaf != nil {
			leaves = append(leaves, s.leaf)
			continue
		}
		known[s.identity] = true
		h.assumed = append(h.assumed, stat{identity: s.identity})
	}
	h.kill = func() {
		for _, l := range leaves {
			_ = l.Kill() // the signals are for kernels that cannot
		}
	}
	h.live = func() []stat {
		var found []stat
		seen := make(map[int]bool)
		var walk func(s stat)
		walk = func(s stat) {
			if seen[s.pid] {
				return
			}
			seen[s.pid], known[s.identity] = true, true
			found = append(found, s)
			for _, child := range children(s.pid) {
				if c, alive := readStat(child); alive {
					walk(c)
				}
			}
		}
		for id := range known {
			if s, alive := readStat(id.pid); alive && s.identity == id {
				walk(s)
			}
		}
		for _, l := range leaves {
			for _, pid := range l.PIDs() {
				if s, alive := readStat(pid); alive {
					walk(s)
				}
			}
		}
		return found
	}
	left := h.run(Stop{Grace: strayGrace}, force)
	if len(left) == 0 {
		for _, l := range leaves {
			l.Remove()
		}
	}
	return left
}
