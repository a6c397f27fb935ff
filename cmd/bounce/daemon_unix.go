//go:build unix

package main

import "syscall"

// detached is how a process is started that goes on when this one and its
// terminal are gone.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
