//go:build !linux

package warm

import "errors"

// ErrNotSupported says that there are no warm starts on this system.
var ErrNotSupported = errors.New("warm starts are for Linux")

// Parent is a process that can be forked; there are none on this system.
type Parent struct{}

// Child is a process that was forked; there are none on this system.
type Child struct{}

// Start refuses to.
func Start(Setup, func(Launch) (Process, error)) (*Parent, error) { return nil, ErrNotSupported }

func (*Parent) Loaded() []string           { return nil }
func (*Parent) Left() []Unloaded           { return nil }
func (*Parent) PID() int                   { return 0 }
func (*Parent) Memory() int64              { return 0 }
func (*Parent) Overgrown() error           { return nil }
func (*Parent) Close()                     {}
func (*Parent) Fork(Order) (*Child, error) { return nil, ErrNotSupported }
func (*Child) PID() int                    { return 0 }
func (*Child) Begin() error                { return ErrNotSupported }
func (*Child) Drop()                       {}
