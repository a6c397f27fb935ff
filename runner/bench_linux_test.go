package runner

import (
	"slices"
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
	p := &proc{gone: make(chan struct{})}
	close(p.gone)
	known := make(map[identity]bool)
	b.ReportAllocs()
	for b.Loop() {
		orphansOf(p, known)
	}
}

func orphansOf(p *proc, known map[identity]bool) {
	for _, pid := range orphans() {
		if s, alive := readStat(pid); alive {
			_ = s
		}
	}
}

// BenchmarkReadMark measures one look at an environment.
func BenchmarkReadMark(b *testing.B) {
	for b.Loop() {
		readMark(1)
	}
}
