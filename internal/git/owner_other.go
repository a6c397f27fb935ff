//go:build !unix

package git

import "os/exec"

func asOwner(*exec.Cmd, string) {}
