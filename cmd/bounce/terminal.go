package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"bounce/internal/agent"
	"bounce/internal/control"
	"bounce/internal/terminal"
)

// colour reports whether w is a terminal that wants colour.
func colour(w io.Writer) bool {
	if r, ok := w.(*results); ok {
		w = r.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// sameFile reports whether two writers write to one terminal, pipe or file.
func sameFile(a, b io.Writer) bool {
	x, ok1 := a.(*os.File)
	y, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return false
	}
	first, err1 := x.Stat()
	second, err2 := y.Stat()
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// Values of --log-format and --log-level.
var (
	logFormats = []string{"console", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

// checkLog refuses values of the flags for the log, also for verbs that write
// none: a mistake is better found at once.
func (g *globals) checkLog() error {
	if err := oneOf("--log-format", g.logFormat, logFormats); err != nil {
		return err
	}
	return oneOf("--log-level", g.logLevel, logLevels)
}

// oneOf refuses a value that is not among those there are.
func oneOf(what, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	last := len(values) - 1
	return usage(fmt.Errorf("bad %s %q: it is %s or %s", what, value, strings.Join(values[:last], ", "), values[last]))
}

// logger returns the agent's own log, as --log-format and --log-level want it.
// It adds no time to a line.
func (g *globals) logger(w io.Writer) zerolog.Logger {
	if g.logFormat == "console" {
		w = agent.Console(w, colour(w))
	} else {
		w = escapes{w}
	}
	level, err := zerolog.ParseLevel(g.logLevel)
	if err != nil {
		panic("bug: checkLog let pass the level " + g.logLevel)
	}
	return zerolog.New(w).Level(level)
}

// interruptible returns a context that ends with the first INT or TERM.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
}

// palette colours the prefixes of services, so that neighbours differ.
var palette = []int{36, 33, 32, 35, 34, 31}

// plain makes words that somebody else wrote, such as the text of an exception,
// safe for a terminal.
func plain(s string) string { return agent.Printable(s, false) }

// plainLines is plain for a text whose ends of lines are meant.
func plainLines(s string) string {
	return strings.Join(plainAll(strings.Split(s, "\n")), "\n")
}

// plainAll is plain for each of some texts.
func plainAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = plain(s)
	}
	return out
}

// tell writes a line of which somebody else may have written a part: the names
// of files are bytes of any kind. Like all writers to stdout it leaves it to
// [results] to know that one has failed.
func tell(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, plain(fmt.Sprintf(format, args...)))
}

// output writes lines of services and actions with a prefix that names them.
type output struct {
	w      io.Writer
	colour bool
	width  int
	codes  map[string]int
}

func newOutput(w io.Writer) *output {
	return &output{w: w, colour: colour(w), codes: map[string]int{}}
}

func (o *output) write(l control.Line) error {
	name := l.Service + l.Action
	if _, ok := o.codes[name]; !ok {
		o.codes[name] = palette[len(o.codes)%len(palette)]
	}
	o.width = max(o.width, len(name))
	prefix := fmt.Sprintf("%-*s |", o.width, name)
	text := l.Text
	if o.colour {
		prefix = fmt.Sprintf("\x1b[%dm%s\x1b[0m", o.codes[name], prefix)
	}
	if l.Stream == "terminal" {
		text = terminal.Shown(text)
	}
	text = agent.Printable(text, o.colour)
	if l.Split {
		text += "…"
	}
	_, err := fmt.Fprintf(o.w, "%s %s\n", prefix, text)
	return err
}
