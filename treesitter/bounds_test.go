package treesitter

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"bounce/internal/soak"
)

// TestBounds gives Extract, Check and the graph what no person writes: it must
// end soon and never crash.
func TestBounds(t *testing.T) {
	const mega, quarter = 1 << 20, 1 << 18
	large := soak.Times(10, 50) // over maxScan in any case
	random := make([]byte, quarter)
	x := uint32(1)
	for i := range random {
		x = x*1664525 + 1013904223
		random[i] = byte(x>>24) | 1
	}
	cases := map[string][]byte{
		"empty":             nil,
		"much code":         bytes.Repeat([]byte("import os\nx = {'a': [1, 2, (3)]}\n"), large*mega/34),
		"one long line":     bytes.Repeat([]byte("x = 1; "), large*mega/7),
		"nested brackets":   []byte("x = " + strings.Repeat("(", 10_000) + strings.Repeat(")", 10_000) + "\nimport a\n"),
		"open brackets":     bytes.Repeat([]byte("("), 5*mega),
		"mixed brackets":    bytes.Repeat([]byte("([{"), quarter/3),
		"closing":           bytes.Repeat([]byte(")"), quarter),
		"f-strings":         bytes.Repeat([]byte(`f"{`), quarter/3),
		"f-strings, quotes": bytes.Repeat([]byte(`f"{f'{`), quarter/6),
		"f-string fields":   []byte(`f"` + strings.Repeat("{", mega) + `"`),
		"f-string specs":    []byte(`f"` + strings.Repeat("{a:", mega/3) + `"`),
		"f-strings in row":  bytes.Repeat([]byte("f'{' + \n"), quarter/8),
		"triple quotes":     bytes.Repeat([]byte(`""""`), quarter/4),
		"backslashes":       bytes.Repeat([]byte("\\\n"), quarter/2),
		"quoted slashes":    []byte(`"""` + strings.Repeat(`\`, mega) + `"""`),
		"slashes, quotes":   []byte(`"""` + strings.Repeat(`\"`, mega/2) + `"""`),
		"deep blocks":       deepBlocks(2000),
		"calls":             bytes.Repeat([]byte("import_module("), quarter/14),
		"import lists":      []byte("from a import (" + strings.Repeat("name, ", quarter/6) + ")"),
		"imports open":      bytes.Repeat([]byte("from a import (b\n"), quarter/17),
		"dots":              []byte("from " + strings.Repeat(".", quarter) + " import a"),
		"dotted name":       []byte("import a" + strings.Repeat(".b", quarter/2)),
		"strings":           bytes.Repeat([]byte(`["a.b", `), quarter/8),
		"random":            random,
		"NUL":               append([]byte("import a\n"), 0),
		"CR":                bytes.Repeat([]byte("import a\r"), mega/9),
		"elif":              bytes.Repeat([]byte("elif x: import a\n"), quarter/17),
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f := Extract(src)
			extracted := time.Since(start)
			Check(src)
			checked := time.Since(start) - extracted
			g := New(Options{}).Update([]Change{{"a/b.py", f}, {"a/__init__.py", f}})
			g.Reach(Entry{Module: "a.b"})
			t.Logf("%d bytes: extract %v, check %v, %d refs", len(src), extracted, checked, len(f.Refs))
			if limit := 20 * time.Second; extracted > limit || checked > limit {
				t.Errorf("took %v and %v", extracted, checked)
			}
		})
	}
}

func deepBlocks(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%sif x:\n", strings.Repeat(" ", i))
	}
	fmt.Fprintf(&b, "%simport a\n", strings.Repeat(" ", n))
	return b.Bytes()
}

// TestLargeGraphs builds a directory of 50,000 modules and a cycle of 5,000.
func TestLargeGraphs(t *testing.T) {
	var changes []Change
	one := Extract([]byte("import os\n"))
	for i := range 50_000 {
		changes = append(changes, Change{fmt.Sprintf("many/m%d.py", i), one})
	}
	const cycle = 5000
	for i := range cycle {
		src := fmt.Sprintf("from cycle import c%d\n", (i+1)%cycle)
		changes = append(changes, Change{fmt.Sprintf("cycle/c%d.py", i), Extract([]byte(src))})
	}
	g := New(Options{}).Update(changes)
	if n := g.Reach(Entry{Module: "cycle.c7"}).Len(); n != cycle {
		t.Errorf("the cycle has %d files, want %d", n, cycle)
	}
	r := g.Dependents("cycle/c7.py")
	if n := r.Len(); n != cycle {
		t.Errorf("%d files depend on one of the cycle, want %d", n, cycle)
	}
	if n := len(r.Chain("cycle/c8.py")); n != cycle-1 {
		t.Errorf("the chain around the cycle has %d steps, want %d", n, cycle-1)
	}
	if n := g.Update([]Change{{"many/m7.py", nil}}).Len(); n != 50_000+cycle-1 {
		t.Errorf("%d files after a deletion", n)
	}
}
