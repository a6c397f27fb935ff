package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// build builds one of our programs and returns its path.
func build(t *testing.T, program string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	args := append([]string{"build", "-o", path}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, "../"+program)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", program, err, out)
	}
	return path
}

// runDemo runs the demo on a bounce and returns its exit code and what it
// printed.
func runDemo(t *testing.T, bounce string) (int, string, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, build(t, "bounce-demo"), "-bounce", bounce, "-shop", shopDir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestTheDemoShowsWhatItPromises(t *testing.T) {
	bounce := build(t, "bounce")
	begun := time.Now()
	code, stdout, stderr := runDemo(t, bounce)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("the demo took %v, and promises less than 30s", took)
	}
	if got := strings.Count(stdout, "as it should be: "); got != len(steps) {
		t.Errorf("%d of %d steps are as they should be\n%s", got, len(steps), stdout)
	}
	// The chain of the first step, as the README shows it.
	for _, line := range []string{
		"src/shop/api/routes.py:3   imports src/shop/pricing.py\n",
		"src/shop/pricing.py:8      imports src/shop/money.py\n",
		"pricing.py:16: SyntaxError: ",
		"zone_001.py and 299 more\n",
	} {
		if !strings.Contains(stdout, line) {
			t.Errorf("the demo does not show %q\n%s", line, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("there are colours, and no terminal")
	}
}

// TestABrokenReachFailsTheDemo shows that the demo can fail.
func TestABrokenReachFailsTheDemo(t *testing.T) {
	code, stdout, stderr := runDemo(t, build(t, "bounce", "-tags", "breakreach"))
	if code != 1 || !strings.Contains(stderr, "bounce-demo: step 1, ") || !strings.Contains(stderr, " should have ") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// TestTheReachIsWhatTheReadmesSay compares the services that each file of the
// example projects reaches with the tables in their READMEs, which are held to
// what Python loads.
func TestTheReachIsWhatTheReadmesSay(t *testing.T) {
	bounce := build(t, "bounce")
	for _, project := range []string{"shop", "web"} {
		t.Run(project, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), project)
			if err := copyTree(filepath.Join("..", "..", "testdata", "python", project), dir); err != nil {
				t.Fatal(err)
			}
			services, table := readTable(t, dir)
			for file, row := range table {
				var want []string
				for i, said := range row {
					if said != "" {
						want = append(want, services[i])
					}
				}
				cmd := exec.CommandContext(t.Context(), bounce, "affected", "--json", file)
				cmd.Dir = dir
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("bounce affected %s: %v", file, err)
				}
				var affected struct{ Services []struct{ Name string } }
				if err := json.Unmarshal(out, &affected); err != nil {
					t.Fatalf("bounce affected %s: %v", file, err)
				}
				var got []string
				for _, s := range affected.Services {
					got = append(got, s.Name)
				}
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s reaches %v, and the README says %v", file, got, want)
				}
			}
		})
	}
}
