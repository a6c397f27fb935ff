package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestPrintable runs the cases of testdata/agent/printable.txt, one a line:
// what it is, the line as it came, as it is shown in colour, and without; all
// but the name in the notation of Go.
func TestPrintable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "agent", "printable.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			t.Fatalf("%d fields in %q", len(fields), line)
		}
		var text [3]string
		for i := range text {
			if text[i], err = strconv.Unquote(fields[i+1]); err != nil {
				t.Fatalf("%s: %v", fields[i+1], err)
			}
		}
		cases++
		if got := Printable(text[0], true); got != text[1] {
			t.Errorf("%s: in colour %q, want %q", fields[0], got, text[1])
		}
		if got := Printable(text[0], false); got != text[2] {
			t.Errorf("%s: without colour %q, want %q", fields[0], got, text[2])
		}
	}
	if cases == 0 {
		t.Error("there are no cases")
	}
}

// FuzzPrintable checks that nothing but colours gets through that a terminal
// would act on.
func FuzzPrintable(f *testing.F) {
	f.Add("\x1b]52;c;cHduZWQ=\x07")
	f.Add("\x1b[38:2::1:2:3mx\x9b2J\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		plain := Printable(s, false)
		if !utf8.ValidString(plain) {
			t.Errorf("%q is shown as %q, which is not UTF-8", s, plain)
		}
		for _, r := range plain {
			if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Errorf("%q is shown as %q", s, plain)
			}
		}
		for rest := Printable(s, true); ; {
			_, after, found := strings.Cut(rest, "\x1b")
			if !found {
				break
			}
			n := sgr("\x1b" + after)
			if n == 0 {
				t.Errorf("%q is shown as %q", s, rest)
				break
			}
			rest = after[n-1:]
		}
		if again := Printable(plain, false); again != plain {
			t.Errorf("%q is shown as %q, and that as %q", s, plain, again)
		}
	})
}
