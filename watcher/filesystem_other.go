//go:build !linux && !darwin && !freebsd

package watcher

// fileSystemOf cannot tell here.
func fileSystemOf(string) fileSystem { return fileSystem{name: "this file system"} }
