package configs

import (
	"crypto/sha256"
	"time"

	"bounce/runner"
	"bounce/watcher"
)

// The comments of the fields below are the reference: docs/configuration.md and
// the schema are generated from them, so they speak to users.
//
// Tags: "json" is the key, in files as in output; "enum" the words allowed;
// "min" and "max" the bounds of a number or duration; "required" that a key
// must be there; "never" a word that switches an interval off; "example" what
// the reference and hints show.

// Config is a whole configuration, defaults filled in. It holds what env
// declares, which may be secret.
type Config struct {
	// Profile chooses the set of defaults: dev for work at a desk, prod for
	// hosts and containers.
	Profile Profile `json:"profile" enum:"dev|prod" example:"prod"`
	// Roots are the directories that imports are resolved in, behind those that
	// the interpreter of a service names. Left out, they are found from
	// pyproject.toml, setup.cfg, setup.py and the shape of the tree.
	Roots List `json:"roots" example:"[src]"`
	// Watch says how changes are noticed.
	Watch Watch `json:"watch" example:"{quiet: 50ms}"`
	// Services are the processes to run, by name.
	Services map[string]Service `json:"services" example:"{api: {run: uvicorn shop.api:app}}"`
	// Groups are supervisors, by name: they restart services together when one
	// of them crashes, and give up when that happens too often.
	Groups map[string]Group `json:"groups" example:"{backend: {strategy: rest_for_one, members: [api, worker]}}"`
	// Actions are commands to run and services to restart when a rule asks for
	// them, by name.
	Actions map[string]Action `json:"actions" example:"{install: {order: 10, run: pip install -r requirements.txt}}"`
	// Rules map changed files, and the Python files that import them, to
	// actions. The first rule that matches a file wins. Services need no rules:
	// they restart when a file that they import changes.
	Rules []Rule `json:"rules" example:"[{pattern: requirements.txt, actions: [install]}]"`
	// Fallback is what happens when a file matches no rule: none, all (every
	// action), or a list of actions.
	Fallback Fallback `json:"fallback" example:"[restart_api]"`
	// Classifier names a program that is asked which actions the files call for
	// that match no rule; fallback is for when it gives no answer. bounce up does
	// not ask about files that a service loads, and does not wait for the answer.
	Classifier Classifier `json:"classifier" example:"{run: [python3, classify.py], timeout: 10s}"`
	// StringImports takes dotted strings that name a module of the project for
	// imports, as Django settings need. Literal arguments of import functions
	// count in any case.
	StringImports bool `json:"string_imports" example:"false"`
	// PackageStrings takes a string that names a package of the project for an
	// import of it.
	PackageStrings bool `json:"package_strings" example:"false"`
	// Cosmetic says whether a service restarts when Python files change in
	// nothing but comments, blank lines and layout. Docstrings are code.
	Cosmetic string `json:"cosmetic" enum:"restart|skip" example:"skip"`
	// Deps says whether a service restarts when packages are installed, removed
	// or replaced that it may load: what its files import, its command runs and
	// its processes were observed to load, and whatever those need.
	Deps string `json:"deps" enum:"restart|ignore" example:"ignore"`
	// Typing says whether imports under if TYPE_CHECKING count.
	Typing string `json:"typing" enum:"skip|follow" example:"follow"`
	// Lazy says whether imports inside functions count.
	Lazy string `json:"lazy" enum:"follow|skip" example:"skip"`
	// MaxParallel limits how many services are restarted at the same time; 0 is
	// no limit.
	MaxParallel int `json:"max_parallel" min:"0" max:"1000" example:"1"`

	// File is the absolute path of the file this was read from; "" for none.
	File string `json:"-"`
	// Sum is the SHA-256 of what the file held; zero without one.
	Sum [sha256.Size]byte `json:"-"`
	// Dir is the project directory, absolute: relative paths start there.
	Dir string `json:"-"`
	// Warnings are findings that do not keep the configuration from working,
	// such as a budget that can never trip; sorted by position.
	Warnings []Error `json:"-"`

	at places
}

// Profile names a set of defaults.
type Profile string

const (
	Dev  Profile = "dev"
	Prod Profile = "prod"
)

