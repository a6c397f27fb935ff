package warm

// Mode says when a service is started by fork.
type Mode string

const (
	// Off: never.
	Off Mode = "off"
	// Auto: once a warm start was tried, and behaved as a cold one had.
	Auto Mode = "auto"
	// On: whenever there can be a parent, whatever became of earlier ones.
	On Mode = "on"
)

// Trial is what is known of the warm starts of a service from one parent's key
// on. The zero value knows nothing.
type Trial struct {
	State State
	// Why is the reason of Suspect and Barred.
	Why string
}

// State is how far warm starts of a service are trusted.
type State string

const (
	// Untried: no cold generation was up yet.
	Untried State = ""
	// Ready: a cold generation was, and the next start may be the first warm one.
	Ready State = "ready"
	// Alike: a warm generation was up, as a cold one had been.
	Alike State = "alike"
	// Suspect: a warm generation ended before it was up. The next start is cold,
	// and shows whether the cause was that it was warm.
	Suspect State = "suspect"
	// Barred: warm starts do not behave as cold ones do.
	Barred State = "barred"
)

// Outcome is how a start went.
type Outcome string

const (
	// ColdUp and WarmUp: the generation has shown that it serves, or has none to
	// show it to.
	ColdUp, WarmUp Outcome = "cold up", "warm up"
	// ColdDown and WarmDown: it has ended by itself before that.
	ColdDown, WarmDown Outcome = "cold down", "warm down"
	// WarmUnlike: it is up, and has not loaded what a cold one with the same files
	// had.
	WarmUnlike Outcome = "warm unlike"
	// Rekeyed: the interpreter, the installed packages, the command or its
	// environment are others now.
	Rekeyed Outcome = "rekeyed"
)

// trials is the table: state and outcome to state. What it omits changes
// nothing.
var trials = map[State]map[Outcome]State{
	Untried: {ColdUp: Ready, WarmUp: Alike, WarmDown: Suspect, WarmUnlike: Barred},
	Ready:   {WarmUp: Alike, WarmDown: Suspect, WarmUnlike: Barred, Rekeyed: Untried},
	Alike:   {WarmDown: Suspect, WarmUnlike: Barred, Rekeyed: Untried},
	// Where the cold one ends before it is up as well, it was the code. Starts are
	// cold then until one is up: what fails in any way is not tried in two.
	Suspect: {ColdUp: Barred, ColdDown: Untried, WarmUp: Alike, Rekeyed: Untried},
	Barred:  {Rekeyed: Untried},
}

// Next returns the trial after an outcome; why says what it was.
func (t Trial) Next(o Outcome, why string) Trial {
	next, ok := trials[t.State][o]
	if !ok || next == t.State {
		return t
	}
	switch {
	case next == Barred && t.State == Suspect:
		why = t.Why // that of the warm one
	case next != Suspect && next != Barred:
		why = ""
	}
	return Trial{next, why}
}

// Cold returns why the next start is cold; "" when it may be warm.
func (t Trial) Cold(m Mode) string {
	switch {
	case m != Auto && m != On:
		return "warm starts are off"
	case t.State == Untried:
		return "no cold start was up yet"
	case m == On:
		return ""
	case t.State == Suspect:
		return "the last warm start ended before it was up: " + t.Why
	case t.State == Barred:
		return "a warm start did not do what a cold one did: " + t.Why
	}
	return ""
}
