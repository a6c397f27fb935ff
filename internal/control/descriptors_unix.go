//go:build unix

package control

import "golang.org/x/sys/unix"

// descriptors is how many files this process may have open.
func descriptors() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 256 // the least default of the systems that have the limit: macOS
	}
	return uint64(limit.Cur)
}
