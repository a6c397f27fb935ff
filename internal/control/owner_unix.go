//go:build unix

package control

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ours refuses what another user owns: in a shared directory anybody can
// create the name that we are about to use.
func ours(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("it belongs to user %d, not to user %d", st.Uid, os.Getuid())
	}
	return nil
}
