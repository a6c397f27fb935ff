//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// figures are the times of a series.
type figures []time.Duration

// at returns the q-quantile by the nearest rank: a time that was measured, and
// for the 99th of 200 the third largest. Zero of nothing.
func (f figures) at(q float64) time.Duration {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	rank := int(math.Ceil(q * float64(len(f))))
	return sorted[min(max(rank, 1), len(f))-1]
}

func (f figures) median() time.Duration { return f.at(0.5) }

// ms prints a time for a table.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case math.Abs(v) < 10:
		return fmt.Sprintf("%.2f", v)
	case math.Abs(v) < 1000:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// spread is the cells of median, p90, p99 and max.
func (f figures) spread() []string {
	return []string{ms(f.median()), ms(f.at(0.9)), ms(f.at(0.99)), ms(f.at(1))}
}
