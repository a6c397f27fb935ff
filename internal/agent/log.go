package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"bounce/decider"
	"bounce/internal/control"
	"bounce/runner"
)

// Log writes events as lines for a person: at info and above, one for each
// thing that happened to them; at debug the steps that led there. The message
// says it all, service first; the fields hold the same for programs. A Log
// remembers what it has said, so as not to say it again, and is for one
// goroutine.
type Log struct {
	// Beside says that output is written to the same place: the last lines of a
	// failure stand there already.
	Beside bool
	// Dry says that nothing is done: a plan is what would be. It is told of in
	// full, with what is left alone.
	Dry bool

	log zerolog.Logger
	// asked has when the start that is under way was asked for, by service.
	asked map[string]time.Time
	// held has the holds that the newest plan told of.
	held map[string]bool
	// changed is the newest batch.
	changed control.Event
	// ending says that the agent stops, so that services need not say why.
	ending bool
}

// NewLog returns a Log that writes to log, which adds no time: each line has
// that of its event.
func NewLog(log zerolog.Logger) *Log {
	return &Log{log: log, asked: map[string]time.Time{}, held: map[string]bool{}}
}

// Event writes the lines of an event, often none at the level of the log.
func (l *Log) Event(e control.Event) {
	switch {
	case e.Kind == "plan":
		l.plan(e)
		return
	case e.Start != nil:
		l.start(e)
		return
	}
	level, text := l.words(e)
	line := l.line(level, e)
	for _, f := range []struct {
		name, value string
	}{
		{"service", e.Service}, {"action", e.Action}, {"group", e.Group}, {"unit", e.Unit}, {"signal", e.Signal}, {"cause", e.Cause}, {"text", e.Text},
	} {
		if f.value != "" {
			line.Str(f.name, f.value)
		}
	}
	if e.Generation != 0 {
		line.Int("generation", e.Generation)
	}
	if e.PID != 0 {
		line.Int("pid", e.PID)
	}
	if e.ExitCode != nil {
		line.Int("exit_code", *e.ExitCode)
	}
	if e.Attempt != 0 {
		line.Int("attempt", e.Attempt)
	}
	if e.WaitS != 0 {
		line.Float64("wait_s", e.WaitS)
	}
	if e.Batch != 0 {
		line.Uint64("batch", e.Batch)
	}
	if e.Count != 0 {
		line.Int("count", e.Count)
	}
	if len(e.Paths) > 0 {
		line.Strs("paths", e.Paths)
	}
	if e.Missed != 0 {
		line.Uint64("missed", e.Missed)
	}
	if e.Hold != nil {
		addHold(line, e.Hold.Kind, e.Hold.Path, e.Hold.Line, e.Hold.EndsWhen)
	}
	if len(e.Lines) > 0 && !l.Beside {
		line.Strs("lines", e.Lines)
	}
	if took, ok := l.took(e); ok {
		line.Float64("took_s", took.Seconds())
		text += fmt.Sprintf(" in %.2fs", took.Seconds())
	}
	line.Msg(text)
}

// line begins a line of e.
func (l *Log) line(level zerolog.Level, e control.Event) *zerolog.Event {
	at := e.Time
	if at.IsZero() {
		at = now()
	}
	// As text, since zerolog's own way leaves the fraction out.
	return l.log.WithLevel(level).Str(zerolog.TimestampFieldName, at.Format(time.RFC3339Nano)).Str("kind", e.Kind)
}

