// Package cgroup keeps the processes of each generation of a service together
// in a control group (v2) of its own, which they cannot leave by a new
// session, a double fork or an empty environment.
//
// What is promised: only groups that this package has made are written to, and
// none is made where somebody else is in charge: systemd, unless it delegates
// our own group. No controller is switched on, so that the rule that a group
// has either processes or controlled groups below it is kept whatever the tree
// looks like.
//
// What is not: a process with the privileges for it can move itself to another
// group. It is then not found here any more.
package cgroup

import "errors"

// Scope says whose processes a count is of. The memory controller has one for each
// group that it is switched on for, which is not ours to do.
type Scope string

const (
	OfGeneration Scope = "generation" // those of one leaf
	OfAgent      Scope = "agent"      // those of our own group, and all below
	OfSystem     Scope = "system"     // all: a kill of somebody else at the same moment counts
)

// ErrUnusable says that groups cannot be made here; the error around it says
// why.
var ErrUnusable = errors.New("control groups cannot be used")
