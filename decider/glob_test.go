package decider

import (
	"fmt"
	"testing"
)

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
		if _, err := rules.Fire(paths, nil); err != nil {
			b.Fatal(err)
		}
	}
}
