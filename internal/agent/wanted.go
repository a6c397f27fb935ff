package agent

import (
	"slices"

	"bounce/internal/control"
)

// Which services are up is decided by what 'bounce up' was given, and then by
// the operator. What the configuration makes them depend on comes with them,
// also by a reload.

// wanted returns the services to bring up: all, or the ones asked for and what
// they depend on.
func (a *Agent) wanted() []string {
	if len(a.opts.Services) == 0 {
		return a.view().names()
	}
	var wanted []string
	var want func(names []string)
	want = func(names []string) {
		for _, name := range names {
			if !slices.Contains(wanted, name) {
				wanted = append(wanted, name)
				want(a.config().Services[name].DependsOn.Names())
			}
		}
	}
	want(a.opts.Services)
	return wanted
}

// lay keeps services down until somebody wants them.
func (a *Agent) lay(names []string) {
	if _, err := a.run.Stop(names...); err != nil {
		a.emit(control.Event{Kind: "warning", Text: err.Error()})
	}
	for _, name := range names {
		a.idle[name] = true
	}
}

// rouse brings up the services that are wanted by now and were not before. While
// the operator holds restarts they wait for the end of that, as others do.
func (a *Agent) rouse() {
	names := slices.DeleteFunc(a.wanted(), func(name string) bool { return !a.idle[name] })
	if a.paused != nil || len(names) == 0 {
		return
	}
	a.minded(names)
	ticket, err := a.run.Start(names...)
	if err != nil {
		a.emit(control.Event{Kind: "warning", Text: err.Error()})
	}
	a.follow(ticket, nil)
}

// minded takes note that services are up, or down, because somebody said so.
func (a *Agent) minded(names []string) {
	for _, name := range names {
		delete(a.idle, name)
	}
}
