package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bounce/decider"
)

const pip = "action/run_pip"

// pipWith is a runner with an action that has retries, and the service api.
func pipWith(retries int, timeout time.Duration) Options {
	return Options{Specs: []Spec{fakeSpec("api")}, Actions: []Action{
		{Name: "run_pip", Argv: []string{"pip"}, Timeout: timeout, Retries: retries, RetryWait: 10 * time.Second},
	}}
}

func TestRetries(t *testing.T) {
	fails, works := run{after: time.Second, exit: Exit{Code: 2}, stderr: "no route\n"}, run{after: time.Second}
	for _, c := range []struct {
		name    string
		retries int
		runs    []run
		events  string
		outcome string
	}{
		{"the second attempt", 2, []run{fails, works},
			"0s start action/run_pip/1; 1s end action/run_pip/1 exit code 2; 11s start action/run_pip/2; 12s end action/run_pip/2 exit code 0; 12s start api/1",
			"run_pip done, api done"},
		{"none left", 1, []run{fails},
			"0s start action/run_pip/1; 1s end action/run_pip/1 exit code 2; 11s start action/run_pip/2; 12s end action/run_pip/2 exit code 2",
			"run_pip failed (run_pip failed: exit code 2), api held (run_pip failed: exit code 2)"},
		{"each attempt has its own timeout", 1, []run{{}, works},
			"0s start action/run_pip/1; 1m0s end action/run_pip/1 ended by SIGTERM; 1m10s start action/run_pip/2; 1m11s end action/run_pip/2 exit code 0; 1m11s start api/1",
			"run_pip done, api done"},
		{"what cannot be started is not tried again", 3, []run{{refuse: &StartError{Command: "pip", Problem: "command not found"}}},
			"0s refuse action/run_pip/1",
			`run_pip failed (run_pip failed: cannot start "pip": command not found), api held (run_pip failed: cannot start "pip": command not found)`},
		{"what passes is", 1, []run{{refuse: errors.New("too many processes")}, works},
			"0s refuse action/run_pip/1; 10s start action/run_pip/2; 11s end action/run_pip/2 exit code 0; 11s start api/1",
			"run_pip done, api done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, pipWith(c.retries, time.Minute), map[string][]run{pip: c.runs}, func(g *rig, w *world) {
				if got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 api")))); got != c.outcome {
					t.Errorf("got  %s\nwant %s", got, c.outcome)
				}
				w.expect("attempts", c.events)
				for n := 1; n <= strings.Count(c.events, "run_pip/")/2-1; n++ {
					if e := g.event("run_pip", KindActionRetry, n); e.Attempt != n || e.Wait != 10*time.Second {
						t.Errorf("%+v", e)
					}
				}
			})
		})
	}
}

func TestARetryShowsTheLastLinesOfItsOwnAttempt(t *testing.T) {
	bubble(t, pipWith(1, time.Minute), map[string][]run{pip: {
		{after: time.Second, exit: Exit{Code: 1}, stderr: "first\n"}, {after: time.Second, exit: Exit{Code: 1}, stderr: "second\n"},
	}}, func(g *rig, w *world) {
		g.finish(g.Apply(withActions("10 run_pip")))
		retry, failed := g.event("run_pip", KindActionRetry, 1), g.event("run_pip", KindActionFailed, 1)
		if !slices.Equal(retry.Tail, []string{"first"}) || !slices.Equal(failed.Tail, []string{"second"}) {
			t.Errorf("%q, %q", retry.Tail, failed.Tail)
		}
		if retry.What != "exit code 1; next try in 10s, 1 left" || failed.What != "exit code 1" {
			t.Errorf("%q, %q", retry.What, failed.What)
		}
	})
}

func TestCloseEndsTheWaitForARetry(t *testing.T) {
	bubble(t, pipWith(1, time.Minute), map[string][]run{pip: {{after: time.Second, exit: Exit{Code: 1}}}}, func(g *rig, w *world) {
		ticket := g.Apply(withActions("10 run_pip"))
		g.event("run_pip", KindActionRetry, 1)
		g.Close(context.Background())
		if got := outcomes(g.finish(ticket)); got != "run_pip failed (run_pip failed: the agent stops)" {
			t.Error(got)
		}
		if got := time.Since(w.zero); got != time.Second {
			t.Errorf("it took %s", got)
		}
	})
}