// Watch is how changes are noticed.
type Watch struct {
	// Backend is the source of events. auto looks at the platform and the file
	// system and says what it chose.
	Backend watcher.Backend `json:"backend" enum:"auto|fsnotify|notify|poll" example:"poll"`
	// Quiet closes a batch of changes after this long without another.
	Quiet Duration `json:"quiet" min:"1ms" example:"20ms"`
	// Max closes a batch this long after its first change, however busy the
	// tree is.
	Max Duration `json:"max" min:"1ms" example:"1s"`
	// Absent is how much longer a file waits, once, that is gone, empty or
	// half-written when its batch closes.
	Absent Duration `json:"absent" min:"1ms" example:"400ms"`
	// PollInterval is the time between two looks where events are not to be
	// had.
	PollInterval Duration `json:"poll_interval" min:"10ms" example:"500ms"`
	// Audit is the time between two walks of the tree that catch what gives no
	// event (hard links, lower layers, network mounts); never switches it off.
	Audit Duration `json:"audit" min:"1s" never:"never" example:"60s"`
	// Ignore has more patterns of files to ignore, as in .gitignore.
	Ignore List `json:"ignore" example:"[\"*.log\", data/]"`
	// Include has patterns of files that are never ignored, as in .gitignore.
	Include List `json:"include" example:"[generated/*.py]"`
}

