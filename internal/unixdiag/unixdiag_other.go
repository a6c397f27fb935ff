//go:build !linux

// Package unixdiag tells what is behind a unix socket that listens, on Linux.
package unixdiag

import (
	"errors"
	"os"
)

// Behind is what came of the connections to a socket that listens.
type Behind struct{ Waiting, Unread, Open int }

// Of fails.
func Of(*os.File) (Behind, error) {
	return Behind{}, errors.New("cannot look behind a socket: not supported on this system")
}
