package configs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one mistake, or one warning, in a file.
type Error struct {
	// File is the name that the file was opened by.
	File string `json:"file"`
	// Line and Column count from 1, columns in characters; 0 when unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Text says what is wrong, Hint what would work; Hint may be empty.
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Error returns "file:line:column: text (hint)".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(printable(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": " + e.Text)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// At returns a finding about what stands at a path such as
// "services.api.cwd", or at the nearest mapping around it when that is left out.
func (c *Config) At(path, text string) Error {
	k := checker{Config: c}
	e := k.finding(path, text, "")
	e.File = c.File
	return e
}

// Place joins keys to a path for [Config.At].
func Place(keys ...string) string {
	path := ""
	for _, key := range keys {
		path = child(path, key)
	}
	return path
}

// Errors are all the mistakes of one file, sorted by position.
type Errors []Error

// Error starts with what could not be done, then has one line per mistake.
func (es Errors) Error() string {
	if len(es) == 0 {
		return "cannot load configuration"
	}
	lines := make([]string, 0, len(es)+1)
	lines = append(lines, "cannot load "+printable(es[0].File)+":")
	for _, e := range es {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// sorted returns es by position, each mistake once: what stands behind an
// anchor is seen wherever the anchor is used, under another path each time.
func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(es, func(a, b Error) bool {
		return a.Line > 0 && a.Line == b.Line && a.Column == b.Column && a.Hint == b.Hint
	})
}

// ErrNone says that there is nothing to load: no file and no Procfile.
var ErrNone = errors.New("no configuration")

// printable keeps control characters of file names out of messages.
func printable(s string) string {
	if q := strconv.Quote(s); q[1:len(q)-1] != s {
		return q
	}
	return s
}

// quoted is a user's text in a message: in quotes, escaped, and not at length,
// because one text behind an anchor can be wrong in thousands of places.
func quoted(s string) string {
	const most = 160
	if len(s) > most {
		return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "..."
	}
	return strconv.Quote(s)
}
