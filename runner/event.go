package runner

import (
	"fmt"
	"time"

	"bounce/decider"
)

// Kind says what an [Event] is about.
type Kind string

const (
	// A transition to the state of that name; Starting begins a generation.
	KindWaiting    Kind = "waiting"
	KindStarting   Kind = "starting"
	KindReady      Kind = "ready"
	KindUnverified Kind = "unverified"
	KindDraining   Kind = "draining"
	KindStopping   Kind = "stopping"
	KindStopped    Kind = "stopped"
	KindBackoff    Kind = "backoff"
	KindCooldown   Kind = "cooldown"
	KindHeld       Kind = "held"
	KindExhausted  Kind = "exhausted"
	KindUnclean    Kind = "unclean"

	// KindRolling: a generation begins beside the one that serves; the event is
	// of the new one, as are its KindStarted and what follows. When it takes
	// over, the service comes to KindReady with its number. KindRolledBack: it
	// has failed, and the one that serves stays; KindAbandoned: another one is
	// wanted in its place, or none.
	KindRolling    Kind = "rolling"
	KindRolledBack Kind = "rolled_back"
	KindAbandoned  Kind = "abandoned"

	// KindOverlapping: a generation begins while the one before it is ended; the
	// event is of the new one. KindServing: it serves, and the other one is still
	// there; the service comes to KindReady, or KindUnverified, when that is gone.
	// KindAlone: it has failed, and is tried again by itself, since the other one
	// may have been in its way, or by a cold start, since it was the first warm
	// one. KindApart: the other one was in its way, and generations of the service
	// will not overlap any more.
	KindOverlapping Kind = "overlapping"
	KindServing     Kind = "serving"
	KindAlone       Kind = "alone"
	KindApart       Kind = "apart"

	// KindWarmable: there is a parent, the process PID, and the next start can be
	// warm. KindUnwarmable: there is none any more, or cannot be one; What says why.
	KindWarmable   Kind = "warmable"
	KindUnwarmable Kind = "unwarmable"

	// KindHookDone and KindHookFailed: a hook has run; What begins with its name.
	KindHookDone   Kind = "hook_done"
	KindHookFailed Kind = "hook_failed"

	// KindAdopted: a generation of an earlier runner goes on; what it was is
	// found out from KindStarting on.
	KindAdopted Kind = "adopted"

	// KindUnkept: not everything that an earlier runner may have left could be
	// looked for.
	KindUnkept Kind = "unkept"

	// KindWarning: What says what people should know of; the service goes on.
	KindWarning Kind = "warning"

	// KindStarted: the command runs, that is execve has returned; Time is
	// taken right then. Of a service with Spec.Warm, What says whether the start
	// was warm, and why not.
	KindStarted Kind = "started"
	// KindExited: the command has ended with success or because it was told
	// to; KindCrashed: it has failed. Exit says how.
	KindExited  Kind = "exited"
	KindCrashed Kind = "crashed"
	// KindSignalled: its command was sent the signal that Signal names.
	KindSignalled Kind = "signalled"
	// KindReloading and KindReloaded: it has said so by sd_notify.
	KindReloading Kind = "reloading"
	KindReloaded  Kind = "reloaded"
	// KindEscaped: the process PID has left the control group of its generation,
	// and was found all the same when that was ended.
	KindEscaped Kind = "escaped"
	// KindUnit: a unit of it has come to another state, UnitState. Of several
	// within a second the first is told of; Count has how many others came before.
	KindUnit Kind = "unit"
	// KindStalled: a unit of it is overdue; Signal names what the process is sent
	// for that, or else it is restarted. KindMended: the unit goes on.
	// KindUndeclared: a unit has reported that the service does not declare.
	KindStalled    Kind = "stalled"
	KindMended     Kind = "mended"
	KindUndeclared Kind = "undeclared"
	// KindForgiven: it was stable for long enough; earlier crashes no longer
	// count.
	KindForgiven Kind = "forgiven"
	// KindDropped: lines were not handed to Options.Output since it did not
	// keep up; Count says how many.
	KindDropped Kind = "dropped"

	// KindGroupRestarting: a member of a group has crashed, and others restart
	// with it. KindGroupExhausted: it has used up its budget; its members are
	// stopped.
	KindGroupRestarting Kind = "group_restarting"
	KindGroupExhausted  Kind = "group_exhausted"

	KindActionStarted Kind = "action_started"
	KindActionDone    Kind = "action_done"
	KindActionFailed  Kind = "action_failed"
	// KindActionRetry: an attempt has failed, and another one follows.
	KindActionRetry Kind = "action_retry"
	// KindActionMoot: nothing asked for it any more when its turn came.
	KindActionMoot Kind = "action_moot"
)

// Cause says who wanted a generation.
type Cause string

const (
	CauseChange   Cause = "change"   // a plan, for something that changed
	CauseOperator Cause = "operator" // a verb
	CauseCrash    Cause = "crash"    // the restart policy
	CauseExit     Cause = "exit"     // the restart policy, after an exit with success

	CauseGroup      Cause = "group"      // the group that it is in, since another member crashed
	CauseDependency Cause = "dependency" // its on_failure, since what it depends on crashed
)

// asked reports whether somebody wanted the generation for its own sake, rather
// than since something failed.
func (c Cause) asked() bool { return c == CauseChange || c == CauseOperator }

// Event is something that happened to a service, an action or a group. Fields that do
// not apply are zero.
type Event struct {
	Kind Kind `json:"kind"`
	// Time is when it happened.
	Time time.Time `json:"time"`
	// Service, Action or Group is what it happened to.
	Service    string `json:"service,omitempty"`
	Action     string `json:"action,omitempty"`
	Group      string `json:"group,omitempty"`
	Generation int    `json:"generation,omitempty"`
	// State is the state of the service after the event.
	State State `json:"state,omitempty"`
	// Cause and Reasons say why the generation is there or is wanted.
	Cause   Cause            `json:"cause,omitempty"`
	Reasons []decider.Reason `json:"reasons,omitempty"`
	// What says it in words: "exit code 1: ValueError: no".
	What string `json:"what,omitempty"`
	PID  int    `json:"pid,omitempty"`
	// Unit is the part of the service that it is about.
	Unit string `json:"unit,omitempty"`
	// UnitState is the state that the unit has come to.
	UnitState string `json:"unit_state,omitempty"`
	// Signal is a name without SIG.
	Signal string `json:"signal,omitempty"`
	Exit   *Exit  `json:"exit,omitempty"`
	// Attempt is the number of a crash restart in a row, or of the attempt of
	// an action that failed, Wait the time until the next one.
	Attempt int           `json:"attempt,omitempty"`
	Wait    time.Duration `json:"wait,omitempty"`
	// Count is a number of lines, or of changes.
	Count int `json:"count,omitempty"`
	// Fatal says that the restart policy wants the agent to end.
	Fatal bool `json:"fatal,omitempty"`
	// Hold is what a held service waits for.
	Hold *decider.Hold `json:"hold,omitempty"`
	// Tail has the last lines of output, with a failure.
	Tail []string `json:"tail,omitempty"`
}

// Exit is how a command ended.
type Exit struct {
	// Code is the exit code; -1 when a signal ended it.
	Code int `json:"code"`
	// Signal is the name of the signal that ended it, such as "SIGKILL".
	Signal string `json:"signal,omitempty"`
	// OOM says that the kernel has killed it for want of memory.
	OOM bool `json:"oom,omitempty"`
}

func (e Exit) String() string {
	if e.OOM {
		return "ended by " + e.Signal + ": out of memory"
	}
	if e.Signal != "" {
		return "ended by " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}
