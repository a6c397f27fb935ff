package control

import "fmt"

// TakenError is returned by [Claim] when an agent of another user, or one that
// keeps its state elsewhere, has the project.
type TakenError struct {
	PID int
	// UID is that of the agent; -1 when the system does not tell.
	UID int
}

func (e *TakenError) Error() string { return fmt.Sprintf("process %d of user %d has it", e.PID, e.UID) }
