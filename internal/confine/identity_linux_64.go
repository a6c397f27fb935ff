//go:build linux && !386 && !arm

package confine

import "golang.org/x/sys/unix"

const (
	setgroups = unix.SYS_SETGROUPS
	setresgid = unix.SYS_SETRESGID
	setresuid = unix.SYS_SETRESUID
)
