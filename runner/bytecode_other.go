//go:build !linux

package runner

import (
	"io/fs"
	"time"
)

// changeTime is the modification time where no other is to be had.
func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }
