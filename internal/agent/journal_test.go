package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func fill(j *journal[uint64], n int) {
	for range n {
		j.add(func(seq uint64) uint64 { return seq })
	}
}

func TestJournalKeepsTheLastEntriesAndCountsTheRest(t *testing.T) {
	j := newJournal[uint64](4)
	fill(j, 10)
	var got []uint64
	var lost uint64
	err := j.follow(context.Background(), 2, false,
		func(n uint64) error { lost += n; return nil },
		func(e uint64) error { got = append(got, e); return nil })
	if err != nil || lost != 4 || !slices.Equal(got, []uint64{7, 8, 9, 10}) {
		t.Errorf("got %v, lost %d, %v", got, lost, err)
	}
}

func TestJournalFollowerSeesEverythingUntilClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal[uint64](8)
		fill(j, 2)
		var got []uint64
		done := make(chan error)
		go func() {
			done <- j.follow(context.Background(), 0, true,
				func(n uint64) error { return errors.New("lost entries") },
				func(e uint64) error { got = append(got, e); return nil })
		}()
		for range 20 {
			synctest.Wait()
			fill(j, 3)
		}
		synctest.Wait()
		j.close()
		fill(j, 1) // after close: dropped, nobody reads it
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(got) != 62 || !slices.IsSorted(got) {
			t.Errorf("the follower saw %v", got)
		}
	})
}

func TestJournalFollowerLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal[uint64](8)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() {
			done <- j.follow(ctx, 0, true, func(uint64) error { return nil }, func(uint64) error { return nil })
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("follow = %v", err)
		}
	})
}
