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
	owner := strangersTree(dir)
	if owner == nil {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	// Root's own configuration is not theirs to read.
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+os.DevNull)
}

// isStrangers reports whether the tree is somebody else's and we are root.
func isStrangers(dir string) bool { return strangersTree(dir) != nil }

// strangersTree returns who owns a tree that is not root's, when we are root.
func strangersTree(dir string) *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
}
