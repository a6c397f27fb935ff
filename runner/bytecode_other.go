//go:build !linux

package runner

import (
	"io/fs"
	"time"
)

// changeTime is the modification time where no other is to be had.
func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }

// mayRemoveIn is tried, and not asked before, where there is no way to.
func mayRemoveIn(string) bool { return true }
