package agent

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchdog has answers take so long, one after the other, and counts what
// is said.
func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		name                   string
		answers                []time.Duration
		beats, stalled, better int
	}{
		{"all is well", []time.Duration{0, time.Second, 30 * time.Second}, 3, 0, 0},
		{"one is late", []time.Duration{0, 90 * time.Second, 0}, 3, 1, 1},
		{"two are", []time.Duration{61 * time.Second, 200 * time.Second}, 2, 2, 2},
		{"one never comes", []time.Duration{0, time.Hour}, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				beats, stalled, better := 0, 0, 0
				var asked atomic.Int32
				watchdog{
					every: askEvery, limit: stallTime,
					ask: func(ctx context.Context) error {
						n := int(asked.Add(1))
						if n > len(c.answers) {
							<-ctx.Done() // enough
							return ctx.Err()
						}
						select {
						case <-time.After(c.answers[n-1]):
							return nil
						case <-ctx.Done():
							return ctx.Err()
						}
					},
					beat: func() { beats++ },
					stalled: func(d time.Duration) {
						if int(asked.Load()) > len(c.answers) {
							return
						}
						if stalled++; d < stallTime || d > stallTime+askEvery {
							t.Errorf("said after %v", d)
						}
					},
					better: func(time.Duration) { better++ },
				}.run(ctx)
				if beats != c.beats || stalled != c.stalled || better != c.better {
					t.Errorf("%d beats, %d times stalled, %d times better, want %d, %d, %d", beats, stalled, better, c.beats, c.stalled, c.better)
				}
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
					t.Error("it ended early")
				}
			})
		})
	}
}
