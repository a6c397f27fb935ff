package treesitter

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
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

// readable reports whether each byte of syntax in a source is one.
func readable(src []byte) bool {
	name := encodingOf(src)
	return !oneOf(name, wideEncodings) && !oneOf(name, shiftedEncodings)
}

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
