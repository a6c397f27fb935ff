//go:build !linux

package watcher

import "time"

var processStart = time.Now()

// threadTime is the time that has gone by: more than a thread can use.
func threadTime() time.Duration { return time.Since(processStart) }
