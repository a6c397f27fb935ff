package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"bounce/configs"
	"bounce/internal/control"
)

// Each file of testdata/agent/project is a tree with a bounce.yaml, and in its
// comment what is asked of it: lines "why PATH", "affected PATH" or "check",
// each followed by the answer, indented.
func TestProjects(t *testing.T) {
	eachArchive(t, "project", func(t *testing.T, file string, ar *txtar.Archive) {
		interview(t, openArchive(t, ar), ar)
	})
}

// eachArchive runs a test for each archive of a directory of testdata/agent.
func eachArchive(t *testing.T, dir string, test func(t *testing.T, file string, ar *txtar.Archive)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "agent", dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			test(t, file, ar)
		})
	}
}

func openArchive(t *testing.T, ar *txtar.Archive) *Project {
	t.Helper()
	dir := t.TempDir()
	for _, f := range ar.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := configs.Load(filepath.Join(dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type question struct {
	text string
	want []string
}

// interview asks a project what its archive asks.
func interview(t *testing.T, p *Project, ar *txtar.Archive) {
	t.Helper()
	for _, q := range questions(string(ar.Comment)) {
		if got := q.ask(t, p); !slices.Equal(got, q.want) {
			t.Errorf("%s:\n  %s\nwant:\n  %s", q.text, strings.Join(got, "\n  "), strings.Join(q.want, "\n  "))
		}
	}
}

func questions(comment string) []question {
	var qs []question
	for line := range strings.Lines(comment) {
		switch line = strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "  "):
			qs[len(qs)-1].want = append(qs[len(qs)-1].want, strings.TrimSpace(line))
		case line != "" && !strings.HasPrefix(line, "#"):
			qs = append(qs, question{text: line})
		}
	}
	return qs
}

func (q question) ask(t *testing.T, p *Project) []string {
	t.Helper()
	words := strings.Fields(q.text)
	switch words[0] {
	case "why":
		why, err := p.Why(t.Context(), words[1], words[2:], 0)
		if err != nil {
			return []string{err.Error()}
		}
		var out []string
		for _, s := range why.Services {
			out = append(out, reachedWords(s))
		}
		return out
	case "affected":
		a, err := p.Affected(t.Context(), words[1:])
		if err != nil {
			return []string{err.Error()}
		}
		var out []string
		for _, f := range a.Affected {
			out = append(out, f.Path+chainWords(f.Chain))
		}
		for _, s := range a.Services {
			out = append(out, "service "+s.Name)
		}
		return out
	case "check":
		var out []string
		for _, f := range p.Check() {
			out = append(out, f.Level+": "+f.Text)
		}
		return out
	}
	t.Fatalf("no question %q", q.text)
	return nil
}

func reachedWords(r control.Reached) string {
	if r.Via != "" {
		return r.Name + " by " + r.Via
	}
	return r.Name + chainWords(r.Chain)
}

func chainWords(chain []control.Link) string {
	var b strings.Builder
	for _, l := range chain {
		fmt.Fprintf(&b, " %s:%d", l.From, l.Line)
	}
	return b.String()
}