// What an action is told: the changed paths in a private file that goes away,
// and the environment of its errand.
func TestAnErrandIsHandedOver(t *testing.T) {
	paths := []string{"a b.sql", "new\nline", "\xff\xfe", "-rf"}
	o := pipWith(1, time.Minute)
	o.Scratch = t.TempDir()
	var began, ended []string
	o.BeforeAction = func(_ context.Context, action string) (Errand, error) {
		began = append(began, action)
		return Errand{Changed: paths, Env: []string{"A=1", "BOUNCE_CHANGED_FILES=stale"}}, nil
	}
	o.AfterAction = func(action string, err error) { ended = append(ended, action) }
	var list string
	attempts := 0
	reads := func(env []string) {
		attempts++
		list = variable(env, "BOUNCE_CHANGED_FILES")
		data, err := os.ReadFile(list)
		if err != nil || string(data) != strings.Join(paths, "\x00")+"\x00" {
			t.Errorf("the list is %q, %v", data, err)
		}
		info, err := os.Stat(list)
		if err != nil || info.Mode().Perm() != 0o600 || filepath.Dir(list) != o.Scratch {
			t.Errorf("%s: %v, %v", list, info.Mode(), err)
		}
		if variable(env, "A") != "1" || !filepath.IsAbs(variable(env, "BOUNCE_PROJECT")) {
			t.Errorf("%q", env)
		}
	}
	bubble(t, o, map[string][]run{pip: {{after: time.Second, exit: Exit{Code: 1}, reads: reads}, {after: time.Second, reads: reads}}}, func(g *rig, w *world) {
		g.finish(g.Apply(withActions("10 run_pip")))
	})
	if left, _ := filepath.Glob(filepath.Join(o.Scratch, "*")); len(left) > 0 || attempts != 2 {
		t.Errorf("%d attempts, and %q is left", attempts, left)
	}
	if want := []string{"run_pip"}; !slices.Equal(began, want) || !slices.Equal(ended, want) {
		t.Errorf("began %q, ended %q", began, ended)
	}
}

func TestAListThatCannotBeWrittenIsAFailure(t *testing.T) {
	o := pipWith(3, time.Minute)
	o.Scratch = filepath.Join(t.TempDir(), "nowhere")
	bubble(t, o, nil, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 api"))))
		if !strings.HasPrefix(got, "run_pip failed (run_pip failed: cannot list the changed files: ") || !strings.Contains(got, "api held") {
			t.Error(got)
		}
		w.expect("nothing ran", "")
	})
}

func TestAMootActionIsNotRun(t *testing.T) {
	o := pipWith(0, time.Minute)
	o.BeforeAction = func(context.Context, string) (Errand, error) { return Errand{Moot: true}, nil }
	o.AfterAction = func(string, error) { t.Error("it was said to have run") }
	bubble(t, o, nil, func(g *rig, w *world) {
		if got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 api")))); got != "run_pip done, api done" {
			t.Error(got)
		}
		w.expect("the service", "0s start api/1")
		g.event("run_pip", KindActionMoot, 1)
	})
}

func TestAnActionThatMayNotBeginFails(t *testing.T) {
	o := pipWith(3, time.Minute)
	o.BeforeAction = func(context.Context, string) (Errand, error) { return Errand{}, errors.New("cannot read .env") }
	bubble(t, o, nil, func(g *rig, w *world) {
		got := outcomes(g.finish(g.Apply(withActions("10 run_pip, 20 api"))))
		if got != "run_pip failed (run_pip failed: cannot read .env), api held (run_pip failed: cannot read .env)" {
			t.Error(got)
		}
		w.expect("nothing ran", "")
	})
}

// withSignals is a plan in which api is sent HUP: "10 run_pip, 20 HUP".
func withSignals(text string) decider.Plan {
	p := withActions(text)
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Name == "HUP" {
			s.Kind, s.Name, s.Signal = decider.SignalService, "api", "HUP"
		}
	}
	return p
}

