package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"bounce/internal/control"
)

// colour reports whether w is a terminal that wants colour.
func colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// logger returns the agent's own log, as --log-format and --log-level want it.
func (g *globals) logger(w io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(g.logLevel)
	if err != nil || g.logLevel == "" {
		return zerolog.Nop(), usage(fmt.Errorf("bad --log-level %q: it is debug, info, warn or error", g.logLevel))
	}
	switch g.logFormat {
	case "console":
		w = zerolog.ConsoleWriter{Out: w, NoColor: !colour(w), TimeFormat: time.TimeOnly}
	case "json":
	default:
		return zerolog.Nop(), usage(fmt.Errorf("bad --log-format %q: it is console or json", g.logFormat))
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}

// interruptible returns a context that ends with the first INT or TERM.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
}

// palette colours the prefixes of services, so that neighbours differ.
var palette = []int{36, 33, 32, 35, 34, 31}

// output writes lines of services with a prefix that names them.
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
	if _, ok := o.codes[l.Service]; !ok {
		o.codes[l.Service] = palette[len(o.codes)%len(palette)]
	}
	o.width = max(o.width, len(l.Service))
	prefix := fmt.Sprintf("%-*s |", o.width, l.Service)
	text := l.Text
	if o.colour {
		prefix = fmt.Sprintf("\x1b[%dm%s\x1b[0m", o.codes[l.Service], prefix)
	}
	_, err := fmt.Fprintf(o.w, "%s %s\n", prefix, printable(text, o.colour))
	return err
}

// printable makes a line of a service safe for a terminal: control characters
// could move the cursor, change the title or answer questions for the user.
// Colours stay where they are wanted.
func printable(s string, colour bool) string {
	if !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := sgr(s[i:]); n > 0 {
			if colour {
				b.WriteString(s[i : i+n])
			}
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if unprintable(r) {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	if colour {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// unprintable reports whether r controls a terminal: C0 but tab, DEL, and C1.
func unprintable(r rune) bool {
	return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0
}

// sgr returns the length of the colour sequence that s begins with, 0 for
// none: ESC [ digits and semicolons m.
func sgr(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
