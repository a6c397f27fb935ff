package decider

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Lines of globs.txt are PATTERN, "yes" or "no", PATH, split by tabs.
func TestMatch(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(testdata, "globs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines, n := bufio.NewScanner(bytes.NewReader(src)), 0
	for lines.Scan() {
		n++
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#\t") {
			f := strings.Split(line, "\t")
			if len(f) != 3 || f[1] != "yes" && f[1] != "no" {
				t.Fatalf("globs.txt:%d: want PATTERN, yes or no, PATH", n)
			}
			if got := Match(f[0], f[2]); got != (f[1] == "yes") {
				t.Errorf("globs.txt:%d: Match(%q, %q) = %t", n, f[0], f[2], got)
			}
			if got := reference([]rune(f[0]), []rune(f[2])); got != (f[1] == "yes") {
				t.Errorf("globs.txt:%d: the reference says %t", n, got)
			}
		}
	}
}

// reference says what a pattern means, one wildcard at a time, in the time it
// takes.
func reference(pattern, path []rune) bool {
	has := func(prefix string) bool { return strings.HasPrefix(string(pattern), prefix) }
	switch {
	case len(pattern) == 0:
		return len(path) == 0
	case has("**/"):
		if reference(pattern[3:], path) {
			return true
		}
		for i, r := range path {
			if r == '/' && reference(pattern[3:], path[i+1:]) {
				return true
			}
		}
		return false
	case has("**"):
		for i := range len(path) + 1 {
			if reference(pattern[2:], path[i:]) {
				return true
			}
		}
		return false
	case has("*"):
		for i := 0; ; i++ {
			if reference(pattern[1:], path[i:]) {
				return true
			}
			if i == len(path) || path[i] == '/' {
				return false
			}
		}
	case len(path) == 0:
		return false
	case has("?"):
		return path[0] != '/' && reference(pattern[1:], path[1:])
	}
	return pattern[0] == path[0] && reference(pattern[1:], path[1:])
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"**/*.py", "a/b.py"}, {"src/**", "src/"}, {"**a**/b", "xa/ab"}, {"*???", "éa"}, {"*??", "€"},
		{"a**/**/b?", "ab€"}, {"[a-c]{x}!", "[a-c]{x}!"}, {"***/x", "/x"}, {"\xc3*?", "\xc3é"}, {"?", "\xff"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		got := Match(pattern, path)
		if path != "" && pattern != "" {
			// The rules go by an index that must not change the answer.
			if rule := newMatcher([]Rule{{Pattern: "x"}, {Pattern: pattern}}).first(path); path != "x" && (rule != nil) != got {
				t.Errorf("as a rule %q matches %q: %t, alone: %t", pattern, path, rule != nil, got)
			}
		}
		if len(pattern) > 12 || len(path) > 16 || strings.Count(pattern, "*") > 6 || !utf8.ValidString(pattern) || !utf8.ValidString(path) {
			return // more than the reference can do
		}
		if want := reference([]rune(pattern), []rune(path)); got != want {
			t.Errorf("Match(%q, %q) = %t", pattern, path, got)
		}
	})
}

// Patterns that make a backtracking matcher take for ever.
func TestMatchIsLinear(t *testing.T) {
	start := time.Now()
	for _, c := range [][2]string{
		{strings.Repeat("*a", 40) + "b", strings.Repeat("a", 4000)},
		{strings.Repeat("**/", 40) + "b", strings.Repeat("a/", 2000)},
		{strings.Repeat("**a", 100) + "?b", strings.Repeat("a/a", 1500)},
		{strings.Repeat("**/*", 60) + "b", strings.Repeat("/a", 2000)},
	} {
		if Match(c[0], c[1]) {
			t.Errorf("%.20q... matches", c[0])
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// A diff of 10,000 files against 500 rules has to be decided in less than
// 50 ms; most paths of a large diff match late or nowhere.
func BenchmarkRules(b *testing.B) {
	rules := Rules{Actions: map[string]Action{"a": {Name: "a", Order: 100}}}
	shapes := []string{"services/s%d/**", "**/test_%d_*.py", "src/*/part%d/*.py", "docs/p%d.md", "**/*.ext%d"}
	for i := range 500 {
		rules.Rules = append(rules.Rules, Rule{Pattern: fmt.Sprintf(shapes[i%len(shapes)], i), Actions: []string{"a"}})
	}
	var paths []string
	for i := range 10_000 {
		paths = append(paths, fmt.Sprintf("src/pkg%d/part%d/module%d.py", i%17, i%701, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if f := rules.Fire(paths, nil); len(f.Unmatched) == 0 {
			b.Fatal("every path is matched")
		}
	}
}
