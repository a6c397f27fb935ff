//go:build cgo

package treesitter

import (
	"os"
	"reflect"
	"testing"
)

// TestTwoOpinions holds what tree-sitter says of forms against what it says of
// statements, and the parser by hand against both, for every import statement of
// the standard library and of the snippets.
func TestTwoOpinions(t *testing.T) {
	var sources [][]byte
	for _, s := range snippets(t, 99) {
		var src []byte
		for _, line := range s.lines {
			src = append(append(src, line...), '\n')
		}
		sources = append(sources, src)
	}
	for _, name := range standardLibrary(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, src)
	}
	seen := make(map[string]bool)
	for _, src := range sources {
		s := scanner{src: src, facts: new(Facts)}
		s.file()
		for _, c := range s.candidates {
			if seen[string(c.text)] {
				continue
			}
			seen[string(c.text)] = true
			judged, read := judge(c.text), parseStatement(c.text)
			if direct := itself(c.text); !reflect.DeepEqual(judged, direct) {
				t.Errorf("%q: by its form it is %+v, by itself %+v", c.text, judged, direct)
			}
			if judged != nil && !reflect.DeepEqual(judged, read) {
				t.Errorf("%q: tree-sitter reads %s, by hand it is %+v", c.text, format(judged), read)
			}
		}
	}
	t.Logf("%d different statements", len(seen))
	if len(seen) < 1000 {
		t.Error("too few statements to mean anything")
	}
}

// itself is what tree-sitter says of a statement with the names in it.
func itself(text []byte) *Statement {
	return statement(parse(text), text, func(start, end int) []byte { return text[start:end] })
}

// FuzzForm takes any text for a statement.
func FuzzForm(f *testing.F) {
	seeds(f, func(src []byte) {
		s := scanner{src: src, facts: new(Facts)}
		s.file()
		for _, c := range s.candidates {
			f.Add(c.text)
		}
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		if form, direct := judge(text), itself(text); !reflect.DeepEqual(form, direct) {
			t.Errorf("%q: by its form it is %+v, by itself %+v", text, form, direct)
		}
	})
}
