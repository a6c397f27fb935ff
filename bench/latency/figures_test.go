//go:build linux

package main

import (
	"testing"
	"time"
)

func TestQuantileIsATimeThatWasMeasured(t *testing.T) {
	upTo := func(n int) figures {
		var f figures
		for i := n; i > 0; i-- { // not in order
			f = append(f, time.Duration(i))
		}
		return f
	}
	for _, c := range []struct {
		n    int
		q    float64
		want time.Duration
	}{
		{0, 0.5, 0},
		{1, 0.99, 1},
		{4, 0.5, 2},
		{5, 0.5, 3},
		{20, 0.9, 18},
		{200, 0.99, 198},
		{200, 1, 200},
	} {
		if got := upTo(c.n).at(c.q); got != c.want {
			t.Errorf("quantile %v of 1..%d is %d, want %d", c.q, c.n, got, c.want)
		}
	}
}

func TestVerdictHoldsBothLimits(t *testing.T) {
	row := func(median, p99 time.Duration) []*series {
		s := &series{save: "in place", files: 100}
		for range 98 {
			s.execve = append(s.execve, median)
		}
		s.execve = append(s.execve, p99, p99)
		return []*series{{save: "in place", begun: figures{21 * time.Millisecond}}, s}
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
