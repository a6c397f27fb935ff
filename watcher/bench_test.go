package watcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkSaveToBatch: from the end of a write to the batch, over Quiet.
// Budget: 2 ms over Quiet.
func BenchmarkSaveToBatch(b *testing.B) {
	dir := benchTree(b, 1000)
	const quiet = 5 * time.Millisecond
	w, err := Open(context.Background(), Options{Dir: dir, Quiet: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	<-w.Batches()
	name := filepath.Join(dir, "pkg0", "f0.py")
	var over time.Duration
	n := 0
	for b.Loop() {
		n++
		if err := os.WriteFile(name, fmt.Appendf(nil, "x = %d\n", n), 0o644); err != nil {
			b.Fatal(err)
		}
		closed := time.Now()
		<-w.Batches()
		over += time.Since(closed) - quiet
	}
	b.ReportMetric(float64(over.Microseconds())/float64(n), "µs-over-quiet/op")
}

// BenchmarkScan: from Open to the first batch, 20,000 files in 1,000
// directories. Budget: 500 ms.
func BenchmarkScan(b *testing.B) {
	dir := benchTree(b, 20000)
	b.ReportAllocs()
	for b.Loop() {
		w, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if first := <-w.Batches(); len(first.Changes) != 20000 {
			b.Fatalf("%d files", len(first.Changes))
		}
		w.Close()
	}
}

// BenchmarkLook: one look of the polling source at the same tree, as a Flush
// without event order does it. Budget: 50 ms.
func BenchmarkLook(b *testing.B) {
	dir := benchTree(b, 20000)
	w, err := Open(context.Background(), Options{Dir: dir, Backend: Poll, PollInterval: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	<-w.Batches()
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchTree(b *testing.B, files int) string {
	b.Helper()
	dir := b.TempDir()
	for i := range files {
		name := filepath.Join(dir, fmt.Sprint("pkg", i/20), fmt.Sprintf("f%d.py", i%20))
		if i%20 == 0 {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(name, fmt.Appendf(nil, "import os\nx = %d\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}
