package decider

import (
	"maps"
	"slices"

	"bounce/watcher"
)

// Debt is a step that rules have asked for and that has not been done since.
//
// It goes by content. An action is owed until it has succeeded for what the
// files that asked for it hold: when one of them changes while it runs, it is
// owed again afterwards; when all are put back before it has begun, it is owed
// no longer. Once it has begun it may have done half of its work, and nothing
// but success ends the debt. The restart or signal of a service that comes with
// an action is owed likewise, until a generation starts, or the signal is sent,
// with the action no longer owed.
type Debt struct {
	Step
	// Since has for each path of Reasons what it held when nothing was owed for
	// it; the zero hash says that there was no such file.
	Since map[string]watcher.Hash `json:"-"`
	// Begun says that the action has begun and not succeeded.
	Begun bool `json:"begun,omitempty"`
	// UnderWay says that somebody does it, or is about to, without being asked
	// again.
	UnderWay bool `json:"under_way,omitempty"`

	// ran has what the paths held when the run began that is under way.
	ran map[string]watcher.Hash
}

// Running reports whether the action of a debt has begun and not ended.
func (d Debt) Running() bool { return d.ran != nil }

func (d Debt) clone() Debt {
	d.Reasons, d.Since = slices.Clone(d.Reasons), maps.Clone(d.Since)
	return d
}

// forgive drops the paths for which nothing is owed any more, with their
// reasons. Of what has begun nothing is.
func (d *Debt) forgive(paid func(path string, since watcher.Hash) bool) {
	if d.Begun {
		return
	}
	for path, since := range d.Since {
		if paid(path, since) {
			delete(d.Since, path)
		}
	}
	d.Reasons = slices.DeleteFunc(d.Reasons, func(r Reason) bool {
		_, owed := d.Since[r.Path]
		return !owed && r.Path != ""
	})
}

// Debts is what is owed, each step once.
type Debts []Debt

func (ds Debts) find(kind StepKind, name string) *Debt {
	for i := range ds {
		if ds[i].Kind == kind && ds[i].Name == name {
			return &ds[i]
		}
	}
	return nil
}

// Actions returns a copy of the actions among ds, as another agent would take
// them up: nothing is under way.
func (ds Debts) Actions() Debts {
	var all Debts
	for _, d := range ds {
		if d.Kind == RunAction {
			d = d.clone()
			d.UnderWay, d.ran = false, nil
			all = append(all, d)
		}
	}
	return all
}

// of calls each with what a step does away with: of a service that is
// restarted, its signals too.
func (ds Debts) of(s Step, each func(*Debt)) {
	for i := range ds {
		d := &ds[i]
		if d.Name == s.Name && (d.target() == s.target() || s.Kind == RestartService && d.Kind == SignalService) {
			each(d)
		}
	}
}

// Taken notes that a step is under way: what it does need not be asked for.
func (ds Debts) Taken(s Step) { ds.of(s, func(d *Debt) { d.UnderWay = true }) }

// Returned notes that nobody is about to take a step any more, done or not.
func (ds Debts) Returned(s Step) { ds.of(s, func(d *Debt) { d.UnderWay = false }) }

// settled drops debts without a reason.
func (ds *Debts) settled() {
	*ds = slices.DeleteFunc(*ds, func(d Debt) bool { return len(d.Reasons) == 0 })
}

// Begin notes that an action begins, with what files has for the files that
// asked for it, and returns their paths, sorted. It reports false if nothing
// asks for the action any more: it need not be run.
func (ds *Debts) Begin(action string, files map[string]watcher.Hash) (paths []string, ok bool) {
	d := ds.find(RunAction, action)
	if d == nil {
		return nil, false
	}
	if d.forgive(func(path string, since watcher.Hash) bool { return files[path] == since }); len(d.Reasons) == 0 {
		ds.settled()
		return nil, false
	}
	d.Begun, d.UnderWay = true, true
	d.ran = make(map[string]watcher.Hash, len(d.Since))
	for path := range d.Since {
		d.ran[path] = files[path]
	}
	return slices.Sorted(maps.Keys(d.Since)), true
}

// End notes that an action has ended. If it has succeeded, what is owed is what
// has changed since it began.
func (ds *Debts) End(action string, succeeded bool, files map[string]watcher.Hash) {
	d := ds.find(RunAction, action)
	if d == nil {
		return
	}
	ran := d.ran
	d.UnderWay, d.ran = false, nil
	if !succeeded {
		return
	}
	d.Begun = false
	maps.Copy(d.Since, ran)
	d.forgive(func(path string, since watcher.Hash) bool { return files[path] == since })
	if ran != nil && len(d.Since) == 0 {
		d.Reasons = nil // those without a path too
	}
	ds.settled()
}

// Done notes that a service has been restarted or sent a signal: a step without
// its reasons. What comes with an action that is still owed remains: it has to
// come after it.
func (ds *Debts) Done(s Step) {
	owed := make(map[string]bool)
	for _, d := range *ds {
		if d.Kind == RunAction {
			for path := range d.Since {
				owed[path] = true
			}
		}
	}
	ds.of(s, func(d *Debt) {
		d.forgive(func(path string, _ watcher.Hash) bool { return !owed[path] })
		d.Reasons = slices.DeleteFunc(d.Reasons, func(r Reason) bool { return r.Path == "" })
	})
	ds.settled()
}
