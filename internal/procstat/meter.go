// Package procstat measures what process trees use: memory, CPU, threads and
// open files, from /proc of Linux.
//
// What is promised: a tree costs four small reads per process, so that it can be
// measured every few seconds; a process is never taken for one that had its pid
// before. What is not: memory that processes share counts in each of them, and
// the CPU time of one that came and went between two samples is not seen.
package procstat

import (
	"time"
)

// Usage is what a process tree uses, or the most that it has used.
type Usage struct {
	Processes int `json:"processes"`
	Threads   int `json:"threads"`
	// FDs are open file descriptors; those of processes of other users are not
	// to be seen, and count as none.
	FDs int `json:"fds"`
	// RSS is resident memory, in bytes.
	RSS int64 `json:"rss_bytes"`
	// CPU is the share of one core, in percent, since the sample before; in the
	// first one since the process began.
	CPU float64 `json:"cpu_percent"`
}

// over returns the greater of each.
func (u Usage) over(v Usage) Usage {
	return Usage{
		Processes: max(u.Processes, v.Processes), Threads: max(u.Threads, v.Threads), FDs: max(u.FDs, v.FDs),
		RSS: max(u.RSS, v.RSS), CPU: max(u.CPU, v.CPU),
	}
}

// Sample is what the tree below a process used at a time.
type Sample struct {
	Time time.Time `json:"time"`
	Usage
	// Max has the most of each since the process began, as far as it was
	// sampled.
	Max Usage `json:"max"`
}

// Meter samples trees again and again. It is for one goroutine. The zero value
// is ready.
type Meter struct {
	trees map[identity]*tree
	// source reads processes; nil: /proc.
	source source
}

// identity names a process for as long as the system is up.
type identity struct {
	pid   int
	start time.Duration // since the system was started
}

// process is what is read of one.
type process struct {
	identity
	session     int
	parent      int
	name        string        // of its program, as far as the kernel keeps it
	cpu         time.Duration // that it has used so far
	threads     int
	fds         int
	rss         int64
	descendants []int
}

// source tells of processes.
type source interface {
	// read returns a process; false when it is gone.
	read(pid int) (process, bool)
	// adopted are the children of this process: what has lost its parent below
	// it is among them.
	adopted() []int
	// uptime is the time since the system was started.
	uptime() time.Duration
}

// tree is what is remembered of one.
type tree struct {
	at   time.Duration // of the last sample, since the system was started
	cpu  map[identity]time.Duration
	most Usage
}

// Sample measures the trees below some processes, with what has lost its parent
// and is of their sessions. What has ended has none.
func (m *Meter) Sample(now time.Time, pids ...int) map[int]Sample {
	if m.source == nil {
		m.source = newSource()
	}
	orphans := map[int][]int{} // by session
	for _, pid := range m.source.adopted() {
		if p, ok := m.source.read(pid); ok && p.session != pid {
			orphans[p.session] = append(orphans[p.session], pid)
		}
	}
	samples := make(map[int]Sample, len(pids))
	trees := make(map[identity]*tree, len(pids))
	for _, pid := range pids {
		root, ok := m.source.read(pid)
		if !ok {
			continue
		}
		t := m.trees[root.identity]
		if t == nil {
			t = &tree{at: root.start}
		}
		trees[root.identity] = t
		u := t.sample(m.source.uptime(), m.collect(root, append(orphans[pid], m.kept(root)...)))
		samples[pid] = Sample{Time: now, Usage: u, Max: t.most}
	}
	m.trees = trees
	return samples
}

// shim is the name of the process that keeps one tree alive when this process
// is not. What loses its parent there is the shim's child.
const shim = "bounce-shim"

// kept are the children of a root's shim, the root included; none where it has
// no shim.
func (m *Meter) kept(root process) []int {
	if p, ok := m.source.read(root.parent); ok && p.name == shim {
		return p.descendants
	}
	return nil
}

// collect returns the processes of a tree.
func (m *Meter) collect(root process, orphans []int) []process {
	found := []process{root}
	seen := map[int]bool{root.pid: true}
	queue := append(root.descendants, orphans...)
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		if p, ok := m.source.read(pid); ok {
			found = append(found, p)
			queue = append(queue, p.descendants...)
		}
	}
	return found
}

// sample adds up processes, and remembers what they have used so far.
func (t *tree) sample(now time.Duration, all []process) Usage {
	var u Usage
	var spent time.Duration
	cpu := make(map[identity]time.Duration, len(all))
	for _, p := range all {
		u.Processes++
		u.Threads += p.threads
		u.FDs += p.fds
		u.RSS += p.rss
		spent += max(0, p.cpu-t.cpu[p.identity])
		cpu[p.identity] = p.cpu
	}
	if span := now - t.at; span > 0 {
		u.CPU = 100 * float64(spent) / float64(span)
	}
	t.at, t.cpu = now, cpu
	t.most = t.most.over(u)
	return u
}
