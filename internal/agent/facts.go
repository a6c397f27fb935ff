package agent

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"bounce/internal/control"
)

// Facts implements [control.Backend]. It is put together from the newest view,
// and asks the interpreters which ones they are; the loop is not waited for.
func (a *Agent) Facts(ctx context.Context) (control.Facts, error) {
	f := a.view().facts(ctx)
	f.Started = &a.began
	if w := a.watch.Load(); w != nil {
		st := w.Status()
		f.Watching = &control.Watching{
			Source: string(st.Backend), Why: st.Why,
			Directories: st.Dirs, Polled: st.Polled, Files: st.Files, Degraded: st.Degraded,
			Batches: st.Batches, Rescans: st.Rescans, Held: st.Held,
		}
		if st.Held != "" {
			f.Watching.Since = &st.Since
		}
	}
	return f, nil
}

// Facts says what is known of the project without an agent.
func (p *Project) Facts(ctx context.Context) control.Facts { return p.view.facts(ctx) }

func (v *view) facts(ctx context.Context) control.Facts {
	f := control.Facts{Roots: v.roots, Services: []control.ServiceFacts{}, Interpreters: []control.Interpreter{}}
	pythons := map[string]*service{}
	for _, name := range v.names() {
		r := v.services[name]
		s := r.service
		facts := control.ServiceFacts{
			Name: name, Entries: []string{}, Unknown: s.unknown, Interpreter: s.python.Path, Bytecode: s.bytecode(),
			Files: r.version.Files.Len(), Packages: len(r.version.Packages), Notes: append([]string{}, v.warnings(name)...),
		}
		for _, e := range s.entries {
			facts.Entries = append(facts.Entries, cmp.Or(e.Module, e.File))
		}
		if s.search.problem != nil {
			facts.Notes = append(facts.Notes, "it is not known where it looks for modules: "+s.search.problem.Error())
		}
		f.Services = append(f.Services, facts)
		if s.python.Path != "" && (pythons[s.python.Path] == nil || s.search.installed != nil) {
			pythons[s.python.Path] = s
		}
	}
	var asking sync.WaitGroup
	f.Interpreters = make([]control.Interpreter, len(pythons))
	for i, path := range slices.Sorted(maps.Keys(pythons)) {
		asking.Go(func() { f.Interpreters[i] = pythons[path].describe(ctx) })
	}
	asking.Wait()
	return f
}

// describe says which Python a service runs on.
func (s *service) describe(ctx context.Context) control.Interpreter {
	i := control.Interpreter{Path: s.python.Path, Packages: -1}
	if s.search.installed != nil {
		i.Packages = s.search.installed.Len()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, errBusy)
	defer cancel()
	build, err := s.python.Describe(ctx)
	if err != nil {
		i.Problem = err.Error()
		return i
	}
	i.Implementation, i.Version, i.Environment = build.Implementation, build.Version, build.Environment
	return i
}

// bytecode says what becomes of the bytecode of a service that runs Python.
func (s *service) bytecode() string {
	if s.python.Path == "" || s.unknown != "" && s.python.Assumed {
		return ""
	}
	env := map[string]string{}
	for _, entry := range s.environment() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	switch {
	case env["PYTHONDONTWRITEBYTECODE"] != "":
		return "none is written (PYTHONDONTWRITEBYTECODE); what could be older than its source is removed before a start"
	case env["PYTHONPYCACHEPREFIX"] != "":
		return "written to " + env["PYTHONPYCACHEPREFIX"] + "; what could be older than its source is removed before a start"
	}
	return "written beside the source; what could be older than that is removed before a start"
}

// environment is that of the process, "KEY=value" each.
func (s *service) environment() []string {
	if s.spec.Env == nil {
		return os.Environ()
	}
	return s.spec.Env
}
