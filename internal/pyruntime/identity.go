package pyruntime

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Identity describes an interpreter by what is on disk: its path, the file
// that the path leads to with size and modification time, and the content of
// its virtual environment's pyvenv.cfg. A different text means that a process
// started now may run another Python than one started before. A Python that is
// not there has an identity too, which says so.
func Identity(python string) string {
	var b strings.Builder
	b.WriteString(python)
	target, err := filepath.EvalSymlinks(python)
	if err != nil {
		return b.String() + " (missing)"
	}
	if target != python {
		fmt.Fprintf(&b, " -> %s", target)
	}
	if info, err := os.Stat(target); err == nil {
		fmt.Fprintf(&b, ", %d bytes of %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
	}
	// Python looks beside the path it was started by, then one level up.
	bin := filepath.Dir(python)
	for _, dir := range []string{bin, filepath.Dir(bin)} {
		if content, err := os.ReadFile(filepath.Join(dir, "pyvenv.cfg")); err == nil {
			fmt.Fprintf(&b, ", pyvenv.cfg %x", sha256.Sum256(content))
			break
		}
	}
	return b.String()
}

// IsEnvironment reports whether a directory is a virtual environment.
func IsEnvironment(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg"))
	return err == nil
}
