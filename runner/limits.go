package runner

import "time"

// limit bounds the stay in a state: what ends it, and after how long.
type limit struct {
	// key is what says how long, in the words of the configuration.
	key string
	// span reads it; nil where the verdict on a crash has it.
	span func(Spec) time.Duration
	then event
}

// limits has the states in which a service does not stay for ever. Those that
// are not here last until something happens to it. The stay in Stopping is
// bounded too, by whoever ends the processes: stop.grace, then KILL, then
// killTime, after which what is left makes it Unclean.
var limits = map[State]limit{
	StateStarting:   {"ready.timeout", func(s Spec) time.Duration { return s.Ready.Timeout }, overdue},
	StateReady:      {"restart.stable_after", func(s Spec) time.Duration { return s.Restart.StableAfter }, stable},
	StateUnverified: {"restart.stable_after", func(s Spec) time.Duration { return s.Restart.StableAfter }, stable},
	StateDraining:   {"drain", func(s Spec) time.Duration { return s.Drain }, drained},
	StateBackoff:    {"restart.backoff", nil, elapsed},
	StateCooldown:   {"restart.cooldown", nil, elapsed},
	StateUnclean:    {"5s", func(Spec) time.Duration { return lookAgain }, elapsed},
}

// heirLimits are those of a successor.
var heirLimits = map[State]limit{
	StateStarting: limits[StateStarting],
	StateReady:    {"settle", func(s Spec) time.Duration { return s.Settle }, stable},
}
