// Package measure has what the benches share: figures and how they are
// printed, what the machine is and does, and where other programs come from.
package measure

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Figures are the times of a series.
type Figures []time.Duration

// At returns the q-quantile by the nearest rank: a time that was measured, and
// for the 99th of 200 the third largest. Zero of nothing.
func (f Figures) At(q float64) time.Duration {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	rank := int(math.Ceil(q * float64(len(f))))
	return sorted[min(max(rank, 1), len(f))-1]
}

// Median returns the 0.5-quantile.
func (f Figures) Median() time.Duration { return f.At(0.5) }

// MS prints a time in milliseconds, for a table.
func MS(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case math.Abs(v) < 10:
		return fmt.Sprintf("%.2f", v)
	case math.Abs(v) < 1000:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
