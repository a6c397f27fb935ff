package decider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplitLines(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"a\nb\n", []string{"a", "b"}},
		{"a\r\nb\rc", []string{"a", "b", "c"}},
		{"  a b\t\n\n \n\tc", []string{"a b", "c"}},
		{"a\vb\fc\x1cd\x1de\x1ef\u0085g\u2028h\u2029i", []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}},
		{"\x1fa\x1f\x1f", []string{"a"}},
		{"\u00a0\u3000a\u2003", []string{"a"}},
		{"a\x00b\u200bc", []string{"a\x00b\u200bc"}},
		{"\xff\n\x85\nb\xe2\x80", []string{"\xff", "\x85", "b\xe2\x80"}},
	} {
		if got := SplitLines(c.in); !slices.Equal(got, c.want) {
			t.Errorf("SplitLines(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestUnquotePath(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`"\303\244.py"`, "ä.py"},
		{`"a\tb\n\"c\"\\d"`, "a\tb\n\"c\"\\d"},
		{`"\377"`, "\xff"},
		// Git has nothing to quote here, so it did not.
		{`"plain"`, `"plain"`},
		{`""`, `""`},
		{`"`, `"`},
		{``, ``},
		{`a\tb`, `a\tb`},
		// Not what git writes.
		{`"a"b\t"`, `"a"b\t"`},
		{`"\q"`, `"\q"`},
		{`"\8"`, `"\8"`},
		{`"\400"`, `"\400"`},
		{`"\12"`, `"\12"`},
		{`"\+12"`, `"\+12"`},
		{`"\"`, `"\"`},
		{`"x\`, `"x\`},
	} {
		if got := UnquotePath(c.in); got != c.want {
			t.Errorf("UnquotePath(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzUnquotePath(f *testing.F) {
	for _, seed := range []string{`"\303\244.py"`, `"a\\"`, `"\"`, `x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// What git makes of a name is the name again.
		if got := UnquotePath(gitQuoted(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
		UnquotePath(s)
	})
}

// gitQuoted quotes as git does by default: all but printable ASCII, if
// anything needs it.
func gitQuoted(s string) string {
	var b strings.Builder
	needed := false
	for i := range len(s) {
		c := s[i]
		switch j := strings.IndexByte("\a\b\t\n\v\f\r\"\\", c); {
		case j >= 0:
			b.WriteString(`\` + `abtnvfr"\`[j:j+1])
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
			continue
		}
		needed = true
	}
	if !needed {
		return s
	}
	return `"` + b.String() + `"`
}

func FuzzSplitLines(f *testing.F) {
	for _, seed := range []string{"a\nb", "\r\n\r\n a\x85", "\u2028x\x1f", "\xe2\x80\xa8\xe2\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lines := SplitLines(s)
		for _, line := range lines {
			if line == "" || !strings.Contains(s, line) {
				t.Fatalf("SplitLines(%q) has %q", s, line)
			}
		}
		// What it gives, it leaves alone.
		if again := SplitLines(strings.Join(lines, "\n")); !slices.Equal(again, lines) {
			t.Errorf("SplitLines(%q) = %q, again: %q", s, lines, again)
		}
		// Nothing but separators and white space is lost.
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if endsLine(r) || isSpace(r) {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, "x"))
		}
		if got, want := letters(strings.Join(lines, "\n")), letters(s); got != want {
			t.Errorf("SplitLines(%q) = %q loses something", s, lines)
		}
	})
}
