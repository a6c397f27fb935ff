package smartrestart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// venv is where `make venv` installs smart-restart, and PyYAML with it.
const venv = "../../build/venv/bin/python"

// TestScalars compares each line of scalars.txt with what PyYAML reads: Python's
// repr and str of it, and whether it is true.
func TestScalars(t *testing.T) {
	text, err := os.ReadFile("../../testdata/smart-restart/scalars.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	cmd := exec.Command(venv, "-c", `
import json, sys, yaml
out = []
for line in json.load(sys.stdin):
    try:
        value = yaml.safe_load("x: " + line)["x"]
        out.append(f"{value!r} {value} {bool(value)}")
    except ValueError as error:
        out.append(f"error {error}")
    except Exception:
        out.append("traceback")
json.dump(out, sys.stdout)`)
	input, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("PyYAML is not installed: run `make venv` (%v)", err)
	}
	var wants []string
	if err := json.Unmarshal(output, &wants); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		if got := read(line); got != wants[i] {
			t.Errorf("%q is %s, PyYAML reads %s", line, got, wants[i])
		}
	}
}

func read(scalar string) string {
	top, _, err := readYAML([]byte("x: " + scalar))
	switch {
	case err == nil:
		v, _ := top.(*dict).get("x")
		return fmt.Sprintf("%s %s %s", repr(v), python(v), python(truth(v)))
	case strings.Contains(err.Error(), "traceback"):
		return "traceback"
	}
	return "error " + err.Error()
}

// What PyYAML survives, or ends on at once, must not take for ever here.
func TestHostileFiles(t *testing.T) {
	bomb := "a0: &a0 [x, x]\n"
	merges := "m0: &m0 {a: 1, b: 2}\n"
	for i := 1; i < 60; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
		merges += fmt.Sprintf("m%d: &m%d {<<: [*m%d, *m%d], k%d: 1}\n", i, i, i-1, i-1, i)
	}
	for name, src := range map[string]string{
		"aliases of aliases": bomb,
		"merges of merges":   merges,
		"a list in itself":   "actions: {a: }\nrules: &r [{pattern: '**', actions: *r}]\n",
		"merged into itself": "actions: &a {<<: *a}\n",
		"deep":               strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"a long number":      "actions: {a: {order: " + strings.Repeat("7", 200_000) + "}}",
		"a long sexagesimal": "actions: {a: {order: 1" + strings.Repeat(":07", 60_000) + "}}",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			decideBy(t, src)
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func decideBy(t *testing.T, src string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Decide(Question{Dir: filepath.Dir(file), Rules: file, Paths: []string{"src/a.py", "README.md"}})
	if err != nil && len(f.Actions) > 0 {
		t.Errorf("actions and an error: %v, %v", f.Actions, err)
	}
	return err
}

func FuzzRules(f *testing.F) {
	for _, seed := range []string{
		"actions: {a: {order: 1}, b: }\nrules: [{pattern: '**', actions: [a, b]}]\nfallback: all\n",
		"actions: &a {yes: {order: 010}}\nrules: [*a, {pattern: x, actions: abc}]\nfallback: [1:30]\n",
		"<<: {actions: 2001-12-14t21:59:43.10-05:00}\n", "\xff", "a: \xe2\x82", "- !!binary x", "? [a]\n: b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		decideBy(t, src)
	})
}
