package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bounce/internal/control"
)

// finding is something that doctor says of what it has looked at.
type finding struct {
	// Level is "error" for what keeps something from working, "warning" for what
	// may, and "note".
	Level string `json:"level"`
	Text  string `json:"text"`
}

const (
	wrong = "error"
	odd   = "warning"
	aside = "note"
)

// Bounds of what is said.
const (
	littleRoom  = 16     // MiB: state is some of them, and a log is rotated at 10
	fewFiles    = 100    // what is written anew is a file more for a moment
	clockSkew   = 2.0    // seconds: more than a tick, and than a network mount takes
	wholeSecond = 1.0    // seconds
	manyRescans = 10     // each reads the tree
	day         = 86400. // seconds
)

// diagnose says what is wrong or odd of what was looked at, worst first.
func diagnose(e *examination) []finding {
	found := []finding{}
	say := func(level, format string, args ...any) {
		found = append(found, finding{level, fmt.Sprintf(format, args...)})
	}
	for _, why := range e.unknown {
		say(wrong, "cannot look at %s", why)
	}
	e.diagnoseAgent(say)
	e.diagnoseServices(say)
	for _, l := range e.Limits {
		if l.Short() {
			say(odd, "of %d %s %d are used: %s gives more", l.Max, l.Name, l.Used, l.Raise)
		}
	}
	for _, p := range e.Places {
		switch {
		case p.Problem != "":
			say(wrong, "%s %s: %s", p.What, p.Path, p.Problem)
		case p.FreeMB >= 0 && p.FreeMB < littleRoom:
			say(odd, "%s %s: %d MB are left on its disk", p.What, p.Path, p.FreeMB)
		case p.FreeFiles >= 0 && p.FreeFiles < fewFiles:
			say(odd, "%s %s: %d more files can be made on its disk", p.What, p.Path, p.FreeFiles)
		}
		if p.What == "socket" && p.There && e.Agent == nil {
			say(aside, "the socket %s is left over from an agent that was killed; the next one replaces it", p.Path)
		}
	}
	switch c := e.Clock; {
	case c.Problem != "":
		say(aside, "the clock of the file system of %s is not known: %s", c.Path, c.Problem)
	case math.Abs(c.Ahead) > clockSkew:
		say(odd, "what is written in %s is stamped %s; restarts go by contents and are right all the same, what goes by times, such as make, is not", c.Path, skew(c.Ahead))
	case c.Step >= wholeSecond:
		say(aside, "the file system of %s stamps whole seconds: files are read once more where a stamp does not tell", c.Path)
	}
	rank := map[string]int{wrong: 0, odd: 1, aside: 2}
	slices.SortStableFunc(found, func(a, b finding) int { return rank[a.Level] - rank[b.Level] })
	return found
}

func (e *examination) diagnoseAgent(say func(level, format string, args ...any)) {
	if e.Agent == nil {
		return
	}
	if e.Agent.Version != e.Program {
		say(odd, "the agent is of version %s, and this program of %s: start it anew to have one", e.Agent.Version, e.Program)
	}
	if e.Agent.State == control.Degraded && (e.Watching == nil || !e.Watching.Degraded) {
		say(odd, "the agent is degraded: its last warnings say why")
	}
	if h := e.Agent.Hold; h != nil {
		say(aside, "changes are held back: %s; ends when %s", h.What, h.EndsWhen)
	}
	if o := e.Agent.Ownership; o.Why != "" {
		say(aside, "services have no control groups of their own: %s", o.Why)
	}
	w := e.Watching
	switch {
	case w == nil:
	case w.Degraded:
		say(odd, "%d of %d directories are looked at now and then, and should not have to be: %s", w.Polled, w.Directories, w.Why)
	case w.Polled > 0:
		say(aside, "%d of %d directories are looked at now and then: %s", w.Polled, w.Directories, w.Why)
	}
	if w != nil && w.Rescans >= manyRescans && e.UptimeS > 0 && float64(w.Rescans)*day/e.UptimeS > 24*manyRescans {
		say(odd, "the tree was read anew %d times since events were lost: sysctl fs.inotify.max_queued_events gives more room", w.Rescans)
	}
}

func (e *examination) diagnoseServices(say func(level, format string, args ...any)) {
	for _, i := range e.Interpreters {
		if i.Problem != "" {
			say(wrong, "%s", i.Problem) // it names the interpreter
		}
	}
	for _, s := range e.Services {
		for _, text := range s.Notes {
			say(odd, "%s", text)
		}
	}
	for _, s := range e.Status {
		switch {
		case s.Hold != nil:
			say(odd, "%s is held: %s%s; ends when %s", s.Name, s.Hold.What, at(*s.Hold), s.Hold.EndsWhen)
		case !s.AtTarget():
			say(odd, "%s is %s: %s", s.Name, s.State, s.Reason)
		case s.Stale:
			say(odd, "%s runs other files than there are now", s.Name)
		}
		switch o := s.Observed; {
		case o == nil:
		case o.Unobserved != "":
			say(aside, "what %s loads is not observed: %s", s.Name, o.Unobserved)
		case len(o.Stale) > 0 && !s.Stale:
			say(odd, "%s has executed %s as it is no more", s.Name, o.Stale[0].Path)
		}
	}
}

// skew is how far a clock is off, in words.
func skew(seconds float64) string {
	way := "ahead of"
	if seconds < 0 {
		way = "behind"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", math.Abs(seconds)), ".0") + " s " + way + " this machine's clock"
}
