package runner

import (
	"fmt"
	"strings"
	"time"

	"bounce/decider"
)

// Intent is what the operator wants of a service.
type Intent string

const (
	Up   Intent = "up"
	Down Intent = "down"
)

// Health is what the readiness probe says.
type Health string

const (
	// HealthUnknown: it does not run, or has not answered yet.
	HealthUnknown Health = "unknown"
	// HealthUnverified: nothing probes it.
	HealthUnverified Health = "unverified"
	HealthReady      Health = "ready"
	// HealthFailing: its last generation failed.
	HealthFailing Health = "failing"
)

// Restarts counts generations after the first by who wanted them.
type Restarts struct {
	Change   int `json:"change"`
	Crash    int `json:"crash"`
	Operator int `json:"operator"`
}

// Status is a service as it is now.
type Status struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Intent Intent `json:"intent"`
	Health Health `json:"health"`
	// PID is of the service's own command, or of its process that it has named
	// by MAINPID of sd_notify; nil when none runs.
	PID *int `json:"pid"`
	// Generation is the number of the current or last generation, from 1; 0
	// before the first.
	Generation int `json:"generation"`
	// Started is when the command that runs now was started, nil when none is.
	Started *time.Time `json:"started"`
	UptimeS float64    `json:"uptime_s"`
	// Stale says that the generation does not run what is on disk. The runner
	// does not know: the agent fills it in.
	Stale    bool     `json:"stale"`
	Restarts Restarts `json:"restarts"`
	// Reason says in words why it is in its state.
	Reason string `json:"reason"`
	// Says is what the service says of itself, by STATUS of sd_notify.
	Says string `json:"says,omitempty"`
	// Listen are the addresses that the runner holds open for it.
	Listen []string `json:"listen,omitempty"`
	// Next is the generation that was started beside this one; nil when there is
	// none.
	Next *Successor `json:"next,omitempty"`
	// Apart says why its generations do not overlap though Spec.Overlap is set,
	// "" when they do.
	Apart string `json:"apart,omitempty"`
	// Start says of a service with Spec.Warm how its generation was started:
	// "warm", or "cold: " and why.
	Start string `json:"start,omitempty"`
	// Hold is what a change waits for, nil when nothing.
	Hold *decider.Hold `json:"hold"`
	// Since is when it came to its state.
	Since time.Time `json:"-"`
	// Completed says that its last generation has ended with success.
	Completed bool `json:"-"`
	// Units are the parts that it declares, while its command runs.
	Units []UnitStatus `json:"units,omitempty"`
	// Survivors are the processes that keep it unclean.
	Survivors []int `json:"-"`
}

// AtTarget reports whether the service is what it should be: serving, or
// stopped.
func (s Status) AtTarget() bool {
	if s.Intent == Down {
		return s.State == StateStopped
	}
	return s.State == StateReady || s.State == StateUnverified || s.State == StateStopped && s.Generation > 0
}

// NotAtTarget is the error of [Runner.Settled]: nothing moves any more, and
// these services are not what they should be.
type NotAtTarget struct {
	Services []Status
}

func (e *NotAtTarget) Error() string {
	words := make([]string, len(e.Services))
	for i, s := range e.Services {
		words[i] = fmt.Sprintf("%s is %s", s.Name, s.State)
		if s.Reason != "" {
			words[i] += ": " + s.Reason
		}
	}
	return strings.Join(words, "; ")
}