// Service is one process to run.
type Service struct {
	// Run is the command: words without a shell (quotes and backslashes work as
	// in one), a list of words, or {shell: "..."} for /bin/sh.
	Run Command `json:"run" required:"true" example:"uvicorn shop.api:app --port 8000"`
	// Entry names the modules, or the files relative to the project, that the
	// process starts from, such as shop.api or tools/run.py. Left out, it is
	// inferred from run.
	Entry List `json:"entry" example:"[shop.api]"`
	// Cwd is the directory the command runs in, relative to the project.
	Cwd string `json:"cwd" example:"backend"`
	// Env has environment variables, over those of env_file and of the agent.
	// PYTHONUNBUFFERED=1 is set unless something sets it, so that prints are
	// seen at once.
	Env map[string]string `json:"env" example:"{LOG: debug}"`
	// EnvFile names files of NAME=value lines, later ones over earlier ones. A
	// change of what they set restarts the service.
	EnvFile List `json:"env_file" example:".env"`
	// Watch has globs of more files that the service depends on, relative to
	// the project; ** crosses directories.
	Watch List `json:"watch" example:"[\"templates/**\"]"`
	// Reach says which files of the project, and which installed packages, count as
	// loaded by the service. union: those that its imports lead to, and those that
	// its processes were observed to load, which they are asked by a start-up hook in PYTHONPATH. static: the
	// first, and there is no hook. observed: the second alone, once processes
	// have told.
	Reach string `json:"reach" enum:"union|static|observed" example:"static"`
	// ObserveFiles has other files of the project count that the processes of the
	// service were observed to open for reading, such as templates.
	ObserveFiles bool `json:"observe_files" example:"true"`
	// Deps says the same for this service alone, in place of the deps of all.
	Deps string `json:"deps" enum:"restart|ignore" example:"ignore"`
	// Packages names installed packages that it loads besides what its files
	// import and what was observed, such as the driver of a database that has yet
	// to be used: distributions, or modules of theirs.
	Packages List `json:"packages" example:"[psycopg2]"`
	// DependsOn names services that must be ready before this one starts: a
	// list, or a mapping from names to the keys below.
	DependsOn DependsOn `json:"depends_on" example:"{db: {condition: ready}}"`
	// Ready says how a new process shows that it serves. Left out, it counts as
	// up, unverified, once it runs.
	Ready Ready `json:"ready" example:"{tcp: \"127.0.0.1:8000\"}"`
	// Live says how the process shows that it still serves. Left out, it does
	// as long as it runs.
	Live Live `json:"live" example:"{http: \"http://127.0.0.1:8000/healthz\", interval: 10s}"`
	// Heartbeat is how often the process must say WATCHDOG=1 on NOTIFY_SOCKET, as
	// services for systemd do (WatchdogSec), from when it is up. When it does
	// not, it is restarted as after a crash. 0s asks for none.
	Heartbeat Duration `json:"heartbeat" min:"0s" example:"5s"`
	// Units are parts of the service that live inside its process, such as a
	// poller, by name. Each reports for itself on NOTIFY_SOCKET: UNIT=name with
	// STATE=, STATUS= or WATCHDOG=1, lines of one message.
	Units map[string]Unit `json:"units" example:"{poller: {heartbeat: 5s}}"`
	// Stop says how the process is ended.
	Stop Stop `json:"stop" example:"{signal: INT, grace: 10s}"`
	// Restart says what happens when the process ends by itself: one of the
	// presets permanent, transient and temporary, or the keys below. Restarts
	// after a change are not limited by it.
	Restart Restart `json:"restart" example:"transient"`
	// Listen has addresses that bounce listens on for the service, and keeps
	// open while it restarts: connections wait in place of being refused. Texts
	// such as "127.0.0.1:8000" and "unix:run/api.sock", or the keys below. The
	// service finds the sockets as descriptors from 3 (LISTEN_FDS). An address
	// is one service's: "0.0.0.0:8000" and "127.0.0.1:8000" cannot both be held.
	// "0.0.0.0" is all of IPv4, "[::]" all of IPv6, and ":8000" is both.
	Listen Listening `json:"listen" example:"[\"127.0.0.1:8000\"]"`
	// Strategy says how a restart replaces a process that is ready. immediate
	// ends it first. rolling starts the new one beside it, ends the old one when
	// the new one is ready, and keeps the old one when the new one fails; it
	// needs ready, and listen where the process serves on a port.
	Strategy runner.Strategy `json:"strategy" enum:"immediate|rolling" example:"immediate"`
	// Overlap says whether a new process begins while the old one ends, where the
	// strategy is immediate and listen is given: new code answers as soon as it is
	// there, however long the old process takes to end. auto steps aside, and
	// says why, for a service with a terminal, that outlives bounce or whose hooks
	// count on their turn, and once a new process failed beside the old one and
	// did not by itself.
	Overlap string `json:"overlap" enum:"auto|off" example:"off"`
	// Warm says whether a Python service is started by a fork of a process that has
	// loaded its libraries, in place of an exec: the new code is the same, and the
	// libraries need no time. auto goes back to cold starts once one of these did
	// what a warm one did not; on does not. Where there can be no warm starts,
	// status --verbose says why.
	Warm runner.Warm `json:"warm" enum:"auto|on|off" example:"off"`
	// Settle is how long the new process of a rolling restart must stay ready,
	// and alive by live, before it takes over.
	Settle Duration `json:"settle" min:"0s" example:"5s"`
	// Drain is how long the old process of a rolling restart may take to answer
	// what it has, once everything new goes to the new one. When no connection
	// is left, or the time is over, it is told to end.
	Drain Duration `json:"drain" min:"0s" example:"10s"`
	// ReusePort says that the process opens its port with SO_REUSEPORT, so that
	// two of them may serve on it at once, in place of listen. Between the two
	// the system chooses, so requests may fail when one of them does.
	ReusePort bool `json:"reuse_port" example:"true"`
	// OnStats names a command that is told what the processes of the service use.
	OnStats OnStats `json:"on_stats" example:"{run: [python3, tools/record.py], interval: 30s}"`
	// Hooks are commands that are run when something becomes of the service, in
	// its directory and environment.
	Hooks Hooks `json:"hooks" example:"{after_ready: [sh, warm.sh]}"`
	// TTY gives the process a terminal of its own, for input too, at which bounce
	// attach and bounce up --tty sit: debuggers such as that of breakpoint() work,
	// and a program that looks for a terminal finds one. Left out, what it writes
	// goes through pipes, and there is nothing to read.
	TTY bool `json:"tty" example:"true"`
	// Output says where the lines that the process writes go, beside the
	// terminal.
	Output Output `json:"output" example:"{file: logs/api.log}"`
	// User is the user that the service runs as, by name or number; left out,
	// that of bounce itself. It has no supplementary groups then, can get no
	// privileges that it was not started with (no_new_privs), and finds the
	// user's HOME, USER and LOGNAME in its environment. Linux alone has this key
	// and those up to nice.
	User string `json:"user" example:"www-data"`
	// Group is the group that the service runs as, by name or number; left out,
	// that of user.
	Group string `json:"group" example:"www-data"`
	// Umask is the mask of the modes of files that the service makes, in octal.
	Umask string `json:"umask" example:"\"0027\""`
	// Limits bound what the process may use, by the names that systemd and
	// limits.conf have: a number, unlimited, or soft:hard. Numbers may end in K,
	// M, G or T.
	Limits map[string]Limit `json:"limits" example:"{nofile: 4096, core: 0, as: 2G}"`
	// Affinity are the CPUs that the service may run on, counted from 0.
	Affinity []int `json:"affinity" min:"0" max:"1023" example:"[0, 1]"`
	// Nice is the niceness of the service, from -20 to 19: the higher, the later
	// is it served when CPUs are busy.
	Nice int `json:"nice" min:"-20" max:"19" example:"5"`
	// OnAgentExit says what becomes of the service when the agent ends by TERM or
	// is killed. keep: it goes on, and the next bounce up takes it over, with the
	// same process if nothing that it loads has changed. stop: it ends with the
	// agent, or is ended by the next one. Ctrl-C stops all in any case. keep is
	// for Linux; elsewhere it is stop.
	OnAgentExit string `json:"on_agent_exit" enum:"stop|keep" example:"keep"`
	// Order ranks restarts, lowest first.
	Order int `json:"order" example:"100"`

	// Name is the key of the service.
	Name string `json:"-"`

	// port is the number that a Procfile's line adds to $PORT, plus one; 0 sets
	// no PORT.
	port int
}

