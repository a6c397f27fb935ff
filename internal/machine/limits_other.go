//go:build !linux

package machine

import "errors"

// Limits returns those of a process; here nothing is told of them.
func Limits(int) ([]Limit, error) {
	return nil, errors.New("cannot tell the limits of a process: this system does not say")
}
