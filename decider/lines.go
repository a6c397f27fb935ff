package decider

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SplitLines splits a list of paths into lines as smart-restart does, with
// Python's str.splitlines, takes the white space off both ends of each, as
// str.strip does, and drops those that are blank. Besides LF, CR and CR LF a
// line ends at VT, FF, FS, GS, RS, NEL, LINE SEPARATOR and PARAGRAPH
// SEPARATOR; US is white space. Bytes that are not UTF-8 are kept.
func SplitLines(s string) []string {
	var lines []string
	for s != "" {
		line := s
		if i := strings.IndexFunc(s, endsLine); i < 0 {
			s = ""
		} else {
			_, n := utf8.DecodeRuneInString(s[i:])
			line, s = s[:i], s[i+n:]
		}
		if line = strings.TrimFunc(line, isSpace); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// endsLine is where str.splitlines splits. CR LF gives an empty line between
// the two, which is dropped with all blank ones.
func endsLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// isSpace is str.isspace: what Unicode calls White_Space, and the four
// information separators.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// UnquotePath returns the path that git prints in double quotes because it has
// bytes that are not plain ASCII, quotes, backslashes or control characters:
// "\303\244.py" stands for ä.py. What git would not have quoted like this, it
// returns as it is.
func UnquotePath(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	escaped := false
	for rest := s[1 : len(s)-1]; rest != ""; {
		c, n := rest[0], 1
		switch {
		case c == '"':
			return s
		case c == '\\':
			if c, n = unescape(rest); n == 0 {
				return s
			}
			escaped = true
		}
		b.WriteByte(c)
		rest = rest[n:]
	}
	if !escaped {
		return s
	}
	return b.String()
}

// unescape returns the byte that a backslash and what follows it stand for,
// and their length; 0 where they stand for none.
func unescape(s string) (c byte, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`abtnvfr"\`, s[1]); i >= 0 {
		return "\a\b\t\n\v\f\r\"\\"[i], 2
	}
	if len(s) < 4 {
		return 0, 0
	}
	code, err := strconv.ParseUint(s[1:4], 8, 8)
	if err != nil || s[1] == '+' {
		return 0, 0
	}
	return byte(code), 4
}
