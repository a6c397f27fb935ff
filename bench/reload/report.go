//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"bounce/bench/internal/measure"
)

// share is what bounce may take of the time of another reloader.
const share = 0.25

// report prints the times of all, and each variant of bounce beside each peer.
func report(p project, all []*contender) {
	t := measure.NewTable("ms from save to new answer", "median", "p90", "min", "max", "not answered")
	for _, x := range all {
		f := x.figures()
		t.Row(x.name, measure.MS(f.Median()), measure.MS(f.At(0.9)), measure.MS(f.At(0)), measure.MS(f.At(1)), fmt.Sprint(x.missed))
	}
	t.Print()
	fmt.Println()
	t = measure.NewTable("of the time of", "bounce", "median", "least", "most", fmt.Sprintf("target %.2f", share), "target in ms")
	for _, x := range all {
		for _, peer := range all {
			if !x.variant || peer.variant || peer.least {
				continue
			}
			r := ratios(x.times, peer.times)
			if len(r) == 0 {
				continue
			}
			t.Row(peer.name, x.name, fmt.Sprintf("%.2f", r[(len(r)-1)/2]), fmt.Sprintf("%.2f", r[0]), fmt.Sprintf("%.2f", r[len(r)-1]),
				verdict(r[(len(r)-1)/2] <= share), limit(p.LimitMS, x.figures().Median()))
		}
	}
	t.Print()
}

// ratios returns those of the rounds that both answered, sorted.
func ratios(ours, theirs []time.Duration) []float64 {
	var all []float64
	for i := range min(len(ours), len(theirs)) {
		if ours[i] > 0 && theirs[i] > 0 {
			all = append(all, float64(ours[i])/float64(theirs[i]))
		}
	}
	slices.Sort(all)
	return all
}

func limit(ms int, median time.Duration) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%d: %s", ms, verdict(median <= time.Duration(ms)*time.Millisecond))
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}
