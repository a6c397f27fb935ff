package warm

import (
	"cmp"
	"os"
	"time"
)

// Bounds are what a parent may take. The zero value stands for the defaults.
type Bounds struct {
	// Memory is how many bytes it may hold, while it imports and as long as it is
	// there; default 1 GiB.
	Memory int64
	// Load is how long it may take to begin and to import what it is told, the
	// attempts together that leave modules out; default two minutes. Cold starts
	// that take longer are rare, and go on being cold.
	Load time.Duration
	// Fork is how long a fork may take; default five seconds. It takes
	// milliseconds; a machine that swaps is no reason to wait much longer than an
	// exec would.
	Fork time.Duration
}

func (b Bounds) memory() int64       { return cmp.Or(b.Memory, 1<<30) }
func (b Bounds) load() time.Duration { return cmp.Or(b.Load, 2*time.Minute) }
func (b Bounds) fork() time.Duration { return cmp.Or(b.Fork, 5*time.Second) }

// Setup is what a parent is to be.
type Setup struct {
	// Hook is what [Install] returned.
	Hook string
	// Env is that of a start of the service, "KEY=value" each. [Base] of it is
	// what the imports see.
	Env []string
	// Modules are imported in this order: all that a generation of the service
	// had loaded and that is not the project's own, in the order in which the
	// imports began. What an import loads besides them makes it fail.
	Modules []string
	// Roots are the directories of the project: nothing below them is imported,
	// unless it is installed.
	Roots []string
	// First are directories in which the service looks for modules before all
	// others: that of its script, or its working directory. A module that is there
	// is never taken from elsewhere.
	First []string
	// Hooks are directories with a sitecustomize.py that changes no imports.
	Hooks []string
	// Altered is what the service was seen to have made of itself.
	Altered []Alteration
	// Lent is how many sockets each child is lent.
	Lent int
	// Bounds are what the parent may take.
	Bounds Bounds
}

// Launch is what the process of a parent is started with besides what a start
// of the service has. The files are closed by who gives them.
type Launch struct {
	Env []string
	// Orders is to be descriptor 3, Stdout and Stderr 1 and 2, /dev/null 0.
	Orders, Stdout, Stderr *os.File
}

// Process is the process of a parent.
type Process interface {
	PID() int
	// End ends it and what came of it, its children apart, and returns when it
	// is gone.
	End()
}

// Order is what a child is to be.
type Order struct {
	// Env is its whole environment, but for LISTEN_PID, which it adds for itself
	// when there is a LISTEN_FDS.
	Env []string
	Dir string
	// Files are its descriptors, from 0 on.
	Files []*os.File
}

// Unfit is an error of [Start] that another attempt would have as well: what the
// imports do or take is in the way.
type Unfit struct{ Why string }

func (e *Unfit) Error() string { return e.Why }

// Unloaded is a module that a parent cannot import.
type Unloaded struct{ Module, Why string }
