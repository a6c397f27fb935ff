package control

import (
	"encoding/json"
	"time"
)

// AgentState is what the agent as a whole is doing.
type AgentState string

const (
	Starting AgentState = "starting" // the first scan is under way
	Running  AgentState = "running"
	Degraded AgentState = "degraded" // some of the tree is watched by a slower way
	Held     AgentState = "held"     // git or the operator holds changes back
	Stopping AgentState = "stopping"
)

// Status is what `bounce status --json` prints.
type Status struct {
	Agent    Agent     `json:"agent"`
	Services []Service `json:"services"`
	// Groups are the supervisors, outer ones before those in them.
	Groups []Group `json:"groups,omitempty"`
	// Actions are those that are owed: asked for by a change, and not done.
	Actions []Action `json:"actions,omitempty"`
}

// Agent describes the agent itself.
type Agent struct {
	PID     int        `json:"pid"`
	Version string     `json:"version"`
	Config  string     `json:"config"`  // the configuration file; "" when there is none
	Project string     `json:"project"` // the project directory
	Roots   []string   `json:"roots"`   // import roots, relative to the project
	State   AgentState `json:"state"`
	Watch   string     `json:"watch"` // which source of events, and why
	Hold    *Hold      `json:"hold"`
	Files   int        `json:"files"` // Python files in the import graph
	// Unread says why the configuration on disk is not what runs, "" when it is.
	Unread string `json:"config_unread,omitempty"`
	// Ownership is how the agent knows which processes belong to a service.
	Ownership Ownership `json:"ownership"`
}

// Ownership says what holds the processes of a service together.
type Ownership struct {
	// Layers are "cgroup", "subreaper" and "session", as far as they hold.
	Layers []string `json:"layers"`
	// Why says why "cgroup" does not.
	Why string `json:"why,omitempty"`
	// Memory is among whose processes kills for want of memory are counted:
	// "generation", "agent" or "system"; "" where nobody does.
	Memory string `json:"memory,omitempty"`
}

// Service is one service as the agent sees it now.
type Service struct {
	Name       string     `json:"name"`
	State      string     `json:"state"`
	Intent     string     `json:"intent"`
	Health     string     `json:"health"`
	PID        *int       `json:"pid"`
	Generation int        `json:"generation"`
	Started    *time.Time `json:"started"`
	UptimeS    float64    `json:"uptime_s"`
	Stale      bool       `json:"stale"`
	Restarts   Restarts   `json:"restarts"`
	Reason     string     `json:"reason"`
	// Says is what the service says of itself, by STATUS of sd_notify.
	Says string `json:"says,omitempty"`
	// Start says how its generation was started: "warm", or "cold: " and why;
	// left out where there is nothing to say.
	Start string `json:"start,omitempty"`
	// Listen are the addresses that the agent holds open for it.
	Listen []string `json:"listen,omitempty"`
	// Usage is what it uses, nil when nothing runs or the system cannot tell.
	Usage *Usage `json:"usage,omitempty"`
	// Next is the generation that was started beside it.
	Next *Next `json:"next,omitempty"`
	// Apart says why its generations do not overlap, where they could.
	Apart string `json:"apart,omitempty"`
	// Units are the parts that it declares, while it runs.
	Units []Unit `json:"units,omitempty"`
	// Observed is what is known of what its processes load.
	Observed *Observed `json:"observed,omitempty"`
	Hold     *Hold     `json:"hold"`
}

// Next is a generation that is to take the place of the one that serves.
type Next struct {
	Generation int    `json:"generation"`
	State      string `json:"state"` // starting, ready or stopping
	PID        *int   `json:"pid"`
}

// Usage is what the processes of a service use, all of its current generation.
type Usage struct {
	Time time.Time `json:"time"`
	Amounts
	// Max has the most of each that this generation was seen to use.
	Max Amounts `json:"max"`
}

// Amounts are of a whole process tree.
type Amounts struct {
	Processes int `json:"processes"`
	Threads   int `json:"threads"`
	FDs       int `json:"fds"`
	// RSS is resident memory in bytes; what processes share counts in each.
	RSS int64 `json:"rss_bytes"`
	// CPU is the share of one core, in percent.
	CPU float64 `json:"cpu_percent"`
}

// Unit is a part of a service that reports for itself.
type Unit struct {
	Name  string    `json:"name"`
	State string    `json:"state"` // what it reports, "starting" before it has
	Since time.Time `json:"since"` // when it came to its state
	Says  string    `json:"says,omitempty"`
	// Stalled says how it is overdue, "" when it is not.
	Stalled string `json:"stalled,omitempty"`
}

// Group is a supervisor of services and groups.
type Group struct {
	Name     string   `json:"name"`
	Strategy string   `json:"strategy"`
	Members  []string `json:"members"`
	Parent   string   `json:"parent"` // the group that it is in, "" for none
	// State is "running", "restarting", "degraded" (a member does not come up by
	// itself), "cooldown" or "exhausted".
	State string `json:"state"`
	// Restarts are those after crashes that count now, of Budget within WindowS
	// seconds.
	Restarts int     `json:"restarts"`
	Budget   int     `json:"budget"`
	WindowS  float64 `json:"window_s"`
	// Reason says why it has given up.
	Reason string `json:"reason"`
}

