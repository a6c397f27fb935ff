package agent

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"bounce/configs"
	"bounce/decider"
)

// Finding is something that `bounce check` says.
type Finding struct {
	// Level is "note", "warning" or "error".
	Level   string `json:"level"`
	Service string `json:"service,omitempty"`
	// Services are the ones concerned, where it is about a file that several
	// may load.
	Services []string `json:"services,omitempty"`
	// File, Line and Column are the place in the configuration or in a Python
	// file, where it has one; Text begins with it.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
}

// Mistake returns what the configuration's reader found as a finding.
func Mistake(level string, e configs.Error) Finding {
	return Finding{Level: level, File: e.File, Line: e.Line, Column: e.Column, Text: e.Error()}
}

// Check says what is odd about a project whose configuration is valid: services
// that could not be started here, entries that are not found, patterns that
// match nothing, rules that no file can reach, and files in the reach of
// services whose imports are not known or not found.
func (p *Project) Check() []Finding {
	findings := []Finding{}
	add := func(service, format string, args ...any) {
		findings = append(findings, Finding{Level: "warning", Service: service, Text: fmt.Sprintf(format, args...)})
	}
	for _, w := range p.config.Warnings {
		findings = append(findings, Mistake("warning", w))
	}
	paths := slices.Sorted(maps.Keys(p.files))
	for _, name := range p.view.names() {
		r := p.view.services[name]
		for _, text := range p.view.warnings(name) {
			add(name, "%s", text)
		}
		for _, glob := range r.service.watch {
			if !slices.ContainsFunc(paths, func(path string) bool { return decider.Match(glob, path) }) {
				add(name, "watch pattern %q matches no file", glob)
			}
		}
		for _, name := range r.service.unknownPackages() {
			add(r.service.name, "package %q is not installed for %s: name a distribution, or a module of one", name, r.service.python.Path)
		}
	}
	findings = append(findings, p.unstartable()...)
	findings = append(findings, p.elsewhere()...)
	for _, action := range actions(p.config) {
		var e configs.Error
		if _, err := p.config.CommandEnv(action.Name, nil); errors.As(err, &e) {
			findings = append(findings, Mistake("warning", e))
		}
	}
	findings = append(findings, p.importFindings()...)
	for _, text := range ruleFindings(p.config.DecideBy(), paths) {
		add("", "%s", text)
	}
	if asks, ok := p.config.Asks(os.Environ()); ok {
		if err := findProgram(asks); err != nil {
			add("", "the classifier cannot be run: %v", err)
		}
	}
	return append(findings, p.observedFindings()...)
}

// firstFiles is how many files a finding names.
const firstFiles = 10

// observedFindings says where what processes have loaded differs from what
// imports say.
func (p *Project) observedFindings() (findings []Finding) {
	for _, name := range p.view.names() {
		span := p.view.services[name].span
		for _, c := range []struct {
			what  string
			paths []string
		}{
			{"has loaded %d of its files by no import: %s", span.missed},
			{"has not loaded %d of the files to which imports lead: %s", span.idle()},
			{"has loaded %d of its files that watch.ignore leaves out, so that no edit of them restarts it; name them in watch.include to change that: %s", p.view.unwatched(name, p.config.WatchOptions())},
		} {
			if len(c.paths) == 0 {
				continue
			}
			slices.Sort(c.paths)
			first := strings.Join(c.paths[:min(len(c.paths), firstFiles)], ", ")
			if len(c.paths) > firstFiles {
				first += ", ..."
			}
			findings = append(findings, Finding{Level: "note", Service: name, Text: name + " " + fmt.Sprintf(c.what, len(c.paths), first)})
		}
		if _, unnamed := p.view.services[name].sighted(); len(unnamed) > 0 {
			var words []string
			for _, d := range unnamed {
				words = append(words, fmt.Sprintf("%s (observed in generation %d)", d.Name, d.Generation))
			}
			findings = append(findings, Finding{Level: "note", Service: name, Text: fmt.Sprintf("%s has loaded %d of its installed packages by no import, command or setting: %s", name, len(words), strings.Join(words, ", "))})
		}
	}
	return findings
}

// findProgram looks for the file that a program is.
func findProgram(p configs.Program) error {
	name := p.Argv[0]
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(p.Dir, name)
	}
	_, err := exec.LookPath(name)
	return err
}

// ruleFindings says which rules match no file, and which are never reached
// since earlier rules take all of their files.
func ruleFindings(rules decider.Rules, paths []string) []string {
	var out []string
	first := make([]int, len(rules.Rules)) // files that the rule gets
	any := make([]int, len(rules.Rules))   // files that its pattern matches
	for _, path := range paths {
		taken := false
		for i, r := range rules.Rules {
			if !decider.Match(r.Pattern, path) {
				continue
			}
			any[i]++
			if !taken {
				first[i]++
				taken = true
			}
		}
	}
	for i, r := range rules.Rules {
		at := ""
		if r.Line > 0 {
			at = fmt.Sprintf("line %d: ", r.Line)
		}
		switch {
		case any[i] == 0:
			out = append(out, fmt.Sprintf("%spattern %q matches no file of the project", at, r.Pattern))
		case first[i] == 0:
			out = append(out, fmt.Sprintf("%srule %q is never reached: earlier rules take every file that it matches", at, r.Pattern))
		}
	}
	return out
}