// Dependency is what a service asks of one that it depends on.
type Dependency struct {
	// Condition says what the service waits for before it starts: started, the
	// process of the other runs; ready, it is ready, or unverified, or has ended
	// with success; completed, it has ended with success.
	Condition runner.Condition `json:"condition" enum:"started|ready|completed" example:"completed"`
	// OnFailure says what becomes of the service when the other crashes: leave
	// it alone; stop it, and start it when the other is back; restart it when the
	// other is back.
	OnFailure runner.Follow `json:"on_failure" enum:"leave|stop|restart" example:"stop"`
	// OnRestart says what becomes of the service when a change or a person
	// restarts the other: leave it alone, or restart it too, when the other is
	// back.
	OnRestart runner.Follow `json:"on_restart" enum:"leave|restart" example:"restart"`

	// Name is the service depended on.
	Name string `json:"-"`
}

// Unit is a part of a service that reports for itself. Whatever it reports is a
// sign of life.
type Unit struct {
	// Heartbeat is the longest time between two reports, from the first one; 0s
	// asks for none. In the state stopped, which a unit reports that is at rest,
	// none are asked for.
	Heartbeat Duration `json:"heartbeat" min:"0s" example:"5s"`
	// Start is how long the first report may take, from when the service is up;
	// 0s asks for none.
	Start Duration `json:"start" min:"0s" example:"30s"`
	// Deadlines have the longest stay in a state, by the name of the state. A
	// unit is in the state starting before it has reported one.
	Deadlines map[string]Duration `json:"deadlines" example:"{fetching: 60s}"`
	// OnStall says what happens when a deadline passes: the service is restarted
	// as after a crash; or its process is sent a signal, and restarted if the
	// unit does not go on.
	OnStall string `json:"on_stall" enum:"restart|signal HUP|signal USR1|signal USR2|signal WINCH|signal INT|signal QUIT|signal TERM|signal ABRT" example:"signal USR1"`
	// Answer is how long the unit may take to go on after a signal.
	Answer Duration `json:"answer" min:"1ms" example:"5s"`
}

// Group is a supervisor of services and of other groups. Only crashes are its
// business: a restart that a change or a person asks for is that of one service,
// and forgives the groups that it is in.
type Group struct {
	// Strategy says what is restarted with a member that crashes: nothing else,
	// the members after it, or all. In the last two, members start in their
	// order, each when those before it are up, and stop in reverse.
	Strategy runner.GroupStrategy `json:"strategy" enum:"one_for_one|rest_for_one|one_for_all" example:"rest_for_one"`
	// Members are services and groups. Each is in one group at most.
	Members List `json:"members" required:"true" example:"[api, worker]"`
	// Budget limits the restarts after crashes of all members together.
	Budget Budget `json:"budget" example:"{restarts: 10, window: 10m}"`
	// OnExhausted says what happens when the budget is used up: the members are
	// stopped until a change or a person asks (hold), for a cooldown, or with the
	// agent (exit); or the group that this one is in takes it for the crash of a
	// member (escalate). A group within another escalates unless it says
	// otherwise.
	OnExhausted runner.Exhausted `json:"on_exhausted" enum:"hold|cooldown|exit|escalate" example:"cooldown"`
	// Cooldown is how long on_exhausted: cooldown waits.
	Cooldown Duration `json:"cooldown" min:"1ms" example:"5m"`
	// MaxCooldowns limits cooldowns in a row; 0 is no limit. Those that are more
	// than a window apart are not.
	MaxCooldowns int `json:"max_cooldowns" min:"0" max:"1000000" example:"3"`
}