// Action is an action that is owed.
type Action struct {
	Name string `json:"name"`
	// State is "waiting" (for its turn), "running", "failed" or "held".
	State string `json:"state"`
	// Reason says what asked for it.
	Reason string `json:"reason"`
	// Hold is what it waits for when it has failed or is held.
	Hold *Hold `json:"hold"`
}

// AtTarget reports whether the service is where its intent wants it.
func (s Service) AtTarget() bool {
	switch s.State {
	case "ready", "unverified":
		return s.Intent == "up"
	case "stopped":
		// A service that ended as its policy allows (exit 0 under
		// on-failure) has nothing left to do.
		return true
	}
	return false
}

// Restarts counts the restarts of a service by what asked for them.
type Restarts struct {
	Change   int `json:"change"`
	Crash    int `json:"crash"`
	Operator int `json:"operator"`
}

// Hold is a reason to wait, and what ends it.
type Hold struct {
	Kind     string `json:"kind"`
	Service  string `json:"service,omitempty"`
	Action   string `json:"action,omitempty"`
	What     string `json:"what"`
	Path     string `json:"path,omitempty"`
	Line     int    `json:"line,omitempty"`
	EndsWhen string `json:"ends_when"`
}

// Event is one thing that happened: a line of `bounce events --json`.
type Event struct {
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	Kind       string    `json:"kind"`
	Service    string    `json:"service,omitempty"`
	Action     string    `json:"action,omitempty"`
	Group      string    `json:"group,omitempty"`
	Unit       string    `json:"unit,omitempty"`
	UnitState  string    `json:"unit_state,omitempty"`
	Generation int       `json:"generation,omitempty"`
	Cause      string    `json:"cause,omitempty"`
	PID        int       `json:"pid,omitempty"`
	ExitCode   *int      `json:"exit_code,omitempty"`
	Signal     string    `json:"signal,omitempty"`
	Attempt    int       `json:"attempt,omitempty"`
	WaitS      float64   `json:"wait_s,omitempty"`
	Text       string    `json:"text,omitempty"`
	Lines      []string  `json:"lines,omitempty"` // last output, with a failure
	// Batch and Count are set on "batch": its number and how many paths
	// changed; Paths are the first of them.
	Batch uint64   `json:"batch,omitempty"`
	Count int      `json:"count,omitempty"`
	Paths []string `json:"paths,omitempty"`
	// Packages are set on "installed": what changed in the environment that Text
	// names, and Cause says in words.
	Packages []Package `json:"packages,omitempty"`
	// Hold is set where a service waits for somebody: on "held", "exhausted"
	// and "cooldown".
	Hold *Hold `json:"hold,omitempty"`
	// Start is set on "would_start", of a dry run.
	Start *Launch `json:"start,omitempty"`
	// Plan is set on "plan": the decision with its reasons.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Missed is set on "gap": how many events the reader was too slow for.
	Missed uint64 `json:"missed,omitempty"`
}

