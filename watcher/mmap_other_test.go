//go:build !unix

package watcher

import "errors"

func mmapWrite(string, string) error { return errors.ErrUnsupported }
