package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// screen prints observations for a person.
type screen struct {
	w      io.Writer
	colour bool
}

func newScreen(f *os.File) *screen {
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd()))
	return &screen{w: f, colour: !plain}
}

// Colours, as parameters of an SGR sequence.
const (
	bold, dim     = "1", "2"
	green, yellow = "32", "33"
)

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) line(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }

// title begins a section; aside is for those who want to know.
func (s *screen) title(text, aside string) {
	if aside != "" {
		aside = "  " + s.paint(dim, "in "+aside)
	}
	s.line("\n%s%s", s.paint(bold, text), aside)
}

// row prints one service: what became of it in a word, its name, its process,
// and a remark.
func (s *screen) row(code, word, service, process, remark string) {
	text := fmt.Sprintf("%-10s %-22s %s", service, process, remark)
	s.line("  %s %s", s.paint(code, fmt.Sprintf("%-10s", word)), strings.TrimRight(text, " "))
}

// started shows the services after the first start.
func (s *screen) started(o observation) {
	for _, c := range o.services {
		s.row(green, "started", c.name(), "pid "+process(pid(c.after)), "")
	}
}

// observation shows what came of an edit that was saved at a time; zero when
// that is not known.
func (s *screen) observation(o observation, saved time.Time) {
	for _, b := range o.batches {
		what := strings.Join(b.paths, ", ")
		if more := b.count - len(b.paths); more > 0 {
			what = fmt.Sprintf("%s and %d more", b.paths[0], b.count-1)
		}
		s.line("  %s", s.paint(dim, fmt.Sprintf("batch %d, %s: %s", b.number, b.cause, what)))
	}
	for _, c := range o.services {
		switch {
		case c.restarted():
			s.row(green, "restarted", c.name(), "pid "+process(pid(c.before))+" -> "+process(pid(c.after)), s.after(saved, c.started))
			s.reasons(c.reasons, c.more)
		case c.after.Hold != nil:
			h := c.after.Hold
			s.row(yellow, "held", c.name(), "pid "+process(pid(c.after)), fmt.Sprintf("%s:%d: %s", h.Path, h.Line, h.What))
			s.detail("keeps serving the old code; the hold ends when " + h.EndsWhen)
		default:
			s.row(dim, "left alone", c.name(), "pid "+process(pid(c.after)), c.left)
		}
	}
}

// after says how long after the last byte of an edit a process was started.
func (s *screen) after(saved, started time.Time) string {
	if saved.IsZero() || started.IsZero() {
		return ""
	}
	return fmt.Sprintf("started %d ms later", started.Sub(saved).Milliseconds())
}

// reasons shows the first reason with its imports, and counts the others, those
// that were left out included.
func (s *screen) reasons(reasons []reason, left int) {
	if len(reasons) == 0 {
		return
	}
	r := reasons[0]
	width := 0
	for _, link := range r.Chain {
		width = max(width, len(place(link.From, link.Line)))
	}
	for _, link := range r.Chain {
		s.detail(fmt.Sprintf("%-*s imports %s", width, place(link.From, link.Line), link.To))
	}
	said := strings.TrimSpace(r.Path + " " + r.Change)
	if r.Rule != "" {
		said += ", matches " + r.Rule
	}
	if more := len(reasons) - 1 + left; more > 0 {
		said += fmt.Sprintf(", and %d more", more)
	}
	s.detail(said)
}

func place(path string, line int) string { return path + ":" + strconv.Itoa(line) }

func (s *screen) detail(text string) { s.line("  %10s %s", "", s.paint(dim, text)) }

// asExpected says that reality is what the step expects.
func (s *screen) asExpected(step step) {
	what := "nothing restarted"
	switch {
	case len(step.restarts) > 0:
		what = strings.Join(step.restarts, " and ") + " restarted once, nothing else"
	case len(step.holds) > 0:
		what = "nothing restarted, " + strings.Join(step.holds, " and ") + " wait"
	}
	s.line("  %s %s", s.paint(green, "as it should be:"), what)
}

// invite asks the reader to edit.
func (s *screen) invite(dir string) {
	s.title("Now you", "")
	s.line("  Edit anything below %s", dir)
	s.line("  or, there, try `bounce why src/shop/money.py` and `bounce status`. Ctrl-C ends the demo.")
}

// summary closes the demo.
func (s *screen) summary(restarted, leftAlone int, took time.Duration) {
	s.title("$ bounce up has ended", "")
	s.line("  no process is left; %d restarts, %d times a service was left alone; %.1f s", restarted, leftAlone, took.Seconds())
}

func process(pid int) string {
	if pid == 0 {
		return "none"
	}
	return strconv.Itoa(pid)
}