// words says who an event is for and what it says.
func (l *Log) words(e control.Event) (zerolog.Level, string) {
	who := e.Service + e.Action
	switch e.Kind {
	case "note", "warning":
		level := zerolog.InfoLevel
		if e.Kind == "warning" {
			level = zerolog.WarnLevel
		}
		if strings.Contains(e.Text, who) {
			who = ""
		}
		return level, said(who, e.Text)
	case "gap":
		return zerolog.WarnLevel, fmt.Sprintf("%d events left out: this reader is slower than they come", e.Missed)
	case "scanned":
		return zerolog.InfoLevel, "read " + counted(e.Count, "Python file")
	case "batch":
		l.changed = e
		text := "changed: " + listed(e.Paths, e.Count)
		if e.Cause != "" && e.Cause != "edit" {
			text += " (" + e.Cause + ")"
		}
		return zerolog.InfoLevel, text
	case "installed":
		return zerolog.InfoLevel, said(e.Text, e.Cause)
	case "paused":
		return zerolog.InfoLevel, "restarts are held until 'bounce resume'"
	case "resumed":
		return zerolog.InfoLevel, "restarts are no longer held"
	case "reloaded":
		return zerolog.InfoLevel, e.Text
	case "reload_failed":
		return zerolog.ErrorLevel, e.Text + "; what ran goes on"
	case "agent_stopping":
		l.ending = true
		return zerolog.DebugLevel, "agent stopping"
	case "agent_stopped":
		if l.Dry {
			return zerolog.InfoLevel, "the dry run has ended"
		}
		return zerolog.InfoLevel, "agent stopped"

	case "waiting", "starting":
		if _, ok := l.asked[e.Service]; !ok && !e.Time.IsZero() {
			l.asked[e.Service] = e.Time
		}
		return zerolog.DebugLevel, said(who+" "+e.Kind, e.Text)
	case "rolling":
		return zerolog.DebugLevel, said(fmt.Sprintf("%s rolling to generation %d", who, e.Generation), e.Text)
	case "overlapping":
		return zerolog.DebugLevel, said(fmt.Sprintf("%s overlapping, generation %d begins", who, e.Generation), e.Text)
	case "serving":
		return zerolog.InfoLevel, said(fmt.Sprintf("%s serves with new code", who), e.Text)
	case "alone":
		return zerolog.WarnLevel, said(who+" failed", e.Text)
	case "apart":
		return zerolog.WarnLevel, said(who+" restarts without overlap from now on", e.Text)
	case "rolled_back":
		return zerolog.WarnLevel, said(who+" rolled back, the old process stays", e.Text+ends(e.Hold))
	case "hook_done":
		return zerolog.DebugLevel, said(who+" hook done", e.Text)
	case "hook_failed":
		return zerolog.WarnLevel, said(who+" hook failed", e.Text)
	case "abandoned":
		return zerolog.DebugLevel, said(fmt.Sprintf("%s generation %d not needed", who, e.Generation), e.Text)
	case "started", "draining", "stopping", "exited", "forgiven", "reloading":
		return zerolog.DebugLevel, said(who+" "+e.Kind, e.Text)
	case "warmable":
		return zerolog.DebugLevel, said(who+" can be started warm", e.Text)
	case "unwarmable":
		return zerolog.DebugLevel, said(who+" cannot be started warm", e.Text)
	case "crashed":
		// What becomes of it comes next, with the traceback and the last
		// lines.
		return zerolog.DebugLevel, said(who+" crashed", e.Text)
	case "adopted":
		return zerolog.InfoLevel, fmt.Sprintf("%s taken over: %s", who, e.Text)
	case "left":
		return zerolog.InfoLevel, fmt.Sprintf("%s goes on as pid %d: the next 'bounce up' takes it over, 'bounce down' ends it", who, e.PID)
	case "unkept":
		return zerolog.WarnLevel, "cannot tell what an earlier agent has left: " + e.Text
	case "ready":
		return zerolog.InfoLevel, who + " ready"
	case "unverified":
		return zerolog.InfoLevel, who + " running (unverified)"
	case "stopped":
		if l.ending {
			e.Text = ""
		}
		if by, ok := strings.CutPrefix(e.Text, "stopped "); ok {
			return zerolog.InfoLevel, who + " stopped " + by
		}
		return zerolog.InfoLevel, said(who+" stopped", e.Text)
	case "backoff":
		if e.Cause == string(runner.CauseExit) {
			return zerolog.InfoLevel, said(who+" ended", e.Text)
		}
		return zerolog.WarnLevel, said(who+" failed", e.Text)
	case "held", "cooldown":
		return zerolog.WarnLevel, said(who+" "+e.Kind, e.Text+ends(e.Hold))
	case "exhausted":
		return zerolog.ErrorLevel, said(who+" exhausted", e.Text+ends(e.Hold))
	case "unclean":
		return zerolog.ErrorLevel, said(who+" unclean", e.Text)
	case "dropped":
		if e.Text != "" {
			return zerolog.WarnLevel, said(who, e.Text)
		}
		return zerolog.WarnLevel, fmt.Sprintf("%s: %s of output left out: it writes faster than they are read", who, counted(e.Count, "line"))

	case "unit":
		return zerolog.DebugLevel, e.Text
	case "stalled":
		text := e.Text
		if e.Signal != "" {
			text += "; sent " + e.Signal
		}
		return zerolog.WarnLevel, text
	case "mended":
		return zerolog.InfoLevel, e.Text
	case "undeclared":
		return zerolog.WarnLevel, e.Text
	case "group_restarting":
		return zerolog.WarnLevel, said("group "+e.Group, e.Text)
	case "group_exhausted":
		return zerolog.ErrorLevel, said("group "+e.Group+" exhausted", e.Text)

	case "action_started":
		if _, again := l.asked[e.Action]; !again {
			l.asked[e.Action] = e.Time
		}
		return zerolog.DebugLevel, said(who+" started", e.Text)
	case "action_done":
		return zerolog.InfoLevel, who + " done"
	case "action_failed":
		return zerolog.ErrorLevel, said(who+" failed", e.Text)
	case "action_retry":
		return zerolog.WarnLevel, said(who+" failed", e.Text)
	case "action_moot":
		return zerolog.InfoLevel, who + " not run: what asked for it was undone"
	case "withdrawn":
		return zerolog.InfoLevel, who + " not restarted: what asked for it was undone"
	case "withheld":
		return zerolog.WarnLevel, said(who+" held back", e.Text)
	case "signalled":
		return zerolog.InfoLevel, said(who+" signalled", e.Signal)
	}
	return zerolog.InfoLevel, said(strings.TrimSpace(who+" "+strings.ReplaceAll(e.Kind, "_", " ")), e.Text)
}