// Probe is a question to a running service. The process that answers must be
// one of the service's own.
type Probe struct {
	// TCP is an address that accepts connections.
	TCP string `json:"tcp" example:"127.0.0.1:8000"`
	// Unix is a socket that accepts connections, relative to the project.
	Unix string `json:"unix" example:"run/api.sock"`
	// HTTP is a URL that answers with a status below 400. No proxy is asked and
	// no redirect is followed.
	HTTP string `json:"http" example:"http://127.0.0.1:8000/healthz"`
	// Status are the status codes that http counts, in place of all below 400.
	Status []int `json:"status" min:"100" max:"599" example:"[200, 204]"`
	// Body is a regular expression that the answer to http must match.
	Body string `json:"body" example:"'\"status\": *\"ok\"'"`
	// Header has regular expressions that headers of the answer to http must
	// match, by name.
	Header map[string]string `json:"header" example:"{Content-Type: json}"`
	// Echo names a header in which the answer to http must have the value of
	// the environment variable BOUNCE_GENERATION, so that no other generation
	// can answer.
	Echo string `json:"echo" example:"X-Generation"`
	// Command is run in the directory and environment of the service, and
	// answers by ending with exit code 0.
	Command Command `json:"command" example:"[python, -m, shop.health]"`
}

// Ready is how a new process shows that it serves: one of the keys tcp, unix,
// http, command, file, pipe, log and notify, or the words none and notify alone.
type Ready struct {
	Probe
	// File is a file that the process makes or writes when it serves, relative
	// to the project, and no other service's. One from before its start does not
	// count.
	File string `json:"file" example:"run/api.ready"`
	// Pipe is a named pipe that the process writes to when it serves, relative to
	// the project. It is made anew for each start.
	Pipe string `json:"pipe" example:"run/api.pipe"`
	// Log is a regular expression that a line of its output matches.
	Log string `json:"log" example:"Application startup complete"`
	// Notify waits for READY=1 on NOTIFY_SOCKET, as services for systemd say it
	// (Type=notify). STATUS, RELOADING, MAINPID and EXTEND_TIMEOUT_USEC are
	// understood too.
	Notify bool `json:"notify" example:"true"`
	// Timeout is how long a start may take.
	Timeout Duration `json:"timeout" min:"1ms" example:"30s"`
	// Interval is the time between two probes.
	Interval Duration `json:"interval" min:"1ms" example:"50ms"`
}

// Live is how a process shows that it still serves: one of the keys tcp, unix,
// http and command.
type Live struct {
	Probe
	// Interval is the time between two probes.
	Interval Duration `json:"interval" min:"1ms" example:"10s"`
	// Timeout is how long an answer may take.
	Timeout Duration `json:"timeout" min:"1ms" example:"2s"`
	// Failures is how many probes in a row must fail for the process to be
	// restarted, as after a crash.
	Failures int `json:"failures" min:"1" max:"1000" example:"3"`
}

// Listen is a socket that a service is lent.
type Listen struct {
	// TCP is a host and port. Port 0 is one that the system chooses; "bounce
	// status --json" tells it.
	TCP string `json:"tcp" example:"127.0.0.1:8000"`
	// Unix is the path of a socket, relative to the project.
	Unix string `json:"unix" example:"run/api.sock"`
	// Mode is the mode of that path; left out, what the umask leaves.
	Mode string `json:"mode" example:"\"0660\""`
	// Name is the name of the socket in LISTEN_FDNAMES; left out, that of the
	// service.
	Name string `json:"name" example:"http"`
}

