package terminal

import "testing"

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                               "plain",
		"\x1b[31mred\x1b[0m":                  "\x1b[31mred\x1b[0m",
		"(Pdb) \r\x1b[K\r(Pdb) p x":           "(Pdb) p x",
		"10%\r20%\r30%\r":                     "30%",
		"\x1b[?2004h>>> \x1b[?2004l":          ">>> ",
		"\x1b]0;title\x07text\x1b]2;x\x1b\\!": "text!",
		"\x1b[2J\x1b[1;1Hhome\x1b[?25l":       "home",
		"\x1b(B\x1b=\x1b7a\x1b8\x1b>b\x1bM":   "ab",
		"\x1b[>4;2mkeys":                      "keys",
		"\x1bP$q\"p\x1b\\status":              "status",
		"\x1b[38:2::1:2:3mcolons":             "\x1b[38:2::1:2:3mcolons",
		"unfinished \x1b[3":                   "unfinished \x1b[3",
		"\r":                                  "",
		"":                                    "",
	} {
		if got := Shown(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
