package agent

import (
	"slices"
	"testing"

	"bounce/decider"
	"bounce/runner"
	"bounce/watcher"
)

// version returns a version that loads one file of some content.
func version(content byte) decider.Version {
	return decider.Version{Files: decider.FilesOf(map[string]watcher.Hash{"a.py": {content}})}
}

// versioned is version for who asks late.
func versioned(content byte) func() decider.Version {
	return func() decider.Version { return version(content) }
}

func loads(v *decider.Version) byte {
	if v == nil {
		return 0
	}
	return v.Files.Hash("a.py")[0]
}

func TestPromiseOfAPlanCountsUntilItIsKeptOrBroken(t *testing.T) {
	g := newGenerations()
	if g.promised("api", version(9)) != nil {
		t.Error("a service that was never started has a promise")
	}
	g.starting("api", 1, false, versioned(1))
	plan := new(runner.Ticket)
	g.asking("api", version(2), plan)
	if got := loads(g.promised("api", version(9))); got != 2 {
		t.Errorf("while the plan is under way %d is promised, want 2", got)
	}
	if got := loads(g.running("api", 0)); got != 1 {
		t.Errorf("%d runs, want 1", got)
	}

	// An action before it failed: the service is as stale as it was.
	g.done(plan)
	if got := loads(g.promised("api", version(9))); got != 1 {
		t.Errorf("after a plan that was not carried out %d is promised, want 1", got)
	}

	// It starts with something newer than what was asked for.
	g.asking("api", version(2), plan)
	g.starting("api", 2, false, versioned(3))
	g.done(plan)
	if got := loads(g.promised("api", version(9))); got != 3 {
		t.Errorf("after the start %d is promised, want 3", got)
	}
}

func TestAnOlderPlanDoesNotBreakTheNewerOnesPromise(t *testing.T) {
	g := newGenerations()
	g.starting("api", 1, false, versioned(1))
	older, newer := new(runner.Ticket), new(runner.Ticket)
	g.asking("api", version(2), older)
	g.asking("api", version(3), newer)
	g.done(older)
	if got := loads(g.promised("api", version(9))); got != 3 {
		t.Errorf("%d is promised, want 3", got)
	}
}

// An edit that is undone before the service starts again leaves no difference
// between the versions, and may leave bytecode of the edit.
func TestBytecodeOfEveryTouchedFileGoes(t *testing.T) {
	g := newGenerations()
	if touched, first := g.starting("api", 1, false, versioned(1)); !first || len(touched) != 0 {
		t.Errorf("first start: %v, first %v", touched, first)
	}
	g.touch([]string{"api", "worker"}, map[string]bool{"b.py": false, "a.py": true})
	g.touch([]string{"api", "worker"}, map[string]bool{"a.py": false})
	if touched, first := g.starting("api", 2, false, versioned(1)); first || !slices.Equal(touched, []string{"a.py", "b.py"}) {
		t.Errorf("second start: %v, first %v", touched, first)
	}
	if touched, _ := g.starting("api", 3, false, versioned(1)); len(touched) != 0 {
		t.Errorf("third start, nothing was touched since: %v", touched)
	}
	if touched, _ := g.starting("worker", 1, false, versioned(1)); len(touched) != 2 {
		t.Errorf("the other service: %v", touched)
	}
}

func TestPromiseOfWhatRunsIsVoid(t *testing.T) {
	g := newGenerations()
	g.starting("api", 1, false, func() decider.Version { return version(1) })
	plan := new(runner.Ticket)
	g.asking("api", version(2), plan)
	if g.withdraw("api", version(3)) || loads(g.promised("api", version(3))) != 2 {
		t.Error("a promise is void that would bring something new")
	}
	// The edit was undone while the restart waited for its turn.
	if got := loads(g.promised("api", version(1))); got != 1 {
		t.Errorf("%d is promised, want 1: what runs", got)
	}
	if !g.withdraw("api", version(1)) || g.withdraw("api", version(1)) {
		t.Error("a void promise is withdrawn once")
	}
	if got := loads(g.promised("api", version(3))); got != 1 {
		t.Errorf("%d is promised, want 1: what runs", got)
	}
	if g.withdraw("new", version(1)) {
		t.Error("a service that never started has no promise")
	}
}

