package runner

import (
	"context"
	"sync"

	"bounce/decider"
)

// Ticket follows a plan or a verb to its outcome.
type Ticket struct {
	done chan struct{}

	mu      sync.Mutex
	results []Result
	open    int // results without an outcome
}

// Outcome says how a step ended.
type Outcome string

const (
	// Done: the service is at its target, the action has succeeded.
	Done Outcome = "done"
	// Failed: the service or the action has failed; Why says how.
	Failed Outcome = "failed"
	// Withheld: the step was not taken, or not yet, since another one failed
	// or is not there; Why names it.
	Withheld Outcome = "held"
	// Left: the step is not to be taken, as for a service that the operator
	// stopped.
	Left Outcome = "left"
)

// Result is what came of one step.
type Result struct {
	Kind    decider.StepKind `json:"kind"`
	Name    string           `json:"name"`
	Outcome Outcome          `json:"outcome"`
	// State and Generation are the service's at that time.
	State      State `json:"state,omitempty"`
	Generation int   `json:"generation,omitempty"`
	// Why is said in words when the outcome is not Done.
	Why string `json:"why,omitempty"`
	// Tail has the last lines of output of what failed.
	Tail []string `json:"tail,omitempty"`
}

// newTicket returns a ticket for so many steps.
func newTicket(results []Result) *Ticket {
	t := &Ticket{done: make(chan struct{}), results: results, open: len(results)}
	if t.open == 0 {
		close(t.done)
	}
	return t
}

// Done is closed when every step has an outcome. A step that waits for a
// service which does not come up by itself has one, [Withheld]; it is taken
// later all the same.
func (t *Ticket) Done() <-chan struct{} { return t.done }

// Wait waits for Done and returns the results in the order of the plan.
func (t *Ticket) Wait(ctx context.Context) ([]Result, error) {
	select {
	case <-t.done:
		return t.Results(), nil
	case <-ctx.Done():
		return t.Results(), ctx.Err()
	}
}

// Results returns what is known so far; the Outcome of an open step is "".
func (t *Ticket) Results() []Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Result(nil), t.results...)
}

// set gives step i its outcome, once.
func (t *Ticket) set(i int, outcome Outcome, fill Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.results[i]
	if r.Outcome != "" {
		return
	}
	r.Outcome, r.State, r.Generation, r.Why, r.Tail = outcome, fill.State, fill.Generation, fill.Why, fill.Tail
	if t.open--; t.open == 0 {
		close(t.done)
	}
}
