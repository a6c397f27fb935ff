//go:build !unix

package runner

import (
	"fmt"
	"os"
)

type held struct {
	spec    Listen
	file    *os.File
	address string
	// next takes the place of file when nothing of the generation is left that
	// has file; nil most of the time.
	next *os.File
}

type takenError struct{ text string }

func (e *takenError) Error() string { return e.text }

func hold(Listen) (*held, error) { return nil, fmt.Errorf("cannot listen: %w", ErrNotSupported) }

func block(*os.File) {}

func (h *held) leave() {}

func (h *held) release() {}

func (h *held) recognise() {}

func (h *held) lost() bool { return false }
