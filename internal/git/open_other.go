//go:build !linux

package git

// isOpen cannot tell here, so the cap has to end the hold.
func isOpen(string) bool { return true }
