//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// rest pauses between two edits, each time for another while: some reloaders look
// at their files once a second, and an edit must not fall into step with that.
func rest() { time.Sleep(200*time.Millisecond + time.Duration(rand.IntN(1000))*time.Millisecond) }

// rounds edits the copy of each contender once a round, in random order. Edits
// that are not answered in time are noted, until they are a quarter of all.
func rounds(ctx context.Context, all []*contender, warmups, n int) error {
	for round := range warmups + n {
		for _, i := range rand.Perm(len(all)) {
			x := all[i]
			rest()
			took, err := x.edit(ctx)
			switch {
			case errors.Is(err, errLate) && x.missed < n/4:
				x.missed++
			case err != nil:
				return fmt.Errorf("%s: %w", x.name, err)
			}
			if round >= warmups {
				x.times = append(x.times, took)
			}
		}
	}
	return nil
}
