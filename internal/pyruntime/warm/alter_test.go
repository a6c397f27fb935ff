package warm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnlike(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "warm", "unlike.txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"yamlish.py", "package/__init__.py", "namespace/inner.py", "fast.cpython-311-x86_64.so", "notes.txt"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, cases, _ := strings.Cut(strings.ReplaceAll(string(data), "$DIR", dir), "\n== ")
	for text := range strings.SplitSeq(cases, "\n== ") {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		t.Run(lines[0], func(t *testing.T) {
			var all, told []Alteration
			var modules []string
			early := true
			for _, line := range lines[1:] {
				verb, rest, _ := strings.Cut(line, " ")
				kind, name, _ := strings.Cut(rest, " ")
				switch verb {
				case "modules":
					modules = strings.Fields(rest)
				case "told":
					told = append(told, Alteration{kind, name})
				case "is", "late":
					all, early = append(all, Alteration{kind, name}), verb == "is"
				case "=>":
					got := Unlike(all, told, modules, early)
					if got == "" {
						got = "alike"
					}
					if got != rest {
						t.Errorf("got %q, want %q", got, rest)
					}
				default:
					t.Fatalf("no such line: %s", line)
				}
			}
		})
	}
}