func TestASuccessorCountsWhenItTakesOver(t *testing.T) {
	g := newGenerations()
	g.starting("api", 1, false, versioned(1))
	g.starting("api", 2, true, versioned(2))
	if got := loads(g.promised("api", version(9))); got != 2 {
		t.Errorf("%d is promised, want 2: what the successor was started from", got)
	}
	if got, next := loads(g.running("api", 1)), loads(g.running("api", 2)); got != 1 || next != 2 {
		t.Errorf("generation 1 runs %d and 2 runs %d, want 1 and 2", got, next)
	}
	g.took("api", 3) // which is not the one
	if got := loads(g.promised("api", version(1))); got != 1 {
		t.Errorf("what runs is no promise to be kept: %d", got)
	}
	g.took("api", 2)
	if got := loads(g.promised("api", version(1))); got != 2 || loads(g.running("api", 2)) != 2 {
		t.Errorf("after it took over %d runs, want 2", got)
	}
}

func TestContentThatFailedBesideIsNotTriedAgain(t *testing.T) {
	g := newGenerations()
	g.starting("api", 1, false, versioned(1))
	plan := new(runner.Ticket)
	g.asking("api", version(2), plan)
	g.starting("api", 2, true, versioned(2))
	g.ended("api", 2, true)
	g.done(plan)
	if got := loads(g.promised("api", version(2))); got != 2 {
		t.Errorf("%d is promised, want 2: it would be tried again", got)
	}
	if got := loads(g.running("api", 1)); got != 1 {
		t.Errorf("%d runs, want 1", got)
	}
	// Something else is tried, and the same a second time when it was called off.
	g.starting("api", 3, true, versioned(3))
	g.ended("api", 2, true) // late news of the one before
	g.ended("api", 3, false)
	if got := loads(g.promised("api", version(3))); got != 1 {
		t.Errorf("after one that was called off %d is promised, want 1", got)
	}
}

func TestWhatFailedBesideIsForgottenWhenItIsUndone(t *testing.T) {
	g := newGenerations()
	g.starting("api", 1, false, versioned(1))
	g.starting("api", 2, true, versioned(2))
	if g.withdraw("api", version(2)) || !g.withdraw("api", version(1)) {
		t.Error("a successor is called off when what runs is what now would be")
	}
	g.ended("api", 2, true)
	if !g.withdraw("api", version(1)) || g.withdraw("api", version(1)) {
		t.Error("what has failed is forgotten once")
	}
	if got := loads(g.promised("api", version(2))); got != 1 {
		t.Errorf("%d is promised, want 1: the content may be tried again", got)
	}
	// An operator's restart brings nothing new, and is no promise.
	g.starting("api", 3, true, versioned(1))
	if g.withdraw("api", version(1)) {
		t.Error("an operator's restart is called off")
	}
	// What crashed while a successor was there is started without another one.
	g.starting("api", 4, false, versioned(2))
	if got := loads(g.promised("api", version(9))); got != 2 || loads(g.running("api", 4)) != 2 {
		t.Errorf("%d runs, want 2", got)
	}
}

// What an earlier agent left may be replaced before it is known what it loads.
func TestWhatIsInheritedCountsWhenItIsSettled(t *testing.T) {
	settled := &view{services: map[string]*reached{"api": {version: version(2)}}}
	g := newGenerations()
	g.inherit("api", 7, memoOf(version(1)))
	if !g.runs("api") || g.runs("web") || g.promised("api", version(2)) != nil {
		t.Error("it runs, and nobody knows what")
	}
	g.starting("api", 8, true, versioned(2))
	if g.withdraw("api", version(2)) {
		t.Error("a successor of what nobody knows is called off")
	}
	g.ended("api", 8, true)
	if len(g.settle(settled)) != 1 || len(g.settle(settled)) > 0 {
		t.Error("it is settled once")
	}
	if got := loads(g.running("api", 7)); got != 1 {
		t.Errorf("%d runs, want 1: its successor has failed", got)
	}

	g.inherit("worker", 3, memoOf(version(1)))
	g.starting("worker", 4, true, versioned(2))
	g.took("worker", 4)
	settled.services["worker"] = &reached{version: version(2)}
	if len(g.settle(settled)) > 0 || loads(g.running("worker", 4)) != 2 {
		t.Error("what has been replaced is settled")
	}
}
