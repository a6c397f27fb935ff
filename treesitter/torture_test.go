package treesitter

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bounce/internal/soak"
)

// snippet is a piece of Python that programs are made of.
type snippet struct {
	lines []string
	since int // minor version of Python 3
}

// snippets reads testdata/treesitter/torture.txt.
func snippets(t testing.TB, minor int) []snippet {
	t.Helper()
	text, err := os.ReadFile("../testdata/treesitter/torture.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for _, part := range strings.Split(string(text), "--\n")[1:] {
		lines := strings.Split(strings.TrimSuffix(part, "\n"), "\n")
		s := snippet{lines: lines}
		if n, _ := fmt.Sscanf(lines[0], "#>=3.%d", &s.since); n == 1 {
			s.lines = lines[1:]
		}
		if s.since <= minor {
			all = append(all, s)
		}
	}
	return all
}

// program glues snippets together, in nested blocks, with one of the three
// sorts of line ends, tabs or spaces, form feeds and a byte order mark at
// times.
func program(r *rand.Rand, from []snippet) string {
	var b strings.Builder
	unit := []string{"    ", "  ", "\t", " "}[r.IntN(4)]
	headers := []string{"if x:", "def f():", "class A:", "for i in x:", "try:", "if TYPE_CHECKING:", "else:", "async def g():", "with a as b:  # c", "while (1,\n  2):"}
	inString := false
	var block func(depth int)
	block = func(depth int) {
		indent := strings.Repeat(unit, depth)
		for range 1 + r.IntN(4) {
			s := from[r.IntN(len(from))]
			for i, line := range s.lines {
				line, raw := strings.CutPrefix(line, "|")
				if (inString || raw) && i > 0 {
					b.WriteString(line + "\n")
				} else {
					b.WriteString(indent + line + "\n")
				}
				inString = inString != (strings.Count(line, `"""`)%2 == 1 && !strings.Contains(line, `'"""'`)) != (strings.Count(line, "'''")%2 == 1 && !strings.Contains(line, `"'''"`))
			}
			inString = false
			if r.IntN(8) == 0 {
				b.WriteString("\f\n")
			}
			if depth < 4 && r.IntN(3) == 0 {
				h := headers[r.IntN(len(headers))]
				switch h {
				case "else:":
					b.WriteString(indent + "if y: pass\n")
				}
				b.WriteString(indent + h + "\n")
				block(depth + 1)
				b.WriteString(indent + unit + "pass\n")
				if h == "try:" {
					b.WriteString(indent + "finally:\n")
					block(depth + 1)
					b.WriteString(indent + unit + "pass\n")
				}
			}
		}
	}
	block(0)
	text := b.String()
	if r.IntN(4) == 0 {
		text = strings.TrimSuffix(text, "\n")
	}
	switch r.IntN(4) {
	case 0:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		text = strings.ReplaceAll(text, "\n", "\r")
	}
	if r.IntN(5) == 0 {
		text = "\ufeff" + text
	}
	return text
}

// TestTorture compares generated programs with ast.
func TestTorture(t *testing.T) {
	var minor int
	out, err := exec.Command(newestPython(), "-c", "import sys; print(sys.version_info[1])").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(out), &minor); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	if s := os.Getenv("TORTURE_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	count := soak.Times(10_000, 50_000)
	r := rand.New(rand.NewPCG(seed, 0))
	from := snippets(t, minor)
	dir := t.TempDir()
	if keep := os.Getenv("TORTURE_DIR"); keep != "" {
		dir = keep
	}
	var files []string
	for i := range count {
		name := filepath.Join(dir, fmt.Sprintf("p%d.py", i))
		if err := os.WriteFile(name, []byte(program(r, from)), 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	n := compareWithAST(t, files, nil)
	t.Logf("TORTURE_SEED=%d: %d programs, %d statements", seed, count, n)
	if n < count {
		t.Errorf("only %d statements: too many programs were no Python", n)
	}
}
