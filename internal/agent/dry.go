package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"bounce/internal/control"
	"bounce/runner"
)

// A dry run is an agent whose runner starts nothing: it watches and decides as
// ever, and takes what it decides for done. It keeps no lock, no socket and no
// memory of its own, so that it can run beside the agent of the project.

// tells reports whether an event is told of. Of a dry run it is what is decided,
// and what a person should know: nothing becomes of services and actions.
func (a *Agent) tells(e control.Event) bool {
	if !a.opts.Dry {
		return true
	}
	switch e.Kind {
	case "note", "warning", "scanned", "would_start", "batch", "plan", "agent_stopped":
		return true
	}
	return false
}

// rehearse tells what would be started.
func (a *Agent) rehearse() {
	v := a.view()
	for _, name := range a.startOrder(a.wanted()) {
		r := v.services[name]
		start := control.Launch{
			Command: r.service.spec.Argv,
			Entries: []string{},
			After:   append([]string{}, a.config().Services[name].DependsOn.Names()...),
			Files:   r.version.Files.Len(),
			Ready:   readiness(r.service.spec.Ready),
			Unknown: append([]string{}, v.warnings(name)...),
		}
		for _, e := range v.entries(r.service) {
			start.Entries = append(start.Entries, cmp.Or(e.Module, e.File))
		}
		a.emit(control.Event{Kind: "would_start", Service: name, Start: &start})
	}
	for _, f := range a.project().elsewhere() {
		a.emit(control.Event{Kind: "warning", Text: f.Text})
	}
}

// rehearsed says what comes next, once all that would be started is taken to
// run. An edit before that would not restart what is yet to start.
func (a *Agent) rehearsed(ctx context.Context) {
	_ = a.run.Settled(ctx) // what does not come up shows in later plans
	if ctx.Err() != nil {
		return
	}
	a.emit(control.Event{Kind: "note", Text: "this is a dry run: nothing is started or changed; a change shows what would be done, Ctrl-C ends it"})
}

// startOrder returns services with what they depend on first, as they are
// started.
func (a *Agent) startOrder(names []string) []string {
	var level func(name string) int
	level = func(name string) int {
		deepest := 0
		for _, d := range a.config().Services[name].DependsOn.Names() {
			deepest = max(deepest, level(d)+1)
		}
		return deepest
	}
	return slices.SortedFunc(slices.Values(names), func(x, y string) int {
		return cmp.Or(
			cmp.Compare(level(x), level(y)),
			cmp.Compare(a.config().Services[x].Order, a.config().Services[y].Order),
			strings.Compare(x, y))
	})
}

// readiness says when a service counts as up.
func readiness(r runner.Ready) string {
	for _, sign := range []struct {
		given bool
		words string
	}{
		{r.HTTP != "", r.HTTP + " answers"},
		{r.TCP != "", r.TCP + " accepts connections"},
		{r.Unix != "", r.Unix + " accepts connections"},
		{len(r.Command) > 0, "its probe command succeeds"},
		{r.File != "", r.File + " is written"},
		{r.Pipe != "", r.Pipe + " is written to"},
		{r.Log != "", "a line of output matches " + r.Log},
		{r.Notify, "it says READY=1"},
	} {
		if sign.given {
			return fmt.Sprintf("up when %s, within %s", sign.words, r.Timeout)
		}
	}
	return "up as soon as it runs: nothing is probed"
}
