//go:build !unix

package terminal

import (
	"errors"
	"os"
)

func openPty() (master, tty *os.File, err error) { return nil, nil, errors.ErrUnsupported }

func resize(*os.File, size) error { return errors.ErrUnsupported }