func TestSignals(t *testing.T) {
	before := make(map[string]int)
	o := pipWith(0, time.Minute)
	o.Before = func(_ context.Context, name string, generation int) ([]string, error) {
		before[name] += generation
		return nil, nil
	}
	second := run{after: time.Second}

	bubble(t, o, map[string][]run{pip: {second, second, {after: time.Second, exit: Exit{Code: 1}}}}, func(g *rig, w *world) {
		// One that does not run is started.
		if got := outcomes(g.finish(g.Apply(withSignals("10 run_pip, 20 HUP")))); got != "run_pip done, api done" {
			t.Error(got)
		}
		w.expect("started", "0s start action/run_pip/1; 1s end action/run_pip/1 exit code 0; 1s start api/1")
		// After the action, and what the service loads then is new.
		clear(before)
		if got := outcomes(g.finish(g.Apply(withSignals("10 run_pip, 20 HUP")))); got != "run_pip done, api done" {
			t.Error(got)
		}
		w.expect("signalled", "1s start action/run_pip/2; 2s end action/run_pip/2 exit code 0; 2s HUP api/1")
		if e := g.event("api", KindSignalled, 1); e.Signal != "HUP" || e.Generation != 1 || e.Cause != CauseChange || before["api"] != 1 {
			t.Errorf("%+v, before %v", e, before)
		}
		// Not after an action that has failed.
		if got := outcomes(g.finish(g.Apply(withSignals("10 run_pip, 20 HUP")))); got != "run_pip failed (run_pip failed: exit code 1), api held (run_pip failed: exit code 1)" {
			t.Error(got)
		}
		if s := g.status("api"); s.Hold == nil || s.Hold.Kind != "action" {
			t.Errorf("%+v", s)
		}
		// Together with a restart it is not needed.
		w.events()
		g.finish(g.Apply(withSignals("20 api, 20 HUP")))
		w.expect("restarted", "3s end api/1 ended by SIGTERM; 3s start api/2")
		// One that the operator stopped stays down.
		if stop, err := g.Stop("api"); err != nil {
			t.Fatal(err)
		} else {
			g.finish(stop)
		}
		if got := outcomes(g.finish(g.Apply(withSignals("20 HUP")))); got != "api left (stopped by operator)" {
			t.Error(got)
		}
	})

	// One that is starting might die of it.
	o.Specs[0].Ready = Ready{Probe: Probe{TCP: "127.0.0.1:1"}, Timeout: time.Hour, Interval: time.Hour}
	bubble(t, o, nil, func(g *rig, w *world) {
		g.Apply(withActions("20 api"))
		g.event("api", KindStarted, 1)
		g.Apply(withSignals("20 HUP"))
		g.event("api", KindStarted, 2)
		w.expect("restarted", "0s start api/1; 0s end api/1 ended by SIGTERM; 0s start api/2")
	})
}

// A signal that cannot be sent, since the service has just crashed, is made
// good by a restart.
func TestASignalThatComesTooLate(t *testing.T) {
	bubble(t, pipWith(0, time.Minute), map[string][]run{"api": {{after: time.Second, exit: Exit{Code: 1}}, {}}}, func(g *rig, w *world) {
		g.up("api")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := outcomes(g.finish(g.Apply(withSignals("20 HUP")))); got != "api done" {
			t.Error(got)
		}
		w.expect("lives", "0s start api/1; 1s end api/1 exit code 1; 1s start api/2")
	})
}

// Actions of different plans run one at a time, also if the later one is
// ordered before the one that runs.
func TestOneActionAtATime(t *testing.T) {
	o := pipWith(0, time.Hour)
	o.Actions = append(o.Actions, Action{Name: "run_migrate", Argv: []string{"migrate"}, Timeout: time.Hour})
	slow := run{after: time.Minute}
	bubble(t, o, map[string][]run{pip: {slow}, "action/run_migrate": {slow}}, func(g *rig, w *world) {
		first := g.Apply(withActions("20 run_migrate, 30 api"))
		g.event("run_migrate", KindActionStarted, 1)
		second := g.Apply(withActions("10 run_pip"))
		g.finish(first)
		g.finish(second)
		w.expect("one by one", "0s start action/run_migrate/1; 1m0s end action/run_migrate/1 exit code 0; "+
			"1m0s start action/run_pip/1; 2m0s end action/run_pip/1 exit code 0; 2m0s start api/1")
	})
}

// What waits for an action can be taken back; what has begun, and what an
// operator wants, cannot.
func TestWithdraw(t *testing.T) {
	o := pipWith(0, time.Hour)
	o.Specs = append(o.Specs, fakeSpec("web"))
	bubble(t, o, map[string][]run{pip: {{after: time.Minute}}, "web": {{linger: 9 * time.Second}}}, func(g *rig, w *world) {
		g.up("api", "web")
		w.events()
		ticket := g.Apply(withSignals("5 web, 10 run_pip, 20 api, 30 HUP"))
		g.event("web", KindStopping, 1)
		if got := g.Withdraw("api", "web", "nobody"); !slices.Equal(got, []string{"api"}) {
			t.Errorf("withdrawn: %q", got)
		}
		if got := outcomes(g.finish(ticket)); got != "web done, run_pip done, api left (no longer called for), api left (no longer called for)" {
			t.Error(got)
		}
		w.expect("no restart of api", "9s end web/1 ended by SIGTERM; 9s start web/2; 9s start action/run_pip/1; 1m9s end action/run_pip/1 exit code 0")
		if got := g.Withdraw(); got != nil {
			t.Errorf("withdrawn: %q", got)
		}
	})
}
