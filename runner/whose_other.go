//go:build !linux

package runner

// ServiceOf cannot tell here.
func ServiceOf(int, string) string { return "" }
