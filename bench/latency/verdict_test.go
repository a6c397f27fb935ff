//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"testing"
	"time"
)

func TestVerdictHoldsBothLimits(t *testing.T) {
	row := func(median, p99 time.Duration) []*series {
		s := &series{save: "in place", files: 100}
		for range 98 {
			s.execve = append(s.execve, median)
		}
		s.execve = append(s.execve, p99, p99)
		return []*series{{save: "in place", begun: measure.Figures{21 * time.Millisecond}}, s}
	}
	const prefix = "Target (median 25ms, p99 40ms): "
	for _, c := range []struct {
		median, p99 time.Duration
		want        string
	}{
		{25 * time.Millisecond, 40 * time.Millisecond, "met. 100 files, in place: 25.0 / 40.0. The worst p99 of the floor: 21.0."},
		{25*time.Millisecond + 1, 40 * time.Millisecond, "MISSED. 100 files, in place: 25.0 / 40.0. The worst p99 of the floor: 21.0."},
		{21 * time.Millisecond, 41 * time.Millisecond, "MISSED. 100 files, in place: 21.0 / 41.0. The worst p99 of the floor: 21.0."},
	} {
		if got := verdict(row(c.median, c.p99)); got != prefix+c.want {
			t.Errorf("verdict on %v and %v:\n%s\nwant\n%s", c.median, c.p99, got, prefix+c.want)
		}
	}
}