// Hooks are commands that go with the life of a service, written as run or as
// {run: ..., timeout: 5s}. They find in BOUNCE_HOOK, BOUNCE_SERVICE, BOUNCE_GENERATION, BOUNCE_CAUSE and
// BOUNCE_REASON what they are about.
type Hooks struct {
	// BeforeStart is run before a process is started, which waits for it. When
	// it fails, the start has failed, as after a crash.
	BeforeStart HookCommand `json:"before_start" example:"[python, -m, shop.wait_for_db]"`
	// AfterStart is run when the process runs.
	AfterStart HookCommand `json:"after_start" example:"logger started"`
	// AfterReady is run when it is ready, or runs where ready is not given.
	AfterReady HookCommand `json:"after_ready" example:"curl -s http://127.0.0.1:8000/warm"`
	// BeforeStop is run before the process is told to end, which waits for it; in
	// a rolling restart, when nothing new comes to it any more.
	BeforeStop HookCommand `json:"before_stop" example:"sh leave-the-balancer.sh"`
	// AfterStop is run when nothing is left of the process, whatever ended it.
	AfterStop HookCommand `json:"after_stop" example:"rm -rf run/cache"`
	// OnRestart is run when a process begins, or takes over, that is not the
	// first.
	OnRestart HookCommand `json:"on_restart" example:"logger restarted"`
	// OnFailure is run when a process or a start has failed.
	OnFailure HookCommand `json:"on_failure" example:"sh tell-somebody.sh"`
	// OnExhausted is run when the crash budget is used up.
	OnExhausted HookCommand `json:"on_exhausted" example:"sh wake-somebody.sh"`
	// Timeout ends each of them that has none of its own.
	Timeout Duration `json:"timeout" min:"1ms" example:"1m"`
}

// commands are the hooks that are given, by name, and the times of those that
// have their own.
func (h Hooks) commands() (all map[runner.Hook][]string, timeouts map[runner.Hook]time.Duration) {
	all = map[runner.Hook][]string{}
	for name, c := range map[runner.Hook]HookCommand{
		"before_start": h.BeforeStart, "after_start": h.AfterStart, "after_ready": h.AfterReady,
		"before_stop": h.BeforeStop, "after_stop": h.AfterStop,
		"on_restart": h.OnRestart, "on_failure": h.OnFailure, "on_exhausted": h.OnExhausted,
	} {
		argv := c.Run.Argv()
		if argv == nil {
			continue
		}
		all[name] = argv
		if c.Timeout > 0 {
			if timeouts == nil {
				timeouts = map[runner.Hook]time.Duration{}
			}
			timeouts[name] = time.Duration(c.Timeout)
		}
	}
	return all, timeouts
}

// Stop is how a process is ended.
type Stop struct {
	// Signal asks the process to end.
	Signal string `json:"signal" enum:"TERM|INT|QUIT|HUP|USR1|USR2|WINCH|ABRT|KILL" example:"INT"`
	// Grace is the time between the signal and KILL.
	Grace Duration `json:"grace" min:"0s" example:"10s"`
}

// Restart is what happens when a process ends by itself.
type Restart struct {
	// When says after which ends the service is started again.
	When runner.When `json:"when" enum:"always|on-failure|never" example:"always"`
	// Backoff is the wait before a restart.
	Backoff Backoff `json:"backoff" example:"{base: 1s, max: 60s}"`
	// Budget limits restarts after crashes.
	Budget Budget `json:"budget" example:"{restarts: 5, window: 5m}"`
	// StableAfter is how long a process must run for its crashes to be
	// forgiven.
	StableAfter Duration `json:"stable_after" min:"1ms" example:"60s"`
	// OnExhausted says what happens when the budget is used up: hold until a
	// change or a person asks, cooldown and try again, exit the agent, or
	// escalate: go on for as long as the group that the service is in pays for
	// it. A service of a group escalates unless it says otherwise.
	OnExhausted runner.Exhausted `json:"on_exhausted" enum:"hold|cooldown|exit|escalate" example:"cooldown"`
	// Cooldown is how long on_exhausted: cooldown waits.
	Cooldown Duration `json:"cooldown" min:"1ms" example:"5m"`
	// MaxCooldowns limits cooldowns in a row; 0 is no limit.
	MaxCooldowns int `json:"max_cooldowns" min:"0" max:"1000000" example:"3"`
	// HoldOn names Python errors that a retry cannot mend, and exit codes: the
	// service waits for a change that reaches it. A name covers Python's own
	// subclasses of it, as ImportError does ModuleNotFoundError.
	HoldOn List `json:"hold_on" example:"[SyntaxError, ImportError]"`
	// SkipRetryOn names errors and exit codes likewise that are not retried:
	// on_exhausted follows at once.
	SkipRetryOn List `json:"skip_retry_on" example:"[PermissionError, 75]"`
	// FatalOn names errors and exit codes likewise that end the agent and all of
	// its services, whatever else is said here.
	FatalOn List `json:"fatal_on" example:"[MemoryError]"`
	// FatalExitCodes are exit codes that do.
	FatalExitCodes []int `json:"fatal_exit_codes" min:"1" max:"255" example:"[70]"`
	// SuccessCodes are exit codes besides 0 that are not failures.
	SuccessCodes []int `json:"success_codes" min:"0" max:"255" example:"[3, 143]"`
}

