package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rs/zerolog"

	"bounce/decider"
	"bounce/internal/control"
)

// Log writes an event as lines for a person: one per thing that happened to
// them at info and above, the rest at debug. The same field has the same name
// in every line.
func Log(log zerolog.Logger, e control.Event) {
	if e.Kind == "plan" {
		logPlan(log, e)
		return
	}
	line := log.WithLevel(level(e.Kind))
	if e.Service != "" {
		line.Str("service", e.Service)
	}
	if e.Action != "" {
		line.Str("action", e.Action)
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
	if e.Signal != "" {
		line.Str("signal", e.Signal)
	}
	if e.Attempt != 0 {
		line.Int("attempt", e.Attempt)
	}
	if e.WaitS != 0 {
		line.Float64("wait_s", e.WaitS)
	}
	if e.Count != 0 {
		line.Int("files", e.Count)
	}
	if len(e.Paths) > 0 {
		line.Strs("paths", e.Paths)
	}
	if e.Missed != 0 {
		line.Uint64("missed", e.Missed)
	}
	if e.Cause != "" {
		line.Str("cause", e.Cause)
	}
	if e.Text != "" {
		line.Str("text", e.Text)
	}
	line.Msg(strings.ReplaceAll(e.Kind, "_", " "))
	for _, text := range e.Lines {
		log.WithLevel(level(e.Kind)).Str("service", e.Service).Msg("  | " + text)
	}
}

// level says who an event is for.
func level(kind string) zerolog.Level {
	switch kind {
	case "crashed", "backoff", "held", "note", "action_failed", "gap":
		return zerolog.WarnLevel
	case "exhausted", "unclean", "start_failed":
		return zerolog.ErrorLevel
	case "starting", "stopping", "exited", "synced":
		return zerolog.DebugLevel
	}
	return zerolog.InfoLevel
}

// logPlan writes a decision: what restarts and through which imports, what is
// held, and, for those who look closer, what was left alone.
func logPlan(log zerolog.Logger, e control.Event) {
	var p decider.Plan
	if err := json.Unmarshal(e.Plan, &p); err != nil {
		log.Error().Err(err).Msg("cannot read a plan")
		return
	}
	for _, s := range p.Steps {
		line := log.Info().Uint64("batch", p.Batch)
		verb := "restart"
		if s.Kind == decider.RunAction {
			verb = "run"
			line.Str("action", s.Name)
		} else {
			line.Str("service", s.Name)
		}
		line.Str("why", Words(s.Reasons)).Msg(verb + " " + s.Name)
	}
	for _, h := range p.Holds {
		line := log.Warn().Uint64("batch", p.Batch).Str("kind", h.Kind)
		if h.Service != "" {
			line.Str("service", h.Service)
		}
		if h.Path != "" {
			line.Str("at", fmt.Sprintf("%s:%d", h.Path, h.Line))
		}
		line.Str("ends_when", h.EndsWhen).Msg("hold: " + h.What)
	}
	for _, l := range p.Left {
		log.Debug().Uint64("batch", p.Batch).Str("service", l.Service).Str("why", l.Why).Msg("left alone")
	}
}

// Words says reasons in one line: the first in full, the others counted.
func Words(reasons []decider.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	r := reasons[0]
	var b strings.Builder
	switch {
	case r.Path == "":
		b.WriteString(r.Change + " changed")
	default:
		b.WriteString(r.Path + " " + r.Change)
	}
	if r.Rule != "" {
		b.WriteString(", rule " + r.Rule)
	}
	for i, l := range r.Chain {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString(" -> ")
		}
		fmt.Fprintf(&b, "%s:%d", l.From, l.Line)
	}
	if len(r.Chain) > 0 {
		b.WriteString(" -> " + r.Chain[len(r.Chain)-1].To)
	}
	if n := len(reasons) - 1; n > 0 {
		fmt.Fprintf(&b, " (and %d more)", n)
	}
	return b.String()
}
