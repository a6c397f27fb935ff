package runner

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRestart measures from Apply to the return of execve of the new
// process, with an old one that ends at once on TERM.
func BenchmarkRestart(b *testing.B) {
	events := make(chan Event, 1024)
	s := specOf(b, "a", "sleep", "1000")
	r, err := New(Options{Specs: []Spec{s}, Events: func(e Event) {
		if e.Kind == KindStarted {
			events <- e
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close(b.Context())
	r.Apply(planFor("a"))
	<-events
	var took []time.Duration
	for b.Loop() {
		from := time.Now()
		r.Apply(planFor("a"))
		took = append(took, (<-events).Time.Sub(from))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkScan measures one look for what is left of a generation that has
// ended.
func BenchmarkScan(b *testing.B) {
	if err := prepare(); err != nil {
		b.Fatal(err)
	}
	p := &proc{os: &os.Process{Pid: 1 << 22}, gone: make(chan struct{})}
	close(p.gone)
	for b.Loop() {
		if left := p.live(make(map[identity]bool)); len(left) > 0 {
			b.Fatal(left)
		}
	}
}

// BenchmarkScanWithOrphan is the same beside an orphan of somebody else, whose
// environment has to be read.
func BenchmarkScanWithOrphan(b *testing.B) {
	if err := prepare(); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!")
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		b.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	p := &proc{os: &os.Process{Pid: 1 << 22}, gone: make(chan struct{})}
	close(p.gone)
	for b.Loop() {
		if left := p.live(make(map[identity]bool)); len(left) > 0 {
			b.Fatal(left)
		}
	}
}

// BenchmarkLeftovers is the one look at every process of the machine, when an
// agent starts.
func BenchmarkLeftovers(b *testing.B) {
	for b.Loop() {
		leftovers(census("nobody's", origin{}), nil, nil)
	}
}
