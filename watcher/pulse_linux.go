package watcher

import (
	"encoding/binary"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newPulse tells when this process did not run for a while: it was stopped,
// frozen, or the machine slept. The kernel counts the periods that went by,
// asleep or not, and a reader that kept up finds one at a time. The channel
// gets a value when there were more.
func newPulse(period time.Duration) pulse {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return pulse{} // the audit stands in
	}
	every := unix.NsecToTimespec(int64(period))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		unix.Close(fd)
		return pulse{}
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	told := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var count [8]byte
		for {
			if _, err := timer.Read(count[:]); err != nil {
				return
			}
			if binary.NativeEndian.Uint64(count[:]) > 1 {
				select {
				case told <- struct{}{}:
				default:
				}
			}
		}
	}()
	return pulse{told, func() { timer.Close(); <-done }}
}
