package agent

import (
	"errors"
	"os"
	"path/filepath"

	"bounce/configs"
	"bounce/runner"
)

// unstartable says what keeps services, probes and actions from being started
// on this machine: programs, directories, users, limits and CPUs. Of a service
// it is an error, unless an action may yet make what is missing.
func (p *Project) unstartable() []Finding {
	var findings []Finding
	add := func(level, path, service string, err error) {
		at := p.config.At(path, err.Error())
		f := Finding{Level: level, Service: service, Text: err.Error()}
		if at.Line > 0 {
			f = Mistake(level, at)
			f.Service = service
		}
		findings = append(findings, f)
	}
	for _, name := range p.view.names() {
		spec := p.view.services[name].service.spec
		for _, err := range runner.Preflight(spec) {
			level, path := "error", configs.Place("services", name)
			var e *runner.StartError
			if errors.As(err, &e) && e.Key != "" {
				path = configs.Place("services", name, e.Key)
				if (e.Key == "run" || e.Key == "cwd") && p.mayBeMade(spec) {
					level = "warning"
				}
			}
			add(level, path, name, err)
		}
		for _, probe := range []struct {
			key  string
			argv []string
		}{{"ready", spec.Ready.Command}, {"live", spec.Live.Command}} {
			if len(probe.argv) == 0 {
				continue
			}
			for _, err := range runner.Preflight(runner.Spec{Argv: probe.argv, Dir: spec.Dir, Env: spec.Env}) {
				add("warning", configs.Place("services", name, probe.key, "command"), name, err)
			}
		}
	}
	for _, action := range actions(p.config) {
		env, err := p.config.CommandEnv(action.Name, os.Environ())
		if err != nil {
			continue // it is said elsewhere
		}
		for _, err := range runner.Preflight(runner.Spec{Argv: action.Argv, Dir: action.Dir, Env: env}) {
			add("warning", configs.Place("actions", action.Name, "run"), "", err)
		}
	}
	return findings
}

// mayBeMade reports whether an action may make the program or the directory of
// a service: there is one that runs something, and they are in the project, or
// found by a PATH that may lead there.
func (p *Project) mayBeMade(s runner.Spec) bool {
	if len(actions(p.config)) == 0 {
		return false
	}
	program := s.Argv[0]
	if filepath.IsAbs(program) {
		rel, err := filepath.Rel(p.config.Dir, program)
		return err == nil && filepath.IsLocal(rel)
	}
	return true
}
