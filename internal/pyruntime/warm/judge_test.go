package warm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTrial(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "warm", "judge.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(data), "\n== ")
	for text := range strings.SplitSeq(cases, "\n== ") {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		t.Run(lines[0], func(t *testing.T) {
			for _, line := range lines[1:] {
				mode, rest, ok := strings.Cut(line, ":")
				outcomes, want, ok2 := strings.Cut(rest, "=> ")
				if !ok || !ok2 {
					t.Fatalf("no case: %s", line)
				}
				var trial Trial
				for o := range strings.SplitSeq(strings.TrimSpace(outcomes), ", ") {
					name, why, _ := strings.Cut(strings.TrimSuffix(o, ")"), " (")
					trial = trial.Next(Outcome(name), why)
				}
				got := trial.Cold(Mode(mode))
				if got == "" {
					got = "warm"
				}
				if got != want {
					t.Errorf("%s: got %q", line, got)
				}
			}
		})
	}
}

// TestOutcomes: the cases name nothing that the table does not.
func TestOutcomes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "warm", "judge.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Outcome{ColdUp, WarmUp, ColdDown, WarmDown, WarmUnlike, Rekeyed} {
		if !strings.Contains(string(data), string(o)) {
			t.Errorf("no case has %q", o)
		}
	}
}
