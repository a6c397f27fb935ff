package procstat

import (
	"reflect"
	"testing"
	"time"
)

// world is a table of processes.
type world struct {
	now       time.Duration
	processes map[int]process
	orphans   []int
}

func (w *world) read(pid int) (process, bool) { p, ok := w.processes[pid]; return p, ok }
func (w *world) adopted() []int               { return w.orphans }
func (w *world) uptime() time.Duration        { return w.now }

func TestMeterAddsUpATree(t *testing.T) {
	second := time.Second
	w := &world{now: 110 * second, processes: map[int]process{
		10: {identity: identity{10, 100 * second}, session: 10, cpu: 2 * second, threads: 3, fds: 5, rss: 1000, descendants: []int{11, 12}},
		11: {identity: identity{11, 105 * second}, session: 10, cpu: 3 * second, threads: 1, fds: 2, rss: 100},
		// 12 has ended meanwhile. 13 has lost its parent; 20 is another tree.
		13: {identity: identity{13, 101 * second}, session: 10, threads: 1, rss: 10},
		20: {identity: identity{20, 100 * second}, session: 20, threads: 1, rss: 7},
	}, orphans: []int{10, 13, 20}}
	m := Meter{source: w}
	first := m.Sample(time.Unix(1, 0), 10, 20, 30)
	want := Usage{Processes: 3, Threads: 5, FDs: 7, RSS: 1110, CPU: 50}
	if got := first[10]; got.Usage != want || got.Max != want || got.Time != time.Unix(1, 0) {
		t.Errorf("first sample %+v, want %+v", got, want)
	}
	if got := first[20]; got.RSS != 7 || got.CPU != 0 || len(first) != 2 {
		t.Errorf("the other tree: %+v of %v", got, first)
	}

	// Ten seconds later a child has ended, with what it had used, and its pid is
	// another process's.
	w.now += 10 * second
	p := w.processes[10]
	p.cpu += second
	p.descendants = []int{11}
	w.processes[10] = p
	w.processes[11] = process{identity: identity{11, 119 * second}, session: 10, cpu: second, threads: 1, rss: 200}
	delete(w.processes, 13)
	second2 := m.Sample(time.Unix(2, 0), 10)
	want2 := Usage{Processes: 2, Threads: 4, FDs: 5, RSS: 1200, CPU: 20}
	if got := second2[10]; got.Usage != want2 || got.Max != (Usage{Processes: 3, Threads: 5, FDs: 7, RSS: 1200, CPU: 50}) {
		t.Errorf("second sample %+v, want %+v", got, want2)
	}

	// The next generation begins anew, with the pid of the last.
	w.processes[10] = process{identity: identity{10, 119 * second}, session: 10, threads: 1, rss: 1}
	if got := m.Sample(time.Unix(3, 0), 10)[10]; got.Usage != got.Max || got.RSS != 1 {
		t.Errorf("next generation %+v", got)
	}
	if got := m.Sample(time.Unix(4, 0)); len(got) != 0 || len(m.trees) != 0 {
		t.Errorf("nothing to sample: %v, and %d trees are remembered", got, len(m.trees))
	}
}

// TestMeterAddsUpWhatAShimHas: what a tree in the care of a shim has orphaned is
// the shim's, whatever its session; the shim is not counted.
func TestMeterAddsUpWhatAShimHas(t *testing.T) {
	w := &world{processes: map[int]process{
		1:  {identity: identity{pid: 1}, name: "init", descendants: []int{9, 30, 31}},
		9:  {identity: identity{pid: 9}, name: shim, parent: 1, rss: 1000, descendants: []int{10, 11}},
		10: {identity: identity{pid: 10}, parent: 9, session: 10, rss: 1, descendants: []int{12}},
		11: {identity: identity{pid: 11}, parent: 9, session: 11, rss: 10},
		12: {identity: identity{pid: 12}, parent: 10, session: 10, rss: 100},
		30: {identity: identity{pid: 30}, parent: 1, session: 30, rss: 1},
		31: {identity: identity{pid: 31}, parent: 1, session: 31, rss: 10},
	}}
	m := Meter{source: w}
	got := m.Sample(time.Unix(1, 0), 10, 30)
	if got[10].Processes != 3 || got[10].RSS != 111 || got[30].Processes != 1 {
		t.Errorf("%+v", got)
	}
}

func TestOver(t *testing.T) {
	a, b := Usage{1, 5, 3, 10, 2.5}, Usage{4, 2, 6, 5, 7.5}
	if got := a.over(b); !reflect.DeepEqual(got, Usage{4, 5, 6, 10, 7.5}) {
		t.Errorf("got %+v", got)
	}
}
