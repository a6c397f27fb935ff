package configs

import (
	"time"

	"bounce/runner"
	"bounce/watcher"
)

// defaults is everything a file may leave out.
type defaults struct {
	config     Config
	service    Service
	dependency Dependency
	unit       Unit
	group      Group
	action     Action
}

// defaultsOf is the one place where defaults are set: those of dev, and what
// prod does otherwise.
func defaultsOf(p Profile) defaults {
	d := defaults{
		config: Config{
			Profile: Dev,
			Watch: Watch{
				Backend:      watcher.Auto,
				Quiet:        Duration(20 * time.Millisecond),
				Max:          Duration(time.Second),
				Absent:       Duration(400 * time.Millisecond),
				PollInterval: Duration(500 * time.Millisecond),
				Audit:        Duration(time.Minute),
			},
			Classifier:     Classifier{Timeout: Duration(10 * time.Second)},
			StringImports:  true,
			PackageStrings: true,
			Cosmetic:       "restart",
			Deps:           "restart",
			Typing:         "skip",
			Lazy:           "follow",
		},
		service: Service{
			Cwd:   ".",
			Ready: Ready{Timeout: Duration(30 * time.Second), Interval: Duration(50 * time.Millisecond)},
			Live:  Live{Interval: Duration(10 * time.Second), Timeout: Duration(2 * time.Second), Failures: 3},
			Stop:  Stop{Signal: "TERM", Grace: Duration(3 * time.Second)},
			Restart: Restart{
				When: runner.OnFailure,
				Backoff: Backoff{
					Base:   Duration(200 * time.Millisecond),
					Factor: 2,
					Max:    Duration(5 * time.Second),
					Jitter: 0.2,
				},
				Budget:      Budget{Restarts: 5, Window: Duration(5 * time.Minute)},
				StableAfter: Duration(10 * time.Second),
				OnExhausted: runner.HoldExhausted,
				Cooldown:    Duration(5 * time.Minute),
				HoldOn:      List{"SyntaxError", "ImportError"},
			},
			OnStats:     OnStats{Interval: Duration(10 * time.Second)},
			Output:      Output{MaxSize: 10, Keep: 5},
			Strategy:    runner.Immediate,
			Overlap:     "auto",
			Reach:       ReachUnion,
			Warm:        runner.WarmAuto,
			Hooks:       Hooks{Timeout: Duration(30 * time.Second)},
			Drain:       Duration(5 * time.Second),
			OnAgentExit: "stop",
			Order:       100,
		},
		dependency: Dependency{Condition: runner.ConditionReady, OnFailure: runner.Leave, OnRestart: runner.Leave},
		unit:       Unit{Start: Duration(30 * time.Second), OnStall: "restart", Answer: Duration(5 * time.Second)},
		group: Group{
			Strategy:    runner.OneForOne,
			Budget:      Budget{Restarts: 10, Window: Duration(10 * time.Minute)},
			OnExhausted: runner.HoldExhausted,
			Cooldown:    Duration(5 * time.Minute),
		},
		action: Action{Order: 100, Timeout: Duration(5 * time.Minute), RetryWait: Duration(time.Second), Cwd: "."},
	}
	if p == Prod {
		d.config.Profile = Prod
		d.config.MaxParallel = 1
		d.config.Watch.Quiet = Duration(150 * time.Millisecond)
		d.config.Watch.Max = Duration(10 * time.Second)
		d.service.OnAgentExit = "keep"
		d.service.Overlap = "off"
		d.service.Warm = runner.WarmOff
		d.service.Stop.Grace = Duration(10 * time.Second)
		d.service.Restart.Backoff.Base = Duration(time.Second)
		d.service.Restart.Backoff.Max = Duration(time.Minute)
		d.service.Restart.StableAfter = Duration(time.Minute)
		d.service.Restart.OnExhausted = runner.CooldownExhausted
		d.group.OnExhausted = runner.CooldownExhausted
	}
	return d
}

// presets are the words that restart takes in place of its keys, by when they
// start a service again. Their numbers do not depend on the profile.
var presets = map[string]runner.When{
	"permanent": runner.Always,
	"transient": runner.OnFailure,
	"temporary": runner.Never,
}

// preset returns the policy that a word stands for.
func preset(when runner.When) Restart {
	r := defaultsOf(Prod).service.Restart
	r.When = when
	r.Backoff = Backoff{Base: Duration(2 * time.Second), Factor: 2, Max: Duration(time.Minute), Jitter: 0.2}
	r.Budget = Budget{Restarts: 5, Window: Duration(5 * time.Minute)}
	r.OnExhausted = runner.CooldownExhausted
	r.Cooldown = Duration(5 * time.Minute)
	return r
}
