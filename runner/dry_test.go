package runner

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A dry run goes through everything in its order, and starts and writes
// nothing.
func TestDry(t *testing.T) {
	dir := t.TempDir()
	touched := filepath.Join(dir, "touched")
	api := specOf(t, "api", "touch", touched)
	api.Ready.TCP = "127.0.0.1:1" // where nobody listens
	web := specOf(t, "web", "no-such-command")
	web.DependsOn = []Dependency{{Name: "api", Condition: ConditionCompleted}}
	pyc := filepath.Join(dir, "__pycache__", "a.cpython-311.pyc")
	if err := os.MkdirAll(filepath.Dir(pyc), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pyc, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var began, ended []string
	g := newRig(t, Options{
		Specs: []Spec{web, api}, Dir: dir, Dry: true, Scratch: filepath.Join(dir, "none"),
		Actions: []Action{{Name: "run_pip", Argv: []string{"touch", touched}, Timeout: time.Minute}},
		Before:  func(context.Context, string, int) ([]string, error) { return []string{"a.py"}, nil },
		BeforeAction: func(_ context.Context, action string) (Errand, error) {
			began = append(began, action)
			return Errand{Changed: []string{"a.py"}}, nil
		},
		AfterAction: func(action string, err error) {
			if err == nil {
				ended = append(ended, action)
			}
		},
	})
	if got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 web, 20 api")))); got != "run_pip done, web done, api done" {
		t.Error(got)
	}
	if got := outcomes(g.finish(g.Apply(withSignals("10 run_pip, 20 HUP, 20 web")))); got != "run_pip done, api done, web done" {
		t.Error(got)
	}
	for name, generation := range map[string]int{"api": 1, "web": 2} {
		if s := g.status(name); s.State != StateUnverified || s.Generation != generation {
			t.Errorf("%+v", s)
		}
	}
	if len(began) != 2 || len(ended) != 2 {
		t.Errorf("began %q, ended %q", began, ended)
	}
	if err := g.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(touched); err == nil {
		t.Error("something has run")
	}
	if _, err := os.Stat(pyc); err != nil {
		t.Errorf("bytecode was removed: %v", err)
	}
}