// Package is an installed distribution that was installed, removed or replaced.
type Package struct {
	Name string `json:"name"`
	// Old and New are its versions, "" where it is not installed. They are the
	// same where it was built anew.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Launch is how a service would be started.
type Launch struct {
	Command []string `json:"command"`
	// Entries are the modules or files that the process starts from, none if
	// they are not known; Files is how many files can change what it does.
	Entries []string `json:"entries"`
	Files   int      `json:"files"`
	// After names the services that must be up before.
	After []string `json:"after"`
	// Ready says when it counts as up.
	Ready string `json:"ready"`
	// Unknown says, one line each, what could not be told.
	Unknown []string `json:"unknown"`
}

// Line is one line of output of a service or an action.
type Line struct {
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	Service    string    `json:"service,omitempty"`
	Action     string    `json:"action,omitempty"`
	Generation int       `json:"generation,omitempty"`
	// Stream is "stdout", "stderr", "terminal" of a service that has one for
	// both, or "bounce" for a word of its own.
	Stream string `json:"stream"`
	Text   string `json:"text"`
	// Split says that the line goes on in the next one: it is very long.
	Split bool `json:"split,omitempty"`
}

// LogQuery chooses lines of output. The zero value is about everybody's, and
// begins with none of the old ones.
type LogQuery struct {
	// Services are those of services and actions whose lines are wanted; none:
	// everybody's.
	Services []string
	// Tail is how many old lines to begin with, of those that are wanted; < 0:
	// all that are kept.
	Tail int
	// Follow goes on with new lines as they come.
	Follow bool
	// Since leaves out what was written before.
	Since time.Time
	// Grep is a regular expression that the text of a line matches.
	Grep string
	// Generation, when not 0, leaves out actions, and other generations of
	// services; < 0 counts back from the newest: -1 is the one before.
	Generation int
}

// Verb is something the agent is asked to do.
type Verb string

const (
	Start   Verb = "start"
	Stop    Verb = "stop"
	Restart Verb = "restart"
	Pause   Verb = "hold"
	Resume  Verb = "resume"
	Reload  Verb = "reload" // of all, whatever the names
)

// Request asks for a verb on services; no names means all of them.
type Request struct {
	Verb     Verb     `json:"verb"`
	Services []string `json:"services,omitempty"`
	// NoWait returns when the request is accepted, not when it is done.
	NoWait bool `json:"no_wait,omitempty"`
}

// Outcome is what became of a request or a sync.
type Outcome struct {
	Services []Service `json:"services"`
	Holds    []Hold    `json:"holds"`
}

// AtTarget reports whether nothing is held and every service is where it
// should be.
func (o Outcome) AtTarget() bool {
	for _, s := range o.Services {
		if !s.AtTarget() {
			return false
		}
	}
	return len(o.Holds) == 0
}

// Link is one import of a chain: From imports To on Line. Where Line is 0, From is
// what else leads to To, in words or by its name, such as "observed in
// generation 12".
type Link struct {
	From string `json:"from"`
	Line int    `json:"line"`
	To   string `json:"to"`
}

// Observed is what is known of what the processes of a service load.
type Observed struct {
	// Unobserved says why they are not asked, or cannot tell; "" if they are.
	Unobserved string `json:"unobserved,omitempty"`
	// Pythons are the versions of those of the generation that tell; none: nobody
	// has told anything yet. Incomplete says that one could not tell all.
	Pythons    []string `json:"pythons"`
	Incomplete bool     `json:"incomplete,omitempty"`
	// Unheard are Pythons that the generation has started and that tell nothing.
	Unheard []Unheard `json:"unheard,omitempty"`
	// Files is how many files of the project the last generations have loaded,
	// Unforeseen how many of these no import leads to, and Idle to how many
	// others imports lead that no generation has loaded.
	Files      int `json:"files"`
	Unforeseen int `json:"unforeseen"`
	Idle       int `json:"idle"`
	// Packages is how many of the distributions that are installed the last
	// generations have loaded, and Unnamed are those of them to which no import,
	// command or setting leads.
	Packages int       `json:"packages"`
	Unnamed  []Sighted `json:"unnamed,omitempty"`
	// Unwatched are the modules that were loaded and that watch.ignore leaves out:
	// no edit of them restarts the service.
	Unwatched []string `json:"unwatched,omitempty"`
	// Stale are the files that the generation has executed as they are no more.
	Stale []Executed `json:"stale"`
}

// Sighted is an installed distribution that was observed, and the newest
// generation that is known to have loaded it.
type Sighted struct {
	Name       string `json:"name"`
	Generation int    `json:"generation"`
}

// Executed is a file that was executed, with the SHA-256 of what it held then,
// and of what the tree has; "" where there is no such file now.
type Executed struct {
	Path     string `json:"path"`
	Executed string `json:"executed"`
	Tree     string `json:"tree"`
}

// Unheard is a Python, or a script for one, that a service has started and that
// does not tell what it loads, and why in words.
type Unheard struct {
	Program string `json:"program"`
	Why     string `json:"why"`
}

// Reached is a service that a path reaches, with the chain of imports from the
// service's entry to the path; the chain is empty when the path is the entry.
type Reached struct {
	Name  string `json:"name"`
	Chain []Link `json:"chain"`
	// Via names what reaches the path when it is not an import: "watch
	// templates/**", "watch .env".
	Via string `json:"via,omitempty"`
	// Chains are all of them, shortest first, where they were asked for; More
	// says that there are others beyond the limit, or may be: the search for
	// them is bounded.
	Chains [][]Link `json:"chains,omitempty"`
	More   bool     `json:"more,omitempty"`
}

// MaxChains is the largest limit that may be asked for.
const MaxChains = 1000

// Why answers `bounce why`.
type Why struct {
	Path     string    `json:"path"`
	Services []Reached `json:"services"`
	// Unreached names the services that were asked for and are not reached.
	Unreached []string `json:"unreached"`
	// Actions are those that rules ask for when the path changes.
	Actions []Asked `json:"actions,omitempty"`
}

// Asked is an action that a rule asks for.
type Asked struct {
	Name string `json:"name"`
	// Chain leads from the file that matches the rule to the path; it is empty
	// when that is the path itself.
	Chain []Link `json:"chain"`
	// Rule is the pattern, RuleLine its line in the configuration.
	Rule     string `json:"rule"`
	RuleLine int    `json:"rule_line,omitempty"`
	// Runs says that the action runs a command; then it restarts and signals
	// services.
	Runs    bool              `json:"runs,omitempty"`
	Restart []string          `json:"restart,omitempty"`
	Signal  map[string]string `json:"signal,omitempty"`
}

// Affected answers `bounce affected`.
type Affected struct {
	Changed  []string       `json:"changed"`
	Affected []AffectedFile `json:"affected"`
	Services []Reached      `json:"services"`
	Actions  []Asked        `json:"actions,omitempty"`
}

// AffectedFile is a file that loads a changed one, and how.
type AffectedFile struct {
	Path  string `json:"path"`
	Chain []Link `json:"chain"`
}
