package machine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// looks is how often the clock is looked at: by chance four stamps of a clock
// that tells nanoseconds are whole seconds once in 10^36.
const looks = 4

// ClockOf looks at the clock of the file system that a directory is on, by a
// file without a name, of which no watcher hears.
func ClockOf(dir string) Clock {
	c := Clock{Path: dir}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		c.Problem = "it cannot be looked at: " + err.Error()
		return c
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	var stamps []time.Time
	for range looks {
		before := time.Now()
		_, err := f.WriteAt([]byte("."), 0)
		after := time.Now()
		info, err2 := f.Stat()
		if err != nil || err2 != nil {
			c.Problem = "it cannot be looked at: it cannot be written"
			return c
		}
		at := info.ModTime()
		stamps = append(stamps, at)
		switch {
		case at.After(after):
			c.Ahead = at.Sub(after).Seconds()
		case at.Before(before):
			c.Ahead = at.Sub(before).Seconds()
		}
		time.Sleep(time.Millisecond) // for another stamp: kernels stamp by ticks of some milliseconds
	}
	c.Step = stepOf(stamps).Seconds()
	return c
}
