package runner

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
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
	readLines(r, func(text string, split bool) {
		if split {
			text += "+"
		}
		lines = append(lines, text)
	})
	return lines
}

// FuzzReadLines checks that no byte is lost and no line is too long, however
// the input is cut.
func FuzzReadLines(f *testing.F) {
	f.Add("a\nb\r\n\r\r\nc", 3)
	f.Add(strings.Repeat("x", maxLine+5)+"\n", 100)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var b strings.Builder
		readLines(&slicer{text, max(1, cut)}, func(line string, split bool) {
			if len(line) > maxLine || strings.Contains(line, "\n") {
				t.Errorf("line %q", line)
			}
			b.WriteString(line)
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

func TestKeptLines(t *testing.T) {
	k := &kept{limit: 3}
	say := func(generation int, texts ...string) {
		for _, text := range texts {
			k.add(Line{Generation: generation, Text: text})
		}
	}
	expect := func(generation, n int, want ...string) {
		t.Helper()
		var got []string
		for _, l := range k.last(generation, n) {
			got = append(got, l.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("last(%d, %d) = %q, want %q", generation, n, got, want)
		}
	}
	expect(0, 10)
	say(1, "a", "b", "c", "d", "e")
	expect(0, 10, "c", "d", "e")
	expect(0, 2, "d", "e")
	say(2, "f")
	expect(0, 10, "c", "d", "e", "f")
	expect(1, 10, "c", "d", "e")
	// The old one may speak while the new one does.
	say(1, "g")
	expect(0, 10, "d", "e", "g", "f")
	say(3, "h")
	expect(0, 10, "f", "h")
	say(1, "too late")
	expect(0, 10, "f", "h")
}

func TestOutlet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		lost := 0
		gate := make(chan struct{})
		o := newOutlet(func(l Line) { <-gate; got = append(got, l.Text) }, func(n int) { lost += n })
		text := strings.Repeat("x", 1000)
		for i := range 5000 {
			o.put(Line{Text: fmt.Sprint(i, " ", text)})
			if i == 0 {
				synctest.Wait() // the sink is stuck with its first line
			}
		}
		close(gate)
		o.close()
		if len(got)+lost != 5000 || lost == 0 {
			t.Errorf("%d lines came, %d were lost, of 5000", len(got), lost)
		}
		// What was with the sink has come, and then the newest.
		for i, line := range got {
			if i > 0 {
				i += lost
			}
			if !strings.HasPrefix(line, fmt.Sprint(i, " ")) {
				t.Fatalf("line %.10s in place of line %d", line, i)
			}
		}
	})
}

func TestOutletGivesUpOnAStuckSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		o := newOutlet(func(Line) { <-gate }, func(int) {})
		o.put(Line{Text: "x"})
		begin := time.Now()
		o.close()
		if took := time.Since(begin); took != flushTime {
			t.Errorf("gave up after %s", took)
		}
		close(gate)
		<-o.done
	})
}
