package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Kills is how many processes the kernel has killed for want of memory, as one
// place counts them. It only means something beside an earlier count.
type Kills struct {
	// Scope is whose processes are counted, "" where nobody does.
	Scope Scope
	place string
	count uint64
}

// CountKills reads the count of a leaf, which may be nil, where the memory
// controller tells it; else that of our own group; else that of the system.
func CountKills(l *Leaf) Kills {
	var places []Kills
	if l != nil {
		places = append(places, Kills{Scope: OfGeneration, place: filepath.Join(l.dir, "memory.events")})
	}
	if p, err := ownPlace(); err == nil {
		places = append(places, Kills{Scope: OfAgent, place: filepath.Join(p.dirOf(p.group), "memory.events")})
	}
	for _, k := range append(places, Kills{Scope: OfSystem, place: "/proc/vmstat"}) {
		if n, ok := oomKills(k.place); ok {
			k.count = n
			return k
		}
	}
	return Kills{}
}

// Since reports whether a process was killed since an earlier count.
func (k Kills) Since(before Kills) bool { return k.place == before.place && k.count > before.count }

// oomKills reads the line "oom_kill N", which memory.events and /proc/vmstat
// both have.
func oomKills(file string) (uint64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	return parseKills(string(data))
}

func parseKills(text string) (uint64, bool) {
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			count, err := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
			return count, err == nil
		}
	}
	return 0, false
}
