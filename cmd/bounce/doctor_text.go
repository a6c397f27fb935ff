package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bounce/internal/control"
	"bounce/internal/machine"
)

// writeExamination prints an examination for people: what is wrong first.
func writeExamination(w io.Writer, e *examination) {
	if len(e.Findings) == 0 {
		fmt.Fprintln(w, "nothing is wrong")
	}
	for _, f := range e.Findings {
		fmt.Fprintf(w, "%s: %s\n", f.Level, plain(f.Text))
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "%s\t%s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	line("bounce", "%s", e.Program)
	line("project", "%s", e.Project)
	if a := e.Agent; a != nil {
		line("agent", "pid %d, version %s, %s for %s", a.PID, a.Version, a.State, lasted(e.UptimeS))
		if a.Config != "" {
			line("", "configuration %s", a.Config)
		}
		line("", "services are held together by %s", strings.Join(a.Ownership.Layers, ", "))
	} else {
		line("agent", "none")
	}
	if n := e.Watching; n != nil {
		line("watching", "%s: %s", n.Source, n.Why)
		line("", "%d directories, %d of them looked at now and then; %d files", n.Directories, n.Polled, n.Files)
		line("", "batches of changes: %d; read anew after lost events: %d times", n.Batches, n.Rescans)
	}
	line("import roots", "%s", strings.Join(e.Roots, ", "))
	name := "limits"
	for _, l := range e.Limits {
		used := fmt.Sprintf("%d of %d used", l.Used, l.Max)
		if l.Shared {
			used = fmt.Sprintf("%d used by the agent, %d for the user", l.Used, l.Max)
		}
		line(name, "%s: %s", l.Name, used)
		name = ""
	}
	name = "places"
	for _, p := range e.Places {
		line(name, "%s %s: %s", p.What, p.Path, placed(p))
		name = ""
	}
	line("clock", "%s", clocked(e.Clock))
	name = "interpreters"
	for _, i := range e.Interpreters {
		line(name, "%s", interpreted(i))
		name = ""
	}
	tw.Flush()
	if len(e.Services) > 0 {
		writeServiceFacts(w, e)
	}
	if len(e.Warnings) > 0 {
		fmt.Fprintln(w, "\nlast warnings")
	}
	for _, event := range e.Warnings {
		fmt.Fprintf(w, "  %s %s\n", event.Time.Format(time.TimeOnly), plain(strings.TrimSpace(event.Service+" "+event.Text)))
	}
}

// writeServiceFacts prints what is known of services as a table.
func writeServiceFacts(w io.Writer, e *examination) {
	states := map[string]string{}
	for _, s := range e.Status {
		states[s.Name] = s.State
		if s.Stale {
			states[s.Name] += " (stale)"
		}
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SERVICE\tSTATE\tSTARTS FROM\tFILES\tPACKAGES\tPYTHON")
	for _, s := range e.Services {
		from := strings.Join(s.Entries, " ")
		if from == "" {
			from = "unknown"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%s\n", s.Name, orDash(states[s.Name]), plain(from), s.Files, s.Packages, orDash(plain(s.Interpreter)))
	}
	tw.Flush()
	fmt.Fprintln(w)
	_ = writeObserved(w, control.Status{Services: e.Status}) // one that fails is told at the end
	for _, s := range e.Status {
		if s.Start != "" {
			fmt.Fprintln(w, plain(s.Name+" starts "+s.Start))
		}
	}
	of := map[string][]string{} // services by what becomes of their bytecode
	for _, s := range e.Services {
		if s.Bytecode != "" {
			of[s.Bytecode] = append(of[s.Bytecode], s.Name)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(w, "bytecode of %s: %s\n", strings.Join(of[what], ", "), plain(what))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// lasted is a time in seconds for people.
func lasted(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// placed says in what state a place is.
func placed(p machine.Place) string {
	if !p.There {
		return "not there"
	}
	text := p.Mode
	if p.Owner >= 0 {
		text += fmt.Sprintf(", user %d", p.Owner)
	}
	if p.FreeMB >= 0 {
		text += fmt.Sprintf(", %d MB free", p.FreeMB)
	}
	return text
}

// clocked says how a file system stamps.
func clocked(c machine.Clock) string {
	if c.Problem != "" {
		return c.Problem
	}
	step := time.Duration(c.Step * float64(time.Second))
	if c.Ahead > -clockSkew && c.Ahead < clockSkew {
		return fmt.Sprintf("that of the file system is this machine's, in steps of %s", step)
	}
	return fmt.Sprintf("that of the file system is %s, in steps of %s", skew(c.Ahead), step)
}

// interpreted says which Python an interpreter is.
func interpreted(i control.Interpreter) string {
	if i.Problem != "" {
		return i.Path + ": not known"
	}
	text := fmt.Sprintf("%s: %s %s", i.Path, i.Implementation, i.Version)
	if i.Packages >= 0 {
		text += fmt.Sprintf(", %d packages", i.Packages)
	}
	if i.Environment != "" {
		text += ", environment " + i.Environment
	}
	return text
}
