// Package confine starts a program under settings that are in force before its
// first instruction: user and group, umask, resource limits, CPUs, niceness.
//
// What is promised: the program has the pid of the process that was started,
// and all that was asked for is in force when it begins, or it does not begin
// and the error says which setting failed. Supplementary groups are cleared
// and no_new_privs is set with a change of user or group, so that a setuid
// program does not lead back.
//
// What is not: systems other than Linux.
package confine

import (
	"fmt"
	"syscall"
)

// Settings are what differs from the process that starts the program; the zero
// value changes nothing.
type Settings struct {
	// ID is who the program runs as; nil: as we do.
	ID *ID `json:",omitempty"`
	// Umask is the mask of the modes of files that it makes; nil: ours.
	Umask  *uint32 `json:",omitempty"`
	Limits []Limit `json:",omitempty"`
	// CPUs are those that it may run on, counted from 0; none: all of ours.
	CPUs []int `json:",omitempty"`
	// Nice is its niceness, -20 to 19; nil: ours.
	Nice *int `json:",omitempty"`
}

// ID is a user and a group.
type ID struct{ UID, GID uint32 }

// Limit is a limit of one resource, as setrlimit takes it.
type Limit struct {
	// Name is that of the resource; see [Resources].
	Name       string
	Soft, Hard uint64
}

// Unlimited is no limit.
const Unlimited = ^uint64(0)

// Zero reports whether the settings change nothing.
func (s Settings) Zero() bool {
	return s.ID == nil && s.Umask == nil && len(s.Limits) == 0 && len(s.CPUs) == 0 && s.Nice == nil
}

// Error says which setting could not be made.
type Error struct {
	// What is the setting in words, such as "limit nofile"; "" when the program
	// itself could not be executed.
	What string
	Err  error
}

func (e *Error) Error() string {
	if e.What == "" {
		if e.Err == syscall.EAGAIN {
			return fmt.Sprintf("cannot execute: %v: the user has as many processes as it may have (nproc)", e.Err)
		}
		return fmt.Sprintf("cannot execute: %v", e.Err)
	}
	return fmt.Sprintf("cannot set %s: %v", e.What, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
