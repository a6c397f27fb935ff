package watcher

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// queueLength is how many events the kernel keeps for one instance.
func queueLength() int64 { return max(sysctl("fs.inotify.max_queued_events"), 2) }

// sysctl reads a setting of the kernel; -1 when it cannot.
func sysctl(name string) int64 {
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// tighter returns the lower of two settings. A user namespace has limits of
// its own beside those of the machine.
func tighter(a, b string) (name string, value int64) {
	x, y := sysctl(a), sysctl(b)
	if y >= 0 && y < x {
		return b, y
	}
	return a, x
}

// limitHint names the limit behind err and how to raise it. held is how many
// watches there are.
func limitHint(err error, held int) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		name, n := tighter("fs.inotify.max_user_watches", "user.max_inotify_watches")
		return fmt.Sprintf("this user has no inotify watches left (%s is %d, of which this program holds %d); raise it: sysctl %s=%d",
			name, n, held, name, max(2*n, 524288))
	case errors.Is(err, errOpenFiles):
		var r unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &r) // zero says enough
		return fmt.Sprintf("too many open files (ulimit -n is %d); raise it: ulimit -n %d", r.Cur, max(2*r.Cur, 4096))
	case errors.Is(err, syscall.EMFILE):
		name, n := tighter("fs.inotify.max_user_instances", "user.max_inotify_instances")
		return fmt.Sprintf("this user has no inotify instances left (%s is %d); raise it: sysctl %s=%d", name, n, name, max(2*n, 1024))
	default:
		return err.Error()
	}
}

// errOpenFiles is the limit of open files.
var errOpenFiles = errors.New("no file can be opened")

// distinct tells the limit of inotify instances from that of open files, which
// have the same number. It has to be asked when the error comes.
func distinct(err error) error {
	if !errors.Is(err, syscall.EMFILE) {
		return err
	}
	f, failed := os.Open(os.DevNull)
	if failed != nil {
		return fmt.Errorf("%w: %w", errOpenFiles, err)
	}
	f.Close()
	return err
}
