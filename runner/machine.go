package runner

// The life of a service is the table below: a state and an event give the next
// state and one effect. What the table omits is ignored on purpose: a timer of
// another life, a second wish for what is already wanted. Everything that has
// a clock, a process or a goroutine is in service.go, which does what the
// table says. Exits are not judged here either: policy.go turns one into the
// event Crashed, Spent, Cooled, Doomed or Done.
//
// A rolling restart starts the next generation, the successor, beside the one
// that serves, and one that overlaps does so beside the one that is ended. Its
// life is a second, smaller table, in the same words: were it part of the first, each of its states would be there once for every state
// that the one before it may be in. The two meet in four events, two each way:
// the first table has what a successor brings about (succeeded, bereft) and how
// it takes over (proved, inherited). The code is in succession.go.

// State is where a service is in its life.
type State string

const (
	// StateStopped: no process, and none is to come. It was stopped, has ended
	// with success, or was never started.
	StateStopped State = "stopped"
	// StateWaiting: to be started when what it depends on is at its target.
	StateWaiting State = "waiting"
	// StateStarting: its process is being made or has not yet shown that it serves.
	StateStarting State = "starting"
	// StateReady: the readiness probe has passed.
	StateReady State = "ready"
	// StateUnverified: it runs and has no readiness probe.
	StateUnverified State = "unverified"
	// StateDraining: it still serves what it has, and its successor, which is
	// ready, gets what comes.
	StateDraining State = "draining"
	// StateStopping: it was told to end, or has ended, and what it left behind is
	// being ended.
	StateStopping State = "stopping"
	// StateBackoff: it crashed and is started again after a wait.
	StateBackoff State = "backoff"
	// StateCooldown: its crash budget is used up; it is tried again after a long
	// wait.
	StateCooldown State = "cooldown"
	// StateHeld: it failed in a way that a retry cannot mend; a change that
	// reaches it or an operator starts it.
	StateHeld State = "held"
	// StateExhausted: its crash budget is used up; a change that reaches it or an
	// operator starts it.
	StateExhausted State = "exhausted"
	// StateUnclean: processes of its last generation cannot be ended, so no other
	// may start.
	StateUnclean State = "unclean"
)

// States lists every state in the order of a life.
func States() []State {
	return []State{
		StateStopped, StateWaiting, StateStarting, StateReady, StateUnverified, StateDraining, StateStopping,
		StateBackoff, StateCooldown, StateHeld, StateExhausted, StateUnclean,
	}
}

// moving reports whether the state passes by itself in the near future.
func (s State) moving() bool {
	return s == StateWaiting || s == StateStarting || s == StateDraining || s == StateStopping
}

// rests reports whether nothing but a wish or a failure ends the state.
func (s State) rests() bool {
	return !s.moving() && s != StateBackoff && s != StateCooldown && s != StateUnclean
}

// live reports whether a process that is meant to stay may be there.
func (s State) live() bool {
	return s == StateStarting || s == StateReady || s == StateUnverified || s == StateDraining
}

// event is what happens to a service.
type event string

const (
	// Wishes, from plans and operators.
	wanted   event = "wanted"   // a new generation, in place of one that runs
	called   event = "called"   // a generation, if none runs or is to come
	rolled   event = "rolled"   // a new generation, beside one that is ready
	lapped   event = "lapped"   // a new generation, while the one that runs is ended
	recalled event = "recalled" // no other generation than the one that runs
	released event = "released" // the reason to hold it back is gone
	down     event = "down"     // no generation
	// condemned is the word of a group that has given up; spent or cooled follows.
	condemned event = "condemned" // no generation, though one is meant to be
	// What the conductor says.
	cleared event = "cleared" // all that it waits for is there
	// What becomes of a start.
	prepared event = "prepared" // what comes before it is done
	launched event = "launched" // the command runs
	refused  event = "refused"  // it cannot run, and a retry cannot mend it
	proved   event = "proved"   // the readiness probe has passed
	unprobed event = "unprobed" // there is no readiness probe
	overdue  event = "overdue"  // not ready in time
	stable   event = "stable"   // it has run long enough to be forgiven
	ailing   event = "ailing"   // it runs, and does not serve any more
	exited   event = "exited"   // the command has ended
	// What becomes of a successor.
	succeeded event = "succeeded" // it has proved itself: the one that serves may go
	bereft    event = "bereft"    // it has failed after that: the one that serves stays
	drained   event = "drained"   // the one that served has nothing left to do
	inherited event = "inherited" // it is the only one, and has yet to prove itself
	// What an earlier runner has left, see ward.go.
	found event = "found" // a generation that runs, or has ended meanwhile
	// What follows when nothing of the generation is left.
	emptied event = "emptied" // stopped as wished
	renewed event = "renewed" // another generation is wanted
	done    event = "done"    // it ended with success
	crashed event = "crashed" // it failed and may be retried after a wait
	cooled  event = "cooled"  // it failed, the budget is used up: a long wait
	spent   event = "spent"   // it failed, the budget is used up
	doomed  event = "doomed"  // it failed, and a retry cannot mend it
	stuck   event = "stuck"   // something of the generation cannot be ended
	// elapsed is the end of a state's own wait.
	elapsed event = "elapsed"
)