// took returns how long it took to get where e says: from the request to the
// service that is up, the old process's end included.
func (l *Log) took(e control.Event) (time.Duration, bool) {
	switch e.Kind {
	case "ready", "unverified", "action_done":
		at, ok := l.asked[e.Service+e.Action]
		delete(l.asked, e.Service+e.Action)
		return e.Time.Sub(at), ok && !e.Time.IsZero()
	case "backoff", "cooldown", "held", "exhausted", "unclean", "stopped", "rolled_back", "action_failed":
		delete(l.asked, e.Service+e.Action)
	}
	return 0, false
}

// start writes how a service would be started.
func (l *Log) start(e control.Event) {
	s := e.Start
	entry := "entry unknown"
	if len(s.Entries) > 0 {
		entry = "entry " + strings.Join(s.Entries, ", ")
	}
	lines := []string{entry + "; " + counted(s.Files, "file") + " in reach"}
	if len(s.After) > 0 {
		lines = append(lines, "after "+strings.Join(s.After, ", "))
	}
	lines = append(lines, s.Ready)
	lines = append(lines, s.Unknown...)
	command := strings.Join(s.Command, " ")
	l.line(zerolog.InfoLevel, e).Str("service", e.Service).Strs("command", s.Command).Strs("lines", lines).
		Msg(said("would start "+e.Service, command))
}

// plan writes a decision: what restarts and through which imports, what has
// come to be held, or why nothing happens.
func (l *Log) plan(e control.Event) {
	var p decider.Plan
	if err := json.Unmarshal(e.Plan, &p); err != nil {
		l.line(zerolog.ErrorLevel, e).Err(err).Msg("cannot read a plan")
		return
	}
	for _, s := range p.Steps {
		verb, field := "restart", "service"
		switch {
		case s.Kind == decider.RunAction:
			verb, field = "run", "action"
		case s.Kind == decider.SignalService:
			verb = "send " + s.Signal + " to"
		case slices.ContainsFunc(s.Reasons, func(r decider.Reason) bool { return r.Change == decider.Started }):
			verb = "start"
			fallthrough
		default:
			l.asked[s.Name] = e.Time
		}
		line, why := l.line(zerolog.InfoLevel, e).Uint64("batch", p.Batch).Str(field, s.Name), words(s.Reasons, s.More)
		if l.Dry {
			verb = "would " + verb
			why = l.further(line, s.Reasons, s.More)
		}
		line.Str("why", why).Msg(said(verb+" "+s.Name, why))
	}
	held, news := map[string]bool{}, false
	for _, h := range p.Holds {
		text := said(strings.TrimSpace(h.Service+h.Action+" held"), holdWords(h))
		held[text] = true
		if l.held[text] || h.Kind == "paused" { // which has an event of its own
			continue
		}
		news = true
		why := words(h.Reasons, h.More)
		if why != "" {
			text += "; for " + why
		}
		line := l.line(zerolog.WarnLevel, e).Uint64("batch", p.Batch)
		if h.Service != "" {
			line.Str("service", h.Service)
		}
		if h.Action != "" {
			line.Str("action", h.Action)
		}
		if why != "" {
			line.Str("why", why)
		}
		line.Str("what", h.What)
		addHold(line, h.Kind, h.Path, h.Line, h.EndsWhen)
		line.Msg(text)
	}
	l.held = held
	level := zerolog.DebugLevel
	if l.Dry {
		level = zerolog.InfoLevel
	}
	for _, left := range p.Left {
		line := l.line(level, e).Uint64("batch", p.Batch).Str("service", left.Service).Str("why", left.Why)
		line.Msg(said(left.Service+" left alone: "+left.Why, words(left.Reasons, left.More)))
	}
	if len(p.Ask) > 0 && l.Dry {
		l.line(zerolog.InfoLevel, e).Strs("lines", p.Ask).Msg("would ask the classifier about " + counted(len(p.Ask), "file"))
	}
	if (p.Batch > 0 && l.changed.Count > 0 || len(p.Installed) > 0) && len(p.Steps) == 0 && !news && !l.Dry {
		why := idle(p, l.changed)
		l.line(zerolog.InfoLevel, e).Uint64("batch", p.Batch).Str("why", why).Msg("nothing restarted: " + why)
	}
}

