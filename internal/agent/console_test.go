package agent

import "testing"

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, in, colour, plain string }{
		{"text stays", "a\tß 日本", "a\tß 日本", "a\tß 日本"},
		{"colour stays where it is wanted", "\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m", "red"},
		{"colour does not leak", "\x1b[1;31mred", "\x1b[1;31mred\x1b[0m", "red"},
		{"title", "\x1b]0;pwned\x07", "\\x1b]0;pwned\\x07\x1b[0m", `\x1b]0;pwned\x07`},
		{"cursor", "\x1b[2Jx", "\\x1b[2Jx\x1b[0m", `\x1b[2Jx`},
		{"question", "\x1b[6n", "\\x1b[6n\x1b[0m", `\x1b[6n`},
		{"unfinished colour", "\x1b[3", "\\x1b[3\x1b[0m", `\x1b[3`},
		{"carriage return", "ok\rfail", "ok\\x0dfail\x1b[0m", `ok\x0dfail`},
		{"C1", "a\u009b2Jb", "a\\x9b2Jb\x1b[0m", `a\x9b2Jb`},
		{"not UTF-8", "a\xffb", "a\xffb", "a\xffb"},
		{"delete", "a\x7f", "a\\x7f\x1b[0m", `a\x7f`},
	} {
		if got := Printable(c.in, true); got != c.colour {
			t.Errorf("%s: with colour %q, want %q", c.name, got, c.colour)
		}
		if got := Printable(c.in, false); got != c.plain {
			t.Errorf("%s: without colour %q, want %q", c.name, got, c.plain)
		}
	}
}
