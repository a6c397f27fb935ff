//go:build !linux

package confine

import "os"

// Verify says that nothing can be set on this system.
func (s Settings) Verify() []error {
	if s.Zero() {
		return nil
	}
	return []error{ErrNotSupported}
}

// Start refuses to.
func Start(Settings, string, []string, *os.ProcAttr, func(string, []string, *os.ProcAttr) (*os.Process, error)) (*os.Process, int, error) {
	return nil, 0, ErrNotSupported
}
