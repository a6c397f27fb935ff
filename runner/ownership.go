package runner

import (
	"errors"
	"runtime"
)

// Ownership says how the processes of a generation are known to be its own.
type Ownership struct {
	// Layers are those that hold, strongest first: "cgroup" (a control group of
	// each generation), "subreaper" (orphans come to the agent, and carry a mark
	// in their environment), "session" (session and process group).
	Layers []string
	// Why says why there are no control groups; "" when there are.
	Why string
	// Memory is among whose processes kills for want of memory are counted, by
	// which that of a service is known: "generation", "agent" (those of the agent's
	// control group) or "system"; "" where they are not.
	Memory string
}

// Ownership returns by what this runner knows its processes. One that is dry
// has none.
func (r *Runner) Ownership() Ownership { return r.ownership }

// ownershipOf takes the error of making control groups.
func ownershipOf(err error) Ownership {
	o := Ownership{Layers: []string{"session"}}
	if runtime.GOOS == "linux" {
		o.Layers = []string{"subreaper", "session"}
	}
	if err != nil {
		o.Why = err.Error()
		return o
	}
	o.Layers = append([]string{"cgroup"}, o.Layers...)
	return o
}

// errBare is the reason of tests that want no control groups.
var errBare = errors.New("none are wanted")