// Backoff is the wait before a restart.
type Backoff struct {
	// Base is the wait before the first restart.
	Base Duration `json:"base" min:"0s" example:"1s"`
	// Factor multiplies the wait after each further crash.
	Factor float64 `json:"factor" min:"1" max:"100" example:"2"`
	// Max is the longest wait.
	Max Duration `json:"max" min:"0s" example:"60s"`
	// Jitter is the share of a wait that is left to chance: 0.2 waits between
	// 80 % and 120 % of it.
	Jitter float64 `json:"jitter" min:"0" max:"1" example:"0.2"`
}

// Budget limits restarts after crashes.
type Budget struct {
	// Restarts is how many are allowed within any window.
	Restarts int `json:"restarts" min:"0" max:"10000" example:"5"`
	// Window is the time that counts.
	Window Duration `json:"window" min:"1ms" example:"5m"`
}

// Action is something that rules ask for.
type Action struct {
	// Order ranks actions, lowest first; equal ones go by name.
	Order int `json:"order" example:"10"`
	// Run is a command, written as that of a service.
	Run Command `json:"run" example:"pip install -r requirements.txt"`
	// Restart names services to restart, after the command.
	Restart List `json:"restart" example:"[api]"`
	// Signal names services to send a signal, after the command, and the
	// signals. A signal that was asked for a file stands in for the restart
	// that the file would bring about: say so only of services that load
	// everything anew when they get it.
	Signal map[string]string `json:"signal" enum:"HUP|USR1|USR2|WINCH|INT|QUIT|TERM" example:"{api: HUP}"`
	// Timeout ends an attempt of the command.
	Timeout Duration `json:"timeout" min:"1ms" example:"5m"`
	// Retries is how many more attempts follow one that failed.
	Retries int `json:"retries" min:"0" max:"1000" example:"2"`
	// RetryWait is the time between two attempts.
	RetryWait Duration `json:"retry_wait" min:"0s" example:"10s"`
	// Cwd is the directory the command runs in, relative to the project.
	Cwd string `json:"cwd" example:"backend"`
	// Env has environment variables, over those of env_file and of the agent.
	Env map[string]string `json:"env" example:"{PIP_NO_INPUT: \"1\"}"`
	// EnvFile names files of NAME=value lines, later ones over earlier ones,
	// read each time the command is run.
	EnvFile List `json:"env_file" example:".env"`
}

// Classifier is a program that is asked which actions files call for.
type Classifier struct {
	// Run is the command, written as that of a service. It gets a question as
	// JSON on standard input and prints an answer as JSON; it runs in the
	// directory of the project.
	Run Command `json:"run" required:"true" example:"[python3, classify.py]"`
	// Timeout ends it, and its children.
	Timeout Duration `json:"timeout" min:"1ms" example:"10s"`
	// Env has environment variables, over those of the agent.
	Env map[string]string `json:"env" example:"{CLASSIFIER_MODEL: small}"`
}

// Rule names the actions of the files that match a pattern.
type Rule struct {
	// Pattern matches whole paths, relative to the project: * and ? stay within
	// a directory, ** crosses them, and every other character stands for
	// itself.
	Pattern string `json:"pattern" required:"true" example:"\"**/*.md\""`
	// Actions are the names of actions; an empty list says that nothing is to
	// be done.
	Actions List `json:"actions" example:"[pip_install, restart_api]"`
}