func events() []event {
	return []event{
		wanted, called, rolled, lapped, recalled, released, down, condemned, cleared,
		prepared, launched, refused, proved, unprobed, overdue, stable, ailing, exited,
		succeeded, bereft, drained, inherited, found,
		emptied, renewed, done, crashed, cooled, spent, doomed, stuck, elapsed,
	}
}

// effect is what the owner does on a transition.
type effect string

const (
	nothing effect = ""
	precede effect = "prepare"  // do what comes before the command
	launch  effect = "launch"   // start the command
	probe   effect = "probe"    // watch for readiness, and for its timeout
	guard   effect = "guard"    // wait for stability, and watch that it stays alive
	forgive effect = "forgive"  // forget its crashes
	end     effect = "end"      // end every process of the generation
	delay   effect = "delay"    // wait out the backoff or the cooldown
	look    effect = "look"     // try again to end what is left, a little later
	refresh effect = "remember" // note what is wanted; another event acts on it
	// Of two generations at once.
	relay   effect = "relay"   // end it, and start a successor meanwhile
	summon  effect = "summon"  // start a successor, in place of one that is on its way
	dismiss effect = "dismiss" // end the successor
	drain   effect = "drain"   // lead what comes to the successor, wait until nothing is left
	succeed effect = "succeed" // tell the one that serves
	bury    effect = "bury"    // see what follows from its end
)

// cell is one entry of the table.
type cell struct {
	to State
	do effect
}

