//go:build !unix

package observe

import (
	"errors"
	"os/exec"
)

func runAs(*exec.Cmd, int) {}

func makePipe(string) error { return errors.ErrUnsupported }
