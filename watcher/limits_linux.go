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
func queueLength() int64 { return max(sysctl("max_queued_events"), 2) }

// sysctl reads fs.inotify.NAME; 0 when it cannot.
func sysctl(name string) int64 {
	text, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// limitHint names the limit behind err and how to raise it.
func limitHint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		n := sysctl("max_user_watches")
		return fmt.Sprintf("this user has no inotify watches left (fs.inotify.max_user_watches is %d); raise it: sysctl fs.inotify.max_user_watches=%d", n, max(2*n, 524288))
	case errors.Is(err, syscall.EMFILE) && canOpen():
		n := sysctl("max_user_instances")
		return fmt.Sprintf("this user has no inotify instances left (fs.inotify.max_user_instances is %d); raise it: sysctl fs.inotify.max_user_instances=%d", n, max(2*n, 1024))
	case errors.Is(err, syscall.EMFILE):
		var r unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &r) // zero says enough
		return fmt.Sprintf("too many open files (ulimit -n is %d); raise it: ulimit -n %d", r.Cur, max(2*r.Cur, 4096))
	default:
		return err.Error()
	}
}

// canOpen tells the limit of inotify instances from that of open files: both
// give EMFILE.
func canOpen() bool {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// silent names the kind of file system at path when changes made by another
// machine, or below it, give no event there; "" when events can be trusted.
func silent(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return ""
	}
	switch uint32(st.Type) {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x01021997:
		return "9p"
	case 0x65735546:
		return "FUSE"
	case 0x786f4256:
		return "vboxsf"
	case 0x00c36400:
		return "Ceph"
	case 0x5346414f:
		return "AFS"
	case 0xbacbacbc:
		return "vmhgfs"
	}
	return ""
}
