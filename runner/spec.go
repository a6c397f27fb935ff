package runner

import "time"

// Spec says how a service is run. Durations and counts that are zero mean the
// defaults of configs, which fills them in: the runner takes a Spec as it is.
type Spec struct {
	Name string
	// Argv is the command, without a shell.
	Argv []string
	// Dir is the working directory, absolute.
	Dir string
	// Env is the whole environment, "KEY=value" each.
	Env []string
	// Order ranks starts within a level of dependencies; default 100.
	Order int
	// DependsOn names services that must be at their target before this one
	// starts.
	DependsOn []string
	Ready     Ready
	Stop      Stop
	Restart   Restart
}

// Ready says how a new generation shows that it serves. The zero value probes
// nothing: the service is then "unverified" once it runs.
type Ready struct {
	// TCP is an address to connect to, HTTP a URL to get with a status below
	// 400; at most one is set. The listener must belong to the generation.
	TCP, HTTP string
	// Timeout is how long a generation may take; default 30s.
	Timeout time.Duration
	// Interval is the time between probes; default 50ms.
	Interval time.Duration
}

// Stop says how a generation is ended.
type Stop struct {
	// Signal is its name without SIG; default TERM.
	Signal string
	// Grace is the time between the signal and KILL; default 3s.
	Grace time.Duration
}

// When says after which exits a service is started again.
type When string

const (
	Always    When = "always"
	OnFailure When = "on-failure"
	Never     When = "never"
)

// Exhausted says what happens when a service has used up its crash budget.
type Exhausted string

const (
	HoldExhausted     Exhausted = "hold"
	CooldownExhausted Exhausted = "cooldown"
	ExitExhausted     Exhausted = "exit"
)

// Restart is the policy after a crash. Restarts that a change or an operator
// asked for are not limited by it: they re-arm it.
type Restart struct {
	When    When
	Backoff Backoff
	Budget  Budget
	// StableAfter is how long a generation must run to be forgiven its
	// crashes; default 10s.
	StableAfter time.Duration
	// OnExhausted is what to do when the budget is used up; default hold.
	OnExhausted Exhausted
	// Cooldown is how long CooldownExhausted waits; default 5m.
	// MaxCooldowns limits how often in a row; 0: no limit.
	Cooldown     time.Duration
	MaxCooldowns int
	// HoldOn lists errors that a retry cannot mend, by the class that the last
	// line of a traceback names, such as "SyntaxError".
	HoldOn []string
	// SuccessCodes are exit codes besides 0 that are not failures.
	SuccessCodes []int
}

// Backoff is the wait before crash restart k, from 1:
// min(Base*Factor^(k-1), Max), times a random factor in 1±Jitter.
type Backoff struct {
	Base, Max time.Duration
	Factor    float64
	Jitter    float64
}

// Budget allows exactly Restarts crash restarts within any Window.
type Budget struct {
	Restarts int
	Window   time.Duration
}

// Action is a command that a plan may ask for.
type Action struct {
	Name string
	Argv []string
	Dir  string
	Env  []string
	// Timeout ends an attempt; default 5m.
	Timeout time.Duration
	// Retries is how many more attempts follow one that failed, RetryWait the
	// time before each.
	Retries   int
	RetryWait time.Duration
}

// Errand is what one run of an action is about.
type Errand struct {
	// Moot says that nothing asks for the action any more: it is not run, and
	// counts as done.
	Moot bool
	// Changed are the files whose change asked for it, relative to
	// Options.Dir.
	Changed []string
	// Env, if not nil, takes the place of Action.Env.
	Env []string
}
