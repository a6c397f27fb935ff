//go:build linux

package main

import "bounce/bench/internal/measure"

// spread is the cells of median, p90, p99 and max.
func spread(f measure.Figures) []string {
	return []string{measure.MS(f.Median()), measure.MS(f.At(0.9)), measure.MS(f.At(0.99)), measure.MS(f.At(1))}
}
