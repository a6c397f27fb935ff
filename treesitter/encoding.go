package treesitter

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Sources are read as bytes: in nearly all encodings that a source may be in,
// what looks like syntax is syntax. Not so in those of Chinese, Japanese and
// Korean in which the second byte of a character may be a backslash or a
// bracket; there these bytes are made plain. To decode would take the tables of
// each, for names of modules that nobody writes. Encodings that switch to and fro
// (ISO 2022) are read as they are: a file in one may seem not to lex.

// cookie finds the encoding that a comment names, as PEP 263 has it.
var cookie = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)`)

// wideEncodings are the beginnings of the names that Python knows those
// encodings by, in lower case and with "_" for "-".
var wideEncodings = []string{
	"shift", "sjis", "s_jis", "csshiftjis", "cp932", "932", "ms932", "mskanji", "ms_kanji", // Shift JIS
	"big5", "csbig5", "hkscs", "cp950", "950", "ms950",
	"gbk", "cp936", "936", "ms936", "gb18030", "uhc", "cp949", "949", "ms949", "johab", "cp1361", "ms1361",
}

// shiftedEncodings are likewise those that switch between sets of characters.
var shiftedEncodings = []string{"iso2022", "iso_2022", "csiso2022", "hz"}

func oneOf(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// readable reports whether a source is sure to be text in the encoding that it
// says it is in. Python refuses one that is not, for a single byte in a comment.
func readable(src []byte) bool {
	switch name := encodingOf(src); {
	case oneOf(name, wideEncodings), oneOf(name, shiftedEncodings):
		return false
	case name == "", oneOf(name, []string{"utf8", "utf_8"}):
		return utf8.Valid(src)
	case slices.Contains(latin1Names, name):
		return true
	}
	return !slices.ContainsFunc(src, func(c byte) bool { return c >= utf8.RuneSelf })
}

// latin1Names are the usual names of the encoding in which every byte is a
// character.
var latin1Names = []string{"latin_1", "latin1", "iso_8859_1", "iso8859_1", "iso_8859_15", "iso8859_15", "l1"}

// encodingOf returns the encoding that a source says it is in, in lower case and
// with "_" for "-"; "" if it says none.
func encodingOf(src []byte) string {
	head := newlines(src[:min(len(src), 1<<10)])
	for range 2 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		if m := cookie.FindSubmatch(line); m != nil {
			return strings.ReplaceAll(strings.ToLower(string(m[1])), "-", "_")
		}
		if text := bytes.TrimLeft(line, " \t\f"); len(text) > 0 && text[0] != '#' {
			return "" // only a comment or nothing may come before
		}
		head = rest
	}
	return ""
}

// plain returns a source in which each byte of syntax is one, as long as src.
func plain(src []byte) []byte {
	name := encodingOf(src)
	if !oneOf(name, wideEncodings) {
		return src
	}
	// In Shift JIS the bytes in between are characters by themselves.
	katakana := strings.Contains(name, "jis") || strings.Contains(name, "932") || strings.Contains(name, "kanji")
	src = bytes.Clone(src)
	for i := 0; i < len(src)-1; i++ {
		if c := src[i]; c <= 0x80 || c == 0xFF || katakana && 0xA0 <= c && c <= 0xDF {
			continue
		}
		if i++; src[i] >= '0' && src[i] < 0x80 { // below there is no second byte
			src[i] = '_'
		}
	}
	return src
}
