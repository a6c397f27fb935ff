package lines

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRead(t *testing.T) {
	long := strings.Repeat("x", Max)
	for _, c := range []struct {
		name, in string
		want     []string // a trailing "+" marks a split line
	}{
		{"nothing", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"no line end at the end", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"CR LF", "a\r\nb\rc\n", []string{"a", "b\rc"}},
		{"binary", "\x00\xff\n\x1b[0m", []string{"\x00\xff", "\x1b[0m"}},
		{"just as long as a line may be", long + "\nb\n", []string{long, "b"}},
		{"one more", long + "y\nb\n", []string{long + "+", "y", "b"}},
		{"not within a character", long[1:] + "ü\n", []string{long[1:] + "+", "ü"}},
		{"within what is no character", long[9:] + strings.Repeat("\x80", 20), []string{long[9:] + strings.Repeat("\x80", 9) + "+", strings.Repeat("\x80", 11)}},
		{"never ending", long + long + "zz", []string{long + "+", long + "+", "zz"}},
	} {
		for name, reader := range map[string]io.Reader{
			"whole": strings.NewReader(c.in),
			"bytes": iotest.OneByteReader(strings.NewReader(c.in)),
			"error": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				if got := allLines(reader); !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	}
}

func allLines(r io.Reader) []string {
	var lines []string
	Read(r, func(text []byte, split bool) {
		line := string(text)
		if split {
			line += "+"
		}
		lines = append(lines, line)
	})
	return lines
}

// FuzzRead checks that no byte is lost and no line is too long, however
// the input is cut.
func FuzzRead(f *testing.F) {
	f.Add("a\nb\r\n\r\r\nc", 3)
	f.Add(strings.Repeat("x", Max+5)+"\n", 100)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var b strings.Builder
		Read(&slicer{text, max(1, cut)}, func(line []byte, split bool) {
			if len(line) > Max || bytes.Contains(line, []byte("\n")) {
				t.Errorf("line %q", line)
			}
			b.Write(line)
			if !split {
				b.WriteByte('\n')
			}
		})
		want := strings.ReplaceAll(text, "\r\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		// The CR of a line end that begins a new piece stays.
		if got := strings.ReplaceAll(b.String(), "\r\n", "\n"); got != strings.ReplaceAll(want, "\r\n", "\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// slicer reads n bytes at a time.
type slicer struct {
	text string
	n    int
}

func (s *slicer) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.n)], s.text)
	s.text = s.text[n:]
	return n, nil
}
