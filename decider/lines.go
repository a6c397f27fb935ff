package decider

import (
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
