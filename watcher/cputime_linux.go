package watcher

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how much of a core the calling thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // every Linux has it
	return time.Duration(t.Nano())
}
