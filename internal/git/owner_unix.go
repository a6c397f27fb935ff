//go:build unix

package git

import (
	"os"
	"os/exec"
	"syscall"
)

// asOwner has root run git as the owner of the tree: git refuses a repository
// of somebody else, and its filters and drivers are that person's programs.
func asOwner(cmd *exec.Cmd, dir string) {
	if os.Geteuid() != 0 {
		return
	}
	info, err := os.Stat(dir)
	if err != nil {
		return
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Uid, Gid: st.Gid}}
	// Root's own configuration is not theirs to read.
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+os.DevNull)
}
