package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"bounce/internal/control"
)

// tree is the status as a forest: groups, what is in them, and the units of
// services.
type tree struct {
	groups   map[string]control.Group
	services map[string]control.Service
	rows     *tabwriter.Writer // name, state, and what there is to say
}

// writeTree draws the status for people.
func writeTree(w io.Writer, st control.Status) error {
	t := tree{groups: map[string]control.Group{}, services: map[string]control.Service{}}
	var drawn bytes.Buffer
	t.rows = tabwriter.NewWriter(&drawn, 0, 0, 2, ' ', 0)
	inside := map[string]bool{}
	var roots []string
	for _, g := range st.Groups {
		t.groups[g.Name] = g
		for _, m := range g.Members {
			inside[m] = true
		}
	}
	for _, g := range st.Groups {
		if !inside[g.Name] {
			roots = append(roots, g.Name)
		}
	}
	for _, s := range st.Services {
		t.services[s.Name] = s
		if !inside[s.Name] {
			roots = append(roots, s.Name)
		}
	}
	fmt.Fprintf(w, "agent %d %s\n", st.Agent.PID, st.Agent.State)
	for i, name := range roots {
		t.draw(name, "", i == len(roots)-1)
	}
	if err := t.rows.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// draw writes a member and what is in it. before is the drawing left of it.
func (t tree) draw(name, before string, last bool) {
	branch, under := "├─ ", "│  "
	if last {
		branch, under = "└─ ", "   "
	}
	if g, ok := t.groups[name]; ok {
		detail := fmt.Sprintf("%s, %d of %d restarts in %s", g.Strategy, g.Restarts, g.Budget, short(g.WindowS))
		if g.Reason != "" {
			detail += "; " + g.Reason
		}
		t.row(before+branch, name, g.State, detail)
		for i, m := range g.Members {
			t.draw(m, before+under, i == len(g.Members)-1)
		}
		return
	}
	s := t.services[name]
	state := s.State
	if s.Stale {
		state += " (stale)"
	}
	t.row(before+branch, name, state, reason(s))
	for i, u := range s.Units {
		branch := "├─ "
		if i == len(s.Units)-1 {
			branch = "└─ "
		}
		state, detail := u.State, u.Says
		if u.Stalled != "" {
			state, detail = u.State+" (stalled)", u.Stalled
		}
		t.row(before+under+branch, "unit "+u.Name, state, detail)
	}
}

func (t tree) row(branch, name, state, detail string) {
	fmt.Fprintf(t.rows, "%s%s\t%s\t%s\n", branch, plain(name), plain(state), plain(detail))
}

// short writes a number of seconds as files do: 10m rather than 10m0s.
func short(seconds float64) string {
	text := time.Duration(seconds * float64(time.Second)).String()
	if t, ok := strings.CutSuffix(text, "m0s"); ok {
		text = t + "m"
	}
	if t, ok := strings.CutSuffix(text, "h0m"); ok {
		text = t + "h"
	}
	return text
}
