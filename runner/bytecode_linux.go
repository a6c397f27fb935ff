package runner

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when content or metadata last changed, which no program can
// set back.
func changeTime(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Ctim.Unix())
	}
	return info.ModTime()
}
