package agent

import (
	"errors"
	"testing"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
)

// TestJoinedErrorsAreOneLine, wherever they are told.
func TestJoinedErrorsAreOneLine(t *testing.T) {
	both := errors.Join(errors.New("cannot remove a.pyc"), errors.New("cannot remove b.pyc")).Error()
	a := &Agent{events: newJournal[control.Event](2)}
	a.emit(eventOf(runner.Event{Kind: runner.KindHeld, What: both, Hold: &decider.Hold{What: both}}))
	entries, _, _ := a.events.after(0)
	held := entries[0]
	s := statusOf(runner.Status{Reason: both, Start: both, Apart: both, Hold: &decider.Hold{What: both}})
	group := groupsOf([]runner.GroupStatus{{Reason: both}})[0]
	for what, got := range map[string]string{
		"event": held.Text, "its hold": held.Hold.What, "hold": s.Hold.What,
		"reason": s.Reason, "start": s.Start, "apart": s.Apart, "group": group.Reason,
	} {
		if want := "cannot remove a.pyc; cannot remove b.pyc"; got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
}
