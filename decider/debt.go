package decider

import (
	"cmp"
	"maps"
	"slices"

	"bounce/watcher"
)

// Debt is a step that rules have asked for and that has not been done since.
//
// It goes by content. An action is owed until it has succeeded for what the
// files that asked for it hold. When all are put back before it has begun, it is
// owed no longer. When one changes while it runs, even there and back, nobody
// knows what the run has read of it, and it is owed again. Once it has begun it
// may have done half of its work, and nothing but success ends the debt. The
// restart or signal of a service that comes with an action is owed likewise,
// until a generation starts, or the signal is sent, with the action no longer
// owed.
type Debt struct {
	Step
	// Since has for each path of Reasons what it held when nothing was owed for
	// it; the zero hash says that there was no such file.
	Since map[string]watcher.Hash `json:"-"`
	// Begun says that the action has begun and has not succeeded, or not for
	// what is there now as far as anybody knows.
	Begun bool `json:"begun,omitempty"`
	// UnderWay says that somebody does it, or is about to, without being asked
	// again.
	UnderWay bool `json:"under_way,omitempty"`

	// running says that a run has begun and not ended; stirred has the paths
	// that have changed since.
	running bool
	stirred map[string]bool
}

// Running reports whether the action of a debt has begun and not ended.
func (d Debt) Running() bool { return d.running }

func (d Debt) clone() Debt {
	d.Reasons, d.Since, d.stirred = slices.Clone(d.Reasons), maps.Clone(d.Since), maps.Clone(d.stirred)
	return d
}

// owe adds a path that held since when nothing was owed for it.
func (d *Debt) owe(path string, since watcher.Hash) {
	if d.Since == nil {
		d.Since = make(map[string]watcher.Hash)
	}
	d.Since[path] = since
	if d.running {
		if d.stirred == nil {
			d.stirred = make(map[string]bool)
		}
		d.stirred[path] = true
	}
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

// Lasting returns a copy of what is owed beyond the end of an agent, as another
// one would take it up: the actions, and the restarts and signals of services
// that are kept. Nothing of it is under way.
func (ds Debts) Lasting(kept func(service string) bool) Debts {
	var all Debts
	for _, d := range ds {
		if d.Kind == RunAction || kept(d.Name) {
			d = d.clone()
			d.UnderWay, d.running, d.stirred = false, false, nil
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

// Asked returns what of these debts rules ask for that may be others than those
// they came of. A debt remains for the files for which the rules still name its
// action, and the action its step; what a classifier has said of a file, as long
// as no rule matches that. What is owed without a file remains.
func (ds Debts) Asked(rules Rules) Debts {
	var files []string
	for _, d := range ds {
		for _, r := range d.Reasons {
			files = append(files, r.file(), r.Path)
		}
	}
	type ask struct{ file, action string }
	fired, asks, unmatched := rules.Fire(files, nil), make(map[ask]bool), make(map[string]bool)
	for _, f := range fired.Actions {
		for _, r := range f.Reasons {
			asks[ask{r.Path, f.Name}] = true
		}
	}
	for _, file := range fired.Unmatched {
		unmatched[file] = true
	}
	var all Debts
	for _, d := range ds {
		d = d.clone()
		d.Reasons = slices.DeleteFunc(d.Reasons, func(r Reason) bool {
			name := cmp.Or(r.Action, d.Name)
			named := asks[ask{r.file(), name}] || asks[ask{r.Path, name}] || r.Rule == ClassifierRule && unmatched[r.Path]
			return r.Path != "" && !(named && rules.Actions[name].does(d.Step))
		})
		owed := make(map[string]bool)
		for _, r := range d.Reasons {
			owed[r.Path] = true
		}
		maps.DeleteFunc(d.Since, func(path string, _ watcher.Hash) bool { return !owed[path] })
		all = append(all, d)
	}
	all.settled()
	return all
}

// does reports whether a step is one that the action calls for.
func (a Action) does(s Step) bool {
	switch s.Kind {
	case RunAction:
		return a.Command
	case RestartService:
		return slices.Contains(a.Restart, s.Name)
	default:
		return a.Signal[s.Name] == s.Signal
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
	d.Begun, d.UnderWay, d.running = true, true, true
	return slices.Sorted(maps.Keys(d.Since)), true
}

// End notes that an action has ended. If it has succeeded, it is owed for what
// has changed since it began, and for nothing else.
func (ds *Debts) End(action string, succeeded bool) {
	d := ds.find(RunAction, action)
	if d == nil {
		return
	}
	stirred := d.stirred
	d.UnderWay, d.running, d.stirred = false, false, nil
	if !succeeded {
		return
	}
	d.Begun = false
	d.forgive(func(path string, _ watcher.Hash) bool { return !stirred[path] })
	d.Begun = len(d.Since) > 0
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
