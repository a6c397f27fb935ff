package shim

import "syscall"

// sysAttr is what an order may say of the process beside its files. A session
// of its own goes without saying.
type sysAttr struct {
	Credential  *syscall.Credential
	AmbientCaps []uintptr
}
