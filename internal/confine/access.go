package confine

import (
	"os"
	"path/filepath"
	"strings"
)

// Obstacle returns the first directory or file on the way to an absolute path
// that a user may not enter or execute by its mode, "" when there is none.
// Lists of access rights (ACLs) are not looked at: ask when the system has
// refused.
func (id ID) Obstacle(path string) string {
	if id.UID == 0 {
		return ""
	}
	at := "/"
	for _, name := range strings.Split(filepath.Clean(path), "/") {
		at = filepath.Join(at, name)
		info, err := os.Stat(at)
		if err != nil {
			return ""
		}
		uid, gid, ok := owner(info)
		mode := info.Mode().Perm()
		switch {
		case !ok:
			return ""
		case uid == id.UID:
			mode >>= 6
		case gid == id.GID:
			mode >>= 3
		}
		if mode&1 == 0 {
			return at
		}
	}
	return ""
}
