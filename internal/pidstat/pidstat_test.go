package pidstat

import (
	"os"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	line := func(name string) string {
		return "4242 (" + name + ") S 17 4200 4100 0 -1 4194560 1 2 3 4 150 50 7 8 20 0 3 0 987654 1000 200 18446744073709551615\n"
	}
	want := Stat{PID: 4242, State: 'S', Parent: 17, Group: 4200, Session: 4100, CPU: 200, Threads: 3, Start: 987654, Pages: 200}
	for _, name := range []string{"python3", "a b", "a) R 1 (b", "", ")", "x\ny"} {
		want.Name = name
		if s, ok := Parse([]byte(line(name))); !ok || s != want {
			t.Errorf("%q: %+v, %t", name, s, ok)
		}
	}
	for _, bad := range []string{"", "4242", "4242 (x", "x (y) S 1 2 3", "x" + line("x"), strings.Replace(line("x"), "987654", "x", 1), strings.Replace(line("x"), "S 17", "SS 17", 1)} {
		if s, ok := Parse([]byte(bad)); ok {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

func TestDead(t *testing.T) {
	for _, c := range []struct {
		state   byte
		threads int
		want    bool
	}{{'S', 1, false}, {'Z', 1, true}, {'X', 0, true}, {'Z', 3, false}} {
		if got := (Stat{State: c.state, Threads: c.threads}).Dead(); got != c.want {
			t.Errorf("%c with %d threads: %t", c.state, c.threads, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	if line, err := os.ReadFile("/proc/self/stat"); err == nil {
		f.Add(line)
	}
	f.Add([]byte("1 () R 2 3 4"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, ok := Parse(line); ok && !strings.Contains(string(line), "("+s.Name+")") {
			t.Errorf("%q has no program %q", line, s.Name)
		}
	})
}
