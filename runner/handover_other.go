//go:build !linux

package runner

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

func (h *held) found() {}

func (h *held) succeed() {}

func (h *held) beside() error {
	return fmt.Errorf("cannot listen on %s%s for two generations at once: %w", h.spec.TCP, h.spec.Unix, ErrNotSupported)
}

func (h *held) lead(bool) {}

func (h *held) supplant() {}

func (h *held) abandon() {}

func (h *held) steer(string, string, syscall.RawConn) error { return nil }

func isBound(*os.File, fs.FileInfo) bool { return true }

func queued(*os.File) uint32 { return 0 }

func engaged(*os.File) bool { return false }

func settle([]*os.File, bool, func() map[string]bool, time.Duration, <-chan struct{}) {}
