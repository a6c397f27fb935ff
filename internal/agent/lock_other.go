//go:build !unix

package agent

import (
	"errors"
	"os"
)

func flock(*os.File) error { return errors.New("not supported on this platform") }