// further returns the first reason in words, and adds the others to a line.
func (l *Log) further(line *zerolog.Event, reasons []decider.Reason, more int) string {
	var others []string
	for i := 1; i < len(reasons); i++ {
		if text := words(reasons[i:i+1], 0); text != "" {
			others = append(others, text)
		}
	}
	if more > 0 {
		others = append(others, fmt.Sprintf("and %d more", more))
	}
	if len(others) > 0 {
		line.Strs("lines", others)
	}
	return words(reasons[:min(1, len(reasons))], 0)
}

// idle says why a plan does nothing about a batch.
func idle(p decider.Plan, changed control.Event) string {
	left := map[string][]string{}
	for _, l := range p.Left {
		left[l.Why] = append(left[l.Why], l.Service)
	}
	var why, held []string
	for _, h := range p.Holds {
		if who := h.Service + h.Action; who != "" {
			held = append(held, who)
		}
	}
	switch {
	case len(held) == 1:
		why = append(why, held[0]+" is still held")
	case len(held) > 1:
		why = append(why, strings.Join(held, ", ")+" are still held")
	case len(p.Holds) > 0:
		why = append(why, "restarts are still held")
	}
	for _, w := range []struct{ why, one, more string }{
		{"same content", "loads the same content as before", "load the same content as before"},
		{"cosmetic", "has other comments or layout alone", "have other comments or layout alone"},
		{"stopped by operator", "is stopped", "are stopped"},
		{"not started", "has yet to start", "have yet to start"},
	} {
		switch names := left[w.why]; len(names) {
		case 0:
		case 1:
			why = append(why, names[0]+" "+w.one)
		default:
			why = append(why, strings.Join(names, ", ")+" "+w.more)
		}
	}
	if len(p.Ask) > 0 {
		why = append(why, "the classifier is asked about "+listed(p.Ask, len(p.Ask)))
	}
	switch {
	case len(why) > 0:
		return strings.Join(why, "; ")
	case len(p.Installed) > 0:
		return "no service loads " + listed(p.Installed, len(p.Installed))
	case changed.Count == 1 && len(changed.Paths) == 1:
		return changed.Paths[0] + " is not reached"
	}
	return fmt.Sprintf("none of %s is reached", counted(changed.Count, "file"))
}

// said joins who and what.
func said(who, what string) string {
	switch {
	case who == "":
		return what
	case what == "":
		return who
	}
	return who + ": " + what
}

// counted says how many there are of something.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// listed names the first of n paths and counts the others.
func listed(paths []string, n int) string {
	const first = 3
	text := strings.Join(paths[:min(first, len(paths))], ", ")
	if more := n - min(first, len(paths)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// holdWords says what a hold waits for and what ends it.
func holdWords(h decider.Hold) string {
	text := h.What
	if h.Path != "" {
		text += fmt.Sprintf(" (%s:%d)", h.Path, h.Line)
	}
	return text + "; ends when " + h.EndsWhen
}

func ends(h *control.Hold) string {
	if h == nil {
		return ""
	}
	return "; ends when " + h.EndsWhen
}

func addHold(line *zerolog.Event, kind, path string, number int, ends string) {
	line.Str("hold", kind)
	if path != "" {
		line.Str("at", fmt.Sprintf("%s:%d", path, number))
	}
	line.Str("ends_when", ends)
}

// words says reasons in one line: the first in full, the others counted, more
// of them that are not in the list included.
func words(reasons []decider.Reason, more int) string {
	if len(reasons) == 0 || reasons[0].Change == decider.Started {
		return ""
	}
	r := reasons[0]
	var b strings.Builder
	switch {
	case r.Package == "" && (r.Path == "" || r.Change == ""):
		b.WriteString(r.Path + r.Change + " changed")
	default:
		b.WriteString(r.String())
	}
	for i, l := range r.Chain {
		sep := " -> "
		if i == 0 {
			sep = " ("
		}
		b.WriteString(sep + l.From)
		if l.Line > 0 {
			fmt.Fprintf(&b, ":%d", l.Line)
		}
	}
	if len(r.Chain) > 0 {
		b.WriteString(" -> " + r.Chain[len(r.Chain)-1].To + ")")
	}
	if r.Rule != "" {
		b.WriteString(", rule " + r.Rule)
	}
	if r.Action != "" {
		b.WriteString(" -> " + r.Action)
	}
	if n := len(reasons) - 1 + more; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	return b.String()
}
