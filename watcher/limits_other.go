//go:build !linux

package watcher

func queueLength() int64 { return 1 << 14 }

func limitHint(err error) string {
	return err.Error() + "; every watched file takes a descriptor here: raise ulimit -n"
}

// silent cannot be told here.
func silent(string) string { return "" }
