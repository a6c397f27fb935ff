package agent

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

// Fields of a line as the console has them: besides those that every line has,
// the ones that a message does not say already.
var (
	beside = []string{"pid", "generation"}
	every  = []string{zerolog.TimestampFieldName, zerolog.LevelFieldName, zerolog.MessageFieldName, zerolog.ErrorFieldName}
)

// Console writes the log for a person: time, level and message, the few fields
// that the message leaves out, and below them the last lines of a failure.
func Console(w io.Writer, colour bool) zerolog.ConsoleWriter {
	const tail = "lines"
	return zerolog.ConsoleWriter{
		Out:        w,
		NoColor:    !colour,
		TimeFormat: time.TimeOnly,
		FormatMessage: func(message any) string {
			text, _ := message.(string)
			return Printable(text, false)
		},
		FormatPrepare: func(line map[string]any) error {
			for name := range line {
				if !slices.Contains(every, name) && !slices.Contains(beside, name) && name != tail {
					delete(line, name)
				}
			}
			return nil
		},
		FieldsOrder:   beside,
		FieldsExclude: []string{tail},
		FormatExtra: func(line map[string]any, b *bytes.Buffer) error {
			lines, _ := line[tail].([]any)
			for _, l := range lines {
				text, _ := l.(string)
				b.WriteString("\n  | " + Printable(text, false))
			}
			return nil
		},
	}
}

// Printable makes a line that somebody else wrote safe for a terminal: control
// characters could move the cursor, change the title, fill the clipboard or
// answer questions for the user, and those of two directions of writing could
// show it in another order. They are shown as numbers, and so are bytes that are
// not UTF-8, of which some are control characters to a terminal. Colours stay
// where they are wanted.
func Printable(s string, colour bool) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, Unprintable) {
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
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case Unprintable(r) && r > 0xff:
			fmt.Fprintf(&b, "\\u%04x", r)
		case Unprintable(r):
			fmt.Fprintf(&b, "\\x%02x", r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	if colour {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// Unprintable reports whether r controls a terminal, or the order in which text
// is shown: C0 but tab, DEL, C1, the ends of lines and paragraphs, and what
// embeds, overrides or isolates a direction.
func Unprintable(r rune) bool {
	switch {
	case r < ' ':
		return r != '\t'
	case r < 0x7f:
		return false
	}
	return r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// sgr returns the length of the colour sequence that s begins with, 0 for
// none: ESC [ digits, semicolons and colons m.
func sgr(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && c != ':' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
