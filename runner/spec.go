package runner

import (
	"io/fs"
	"time"
)

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
	// TTY gives each generation a terminal of its own for input and output, which
	// [Runner.Attach] sits at, in place of pipes and no input.
	TTY bool `json:",omitempty"`
	// Order ranks starts within a level of dependencies; default 100.
	Order int
	// DependsOn are the services that this one waits for before it starts.
	DependsOn []Dependency
	Ready     Ready
	Live      Live `json:",omitzero"`
	// Heartbeat is the longest time between two WATCHDOG=1 by the protocol of
	// sd_notify, from when the service is up; 0: none are asked for.
	Heartbeat time.Duration `json:",omitempty"`
	// Units are the parts of the service that report for themselves.
	Units []Unit `json:",omitempty"`
	// Listen are the sockets that the runner holds open for the service, over
	// all of its generations until it is stopped. On Linux a generation that
	// ends for another one first reads what has come, for up to half of
	// Stop.Grace.
	Listen []Listen `json:",omitempty"`
	// Strategy is how a new generation takes the place of one that is ready;
	// default Immediate. Rolling needs Ready.
	Strategy Strategy `json:",omitempty"`
	// Overlap has a generation that a change or an operator puts in the place of
	// one that runs begin while that one ends, where Strategy is Immediate: what
	// comes from then on is for the new one. What it serves on must be in Listen.
	// It is without effect where the system cannot, for a service that has a
	// terminal or is kept, or whose hooks count on their turn (before_start,
	// before_stop, after_stop), and once it was found to keep new generations
	// from coming up.
	Overlap bool `json:",omitempty"`
	// Settle is how long a successor must stay ready, and alive by Live, before
	// it takes over; default 0.
	Settle time.Duration `json:",omitempty"`
	// Drain is how long the generation that a successor takes the place of may
	// answer what it has, once nothing new comes to it and before it is told to
	// end; default 5s. It is over when no connection is left.
	Drain   time.Duration `json:",omitempty"`
	Stop    Stop
	Restart Restart
	Confine Confine `json:",omitzero"`
	// Warm has it started by a fork of a process that has loaded its libraries,
	// where that can be; default WarmOff. It takes Options.Observer, and Linux.
	Warm Warm `json:",omitempty"`
	// Hooks are commands that are run at moments of its life, in its directory
	// and environment; HookTimeout ends each, default 30s, but for those that have
	// one of their own in HookTimeouts.
	Hooks        map[Hook][]string      `json:",omitempty"`
	HookTimeout  time.Duration          `json:",omitempty"`
	HookTimeouts map[Hook]time.Duration `json:",omitempty"`
	// Keep has the service outlive the runner, and be taken over by the next
	// one of the same Options.Run and Keep. It is for Linux; elsewhere it is
	// ignored.
	Keep bool `json:",omitempty"`
}

// Dependency is what a service asks of one that it depends on. It stays alone
// where nothing else is said: what becomes of the other one does not touch it
// once it runs.
type Dependency struct {
	Name string
	// Condition says what it waits for before it starts; default
	// ConditionReady.
	Condition Condition
	// OnFailure is what becomes of it when the other one crashes, OnRestart
	// when a change or an operator replaces the other one; default Leave.
	OnFailure, OnRestart Follow
}

// Condition says when a dependency is there. One that the operator stopped is,
// but for ConditionCompleted.
type Condition string

const (
	// ConditionStarted: its process runs, or has ended with success.
	ConditionStarted Condition = "started"
	// ConditionReady: it is at its target.
	ConditionReady Condition = "ready"
	// ConditionCompleted: it has ended with success.
	ConditionCompleted Condition = "completed"
)

// Follow says what becomes of a service with one that it depends on.
type Follow string

const (
	// Leave: nothing.
	Leave Follow = "leave"
	// StopWith: it is stopped at once, and started when the other one is back.
	StopWith Follow = "stop"
	// RestartWith: it is replaced when the other one is back.
	RestartWith Follow = "restart"
)

// Listen is a socket that is lent to a service by the protocol of
// sd_listen_fds: descriptors from 3, LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
type Listen struct {
	// TCP is a host and port, Unix an absolute path; one is set. Port 0 is one
	// that the system chooses, the same for all generations.
	TCP  string `json:",omitempty"`
	Unix string `json:",omitempty"`
	// Mode is that of a unix socket's file; 0: what the umask leaves.
	Mode fs.FileMode `json:",omitempty"`
	// Name is for LISTEN_FDNAMES; default the name of the service.
	Name string `json:",omitempty"`
}

// Probe is a question that a service is asked while it runs. At most one of
// TCP, Unix, HTTP and Command is set; the zero value asks nothing. Who answers
// must belong to the generation, where the system can tell.
type Probe struct {
	// TCP is an address to connect to, HTTP a URL to get.
	TCP, HTTP string
	// Unix is the absolute path of a socket to connect to.
	Unix string `json:",omitempty"`
	// Status are the status codes that HTTP counts as well; default all below
	// 400.
	Status []int `json:",omitempty"`
	// Body is a regular expression that the first 64 KiB of the answer match,
	// Header has those that its headers match.
	Body   string            `json:",omitempty"`
	Header map[string]string `json:",omitempty"`
	// Echo names a header in which the answer must have the value of the
	// service's BOUNCE_GENERATION.
	Echo string `json:",omitempty"`
	// Command is run in the directory and environment of the service, and
	// answers by exiting with 0.
	Command []string `json:",omitempty"`
}

// Ready says how a new generation shows that it serves: by the answer to a
// probe or by one of the signs below; at most one of all is set. The zero
// value asks nothing: the service is then "unverified" once it runs.
type Ready struct {
	Probe
	// File is the absolute path of a file that the generation makes or writes.
	File string `json:",omitempty"`
	// Pipe is the absolute path of a named pipe that the generation writes to.
	// The runner makes it for each generation.
	Pipe string `json:",omitempty"`
	// Log is a regular expression that a line of output matches.
	Log string `json:",omitempty"`
	// Notify waits for READY=1 by the protocol of sd_notify.
	Notify bool `json:",omitempty"`
	// Timeout is how long a generation may take; default 30s. EXTEND_TIMEOUT_USEC
	// of sd_notify moves its end.
	Timeout time.Duration
	// Interval is the time between probes; default 50ms.
	Interval time.Duration
}

// Live says how a generation shows that it still serves. The zero value asks
// nothing.
type Live struct {
	Probe
	// Interval is the time between probes; default 10s.
	Interval time.Duration
	// Timeout is how long an answer may take; default 2s.
	Timeout time.Duration
	// Failures is how many probes in a row must fail; default 3.
	Failures int
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
	// EscalateExhausted has the group that the service or group is in answer
	// for it. Of a service, the group goes on paying for its restarts.
	EscalateExhausted Exhausted = "escalate"
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
	// HoldOn lists failures that a retry cannot mend: errors, by the class that
	// the last line of a traceback names, such as "SyntaxError", and exit codes,
	// such as "78".
	HoldOn []string
	// SkipRetryOn lists, likewise, failures that are treated as if the budget
	// were used up.
	SkipRetryOn []string `json:",omitempty"`
	// FatalOn and FatalExitCodes list, likewise, failures that end the agent,
	// whatever else the policy says.
	FatalOn        []string `json:",omitempty"`
	FatalExitCodes []int    `json:",omitempty"`
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
