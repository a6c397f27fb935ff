//go:build !unix

package runner

import (
	"fmt"
	"os"

	"bounce/internal/cgroup"
	"bounce/internal/confine"
)

type unixStarter struct {
	leaves  *cgroup.Tree
	escaped func(m mark, pid int)
}

func (unixStarter) start(command, mark, *os.File, *os.File) (process, error) {
	return nil, &StartError{Command: "service", Problem: ErrNotSupported.Error(), Err: ErrNotSupported}
}

func preflight(command, *confine.Account) (string, error) {
	return "", &StartError{Command: "service", Problem: ErrNotSupported.Error(), Err: ErrNotSupported}
}

// prepare refuses to run at all.
func prepare() error { return fmt.Errorf("cannot run services: %w", ErrNotSupported) }

// Subreaper is for Linux.
func Subreaper() error { return fmt.Errorf("cannot adopt orphans: %w", ErrNotSupported) }

func signalNumber(string) (os.Signal, error) { return os.Interrupt, nil }

type stray struct{}

func leftovers([]marked, *cgroup.Tree, map[string]*adoption) map[string][]*stray { return nil }

func endStrays([]*stray, <-chan struct{}) []int { return nil }
