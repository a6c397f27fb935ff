//go:build !unix

package observe

import (
	"io/fs"
	"os"
)

// Where there are no numbers of users, the hook does not run: it finds no
// posix module.

func openTold(name string) (*os.File, error) { return os.Open(name) }

func owned(fs.FileInfo) bool { return true }