// table is the life of a service.
var table = map[State]map[event]cell{
	StateStopped: {
		wanted: {StateWaiting, nothing},
		called: {StateWaiting, nothing},
		found:  {StateStarting, nothing},
	},
	StateWaiting: {
		wanted:  {StateWaiting, refresh},
		cleared: {StateStarting, precede},
		down:    {StateStopped, nothing},
		cooled:  {StateCooldown, delay},
		spent:   {StateExhausted, nothing},
	},
	StateStarting: {
		prepared:  {StateStarting, launch},
		launched:  {StateStarting, probe},
		proved:    {StateReady, guard},
		unprobed:  {StateUnverified, guard},
		overdue:   {StateStopping, end},
		exited:    {StateStopping, end},
		wanted:    {StateStopping, end},
		lapped:    {StateStopping, relay},
		down:      {StateStopping, end},
		condemned: {StateStopping, end},
		// No process came to be.
		refused: {StateHeld, nothing},
		crashed: {StateBackoff, delay},
		cooled:  {StateCooldown, delay},
		spent:   {StateExhausted, nothing},
		doomed:  {StateHeld, nothing},
		emptied: {StateStopped, nothing},
	},
	StateReady: {
		stable:    {StateReady, forgive},
		ailing:    {StateStopping, end},
		exited:    {StateStopping, end},
		wanted:    {StateStopping, end},
		lapped:    {StateStopping, relay},
		down:      {StateStopping, end},
		rolled:    {StateReady, summon},
		recalled:  {StateReady, dismiss},
		succeeded: {StateDraining, drain},
		condemned: {StateStopping, end},
	},
	StateUnverified: {
		stable:    {StateUnverified, forgive},
		ailing:    {StateStopping, end},
		exited:    {StateStopping, end},
		wanted:    {StateStopping, end},
		lapped:    {StateStopping, relay},
		down:      {StateStopping, end},
		condemned: {StateStopping, end},
	},
	StateDraining: {
		wanted:    {StateDraining, refresh},
		drained:   {StateStopping, end},
		exited:    {StateStopping, end},
		down:      {StateStopping, end},
		bereft:    {StateReady, guard},
		condemned: {StateStopping, end},
	},
	StateStopping: {
		wanted:  {StateStopping, refresh},
		called:  {StateStopping, refresh},
		down:    {StateStopping, refresh},
		emptied: {StateStopped, nothing},
		renewed: {StateWaiting, nothing},
		done:    {StateStopped, nothing},
		crashed: {StateBackoff, delay},
		cooled:  {StateCooldown, delay},
		spent:   {StateExhausted, nothing},
		doomed:  {StateHeld, nothing},
		stuck:   {StateUnclean, look},
		// A successor takes over.
		proved:    {StateReady, guard},
		unprobed:  {StateUnverified, guard},
		inherited: {StateStarting, nothing},
		condemned: {StateStopping, refresh},
	},
	StateBackoff: {
		elapsed: {StateWaiting, nothing},
		wanted:  {StateWaiting, nothing},
		called:  {StateWaiting, nothing},
		doomed:  {StateHeld, nothing},
		down:    {StateStopped, nothing},
		cooled:  {StateCooldown, delay},
		spent:   {StateExhausted, nothing},
	},
	StateCooldown: {
		elapsed: {StateWaiting, nothing},
		wanted:  {StateWaiting, nothing},
		called:  {StateWaiting, nothing},
		doomed:  {StateHeld, nothing},
		down:    {StateStopped, nothing},
		spent:   {StateExhausted, nothing},
	},
	StateHeld: {
		wanted:   {StateWaiting, nothing},
		called:   {StateWaiting, nothing},
		released: {StateWaiting, nothing},
		down:     {StateStopped, nothing},
	},
	StateExhausted: {
		wanted: {StateWaiting, nothing},
		called: {StateWaiting, nothing},
		down:   {StateStopped, nothing},
	},
	StateUnclean: {
		wanted:  {StateUnclean, refresh},
		called:  {StateUnclean, refresh},
		down:    {StateUnclean, refresh},
		elapsed: {StateUnclean, end},
		stuck:   {StateUnclean, look},
		emptied: {StateStopped, nothing},
		renewed: {StateWaiting, nothing},
		done:    {StateStopped, nothing},
		crashed: {StateBackoff, delay},
		cooled:  {StateCooldown, delay},
		spent:   {StateExhausted, nothing},
		doomed:  {StateHeld, nothing},

		proved:    {StateReady, guard},
		unprobed:  {StateUnverified, guard},
		inherited: {StateStarting, nothing},
		condemned: {StateUnclean, refresh},
	},
}

// succession is the life of a successor, until it takes over or nothing of it
// is left. It begins and ends in Stopped; Ready means that it could take over.
// One that is beside a generation which is ended does so when that one is gone.
var succession = map[State]map[event]cell{
	StateStopped: {
		rolled: {StateStarting, precede},
	},
	StateStarting: {
		prepared: {StateStarting, launch},
		launched: {StateStarting, probe},
		proved:   {StateReady, guard},
		unprobed: {StateUnverified, guard},
		overdue:  {StateStopping, end},
		exited:   {StateStopping, end},
		// It is not to be, or another one is.
		rolled:   {StateStopping, end},
		recalled: {StateStopping, end},
		down:     {StateStopping, end},
		// No process came to be.
		refused: {StateStopped, bury},
	},
	StateReady: {
		stable:   {StateReady, succeed},
		ailing:   {StateStopping, end},
		exited:   {StateStopping, end},
		rolled:   {StateStopping, end},
		recalled: {StateStopping, end},
		down:     {StateStopping, end},
	},
	// Of one that is not probed, beside a generation that is ended.
	StateUnverified: {
		ailing:   {StateStopping, end},
		exited:   {StateStopping, end},
		rolled:   {StateStopping, end},
		recalled: {StateStopping, end},
		down:     {StateStopping, end},
	},
	StateStopping: {
		rolled:   {StateStopping, refresh},
		recalled: {StateStopping, refresh},
		down:     {StateStopping, refresh},
		emptied:  {StateStopped, bury},
		stuck:    {StateStopping, look},
		elapsed:  {StateStopping, end},
	},
}

// next looks up the table; false: the event means nothing in this state.
func next(s State, e event) (cell, bool) {
	c, ok := table[s][e]
	return c, ok
}
