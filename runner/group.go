package runner

import "time"

// GroupStrategy says what is restarted with a member of a group that has crashed.
// The words are those of supervisors in Erlang/OTP.
type GroupStrategy string

const (
	// OneForOne: nothing else.
	OneForOne GroupStrategy = "one_for_one"
	// RestForOne: the members after it.
	RestForOne GroupStrategy = "rest_for_one"
	// OneForAll: all other members.
	OneForAll GroupStrategy = "one_for_all"
)

// Group is a supervisor: it restarts members together, and gives up when they
// crash too often. Only crashes count. A restart that a change or an operator
// asked for is that of one member alone, and forgives the groups that it is in.
//
// A member that crashes is started again by its own policy, after its own
// backoff; the group pays for that, and restarts who belongs with it. In
// rest_for_one and one_for_all the order of Members counts: each is started when
// those before it are at their target, and they are stopped from the last to
// the first. The members of a one_for_one group have no order among themselves.
//
// A group that is a member crashes when its budget is used up: the group that
// it is in pays, and restarts it as a whole, with who belongs with it.
type Group struct {
	Name     string
	Strategy GroupStrategy
	// Members are services and groups. A service or group is in one group at
	// most.
	Members []string
	// Budget allows exactly so many crash restarts of its members within any
	// window.
	Budget Budget
	// OnExhausted says what follows when the budget is used up: the members
	// are stopped, for good, for Cooldown, or with the agent; or the failure
	// escalates to the group that this one is in. At the root
	// EscalateExhausted holds.
	OnExhausted Exhausted
	// Cooldown is how long CooldownExhausted waits; MaxCooldowns limits how
	// often in a row, 0: no limit. One that comes less than a window after the
	// end of the one before is in a row with it.
	Cooldown     time.Duration
	MaxCooldowns int
}
