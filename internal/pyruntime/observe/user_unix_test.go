//go:build unix

package observe

import (
	"os/exec"
	"syscall"
)

// runAs has a command run as another user.
func runAs(cmd *exec.Cmd, user int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
}

func makePipe(name string) error { return syscall.Mkfifo(name, 0o600) }
