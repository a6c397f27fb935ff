//go:build !linux

package machine

func free(string) (mb, files int64) { return -1, -1 }
