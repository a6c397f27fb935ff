package confine

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// become changes the user of the calling thread, with no supplementary groups.
// It is the thread that execs, so it is the program's user; to change that of all
// threads, as package syscall does, would have each of them count as a process of
// the user, who may not be allowed so many (nproc).
func (id ID) become() (what string, errno syscall.Errno) {
	if _, _, errno := unix.RawSyscall(setgroups, 0, 0, 0); errno != 0 {
		return "groups", errno
	}
	gid, uid := uintptr(id.GID), uintptr(id.UID)
	if _, _, errno := unix.RawSyscall(setresgid, gid, gid, gid); errno != 0 {
		return "group " + decimal(id.GID), errno
	}
	if _, _, errno := unix.RawSyscall(setresuid, uid, uid, uid); errno != 0 {
		return "user " + decimal(id.UID), errno
	}
	return "", 0
}
