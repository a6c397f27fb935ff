//go:build !linux

package watcher

func queueLength() int64 { return 1 << 14 }

func distinct(err error) error { return err }

func limitHint(err error, _ int) string {
	return err.Error() + "; every watched file takes a descriptor here: raise ulimit -n"
}
