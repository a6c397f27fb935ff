package runner

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// account is what a service owes for its crashes. The clock and the random
// number come as arguments: the same history gives the same verdicts.
type account struct {
	// paid has the times of the crash restarts within the window.
	paid []time.Time
	// streak counts crash restarts since the last forgiveness; cooldowns
	// counts cooldowns likewise.
	streak, cooldowns int
}

// failure is an end that nobody asked for.
type failure struct {
	// ok says that the exit counts as success.
	ok bool
	// signalled says that no exception ended it: what it printed of one is
	// an older story.
	signalled bool
	// taken says that a stranger holds the port it needs.
	taken bool
	// class is the exception that ended a Python program, "" if unknown.
	class string
	// served says that it had shown that it serves: a retry may mend what
	// exception has ended it, or show that it cannot.
	served bool
	// code is the exit code, 0 where there is none: a signal has ended it, or
	// the agent.
	code int
}

// verdict is what follows a failure.
type verdict struct {
	event   event         // done, crashed, cooled, spent or doomed
	wait    time.Duration // before the next start, for crashed and cooled
	attempt int           // which restart in a row it is, for crashed
	fatal   bool          // the agent should end too, for spent
	why     string
}

// judge decides what follows a failure at now, and books it. random is in
// [0,1).
func (a *account) judge(p Restart, f failure, now time.Time, random float64) verdict {
	if f.ok && p.When != Always {
		return verdict{event: done}
	}
	if what := f.in(p.FatalOn); what != "" {
		return verdict{event: spent, fatal: true, why: what + " ends the agent (fatal_on)"}
	}
	if !f.ok && f.code != 0 && slices.Contains(p.FatalExitCodes, f.code) {
		return verdict{event: spent, fatal: true, why: fmt.Sprintf("exit code %d ends the agent (fatal_exit_codes)", f.code)}
	}
	if p.When == Never {
		return verdict{event: doomed, why: "restart is never"}
	}
	if what := f.holdable().in(p.HoldOn); what != "" {
		return verdict{event: doomed, why: "a retry cannot mend " + what}
	}
	if f.taken {
		// Not its fault, and it may pass at any time: it is free of charge.
		return verdict{event: crashed, wait: max(p.Backoff.wait(1, 0.5), p.Backoff.Max)}
	}
	a.paid = slices.DeleteFunc(a.paid, func(t time.Time) bool { return now.Sub(t) >= p.Budget.Window })
	skip := f.in(p.SkipRetryOn)
	if skip == "" && len(a.paid) < p.Budget.Restarts {
		return a.pay(p, now, random)
	}
	why := fmt.Sprintf("used up %d restarts in %s", p.Budget.Restarts, p.Budget.Window)
	if skip != "" {
		why = "not retried after " + skip
	}
	switch p.OnExhausted {
	case EscalateExhausted:
		// The group pays from here on. The backoff goes on growing.
		a.paid = nil
		return a.pay(p, now, random)
	case CooldownExhausted:
		if p.MaxCooldowns > 0 && a.cooldowns >= p.MaxCooldowns {
			return verdict{event: spent, why: fmt.Sprintf("%s, %d times in a row", why, a.cooldowns+1)}
		}
		// After a cooldown it has its whole budget again.
		a.cooldowns++
		a.paid, a.streak = nil, 0
		return verdict{event: cooled, wait: p.Cooldown, why: why}
	case ExitExhausted:
		return verdict{event: spent, fatal: true, why: why}
	default:
		return verdict{event: spent, why: why}
	}
}

// final reports whether a failure is one that the policy does not retry,
// whatever is left of the budget.
func (r Restart) final(f failure) bool {
	return f.in(r.FatalOn) != "" || f.holdable().in(r.HoldOn) != "" || f.in(r.SkipRetryOn) != "" ||
		!f.ok && f.code != 0 && slices.Contains(r.FatalExitCodes, f.code)
}

// pay books a restart.
func (a *account) pay(p Restart, now time.Time, random float64) verdict {
	a.paid = append(a.paid, now)
	a.streak++
	return verdict{event: crashed, wait: p.Backoff.wait(a.streak, random), attempt: a.streak}
}

// forgive forgets everything: the service was stable, or a change or an
// operator made it another one.
func (a *account) forgive() { *a = account{} }

// wait is the pause before restart k, from 1.
func (b Backoff) wait(k int, random float64) time.Duration {
	factor := max(b.Factor, 1)
	wait := float64(b.Base) * math.Pow(factor, float64(k-1))
	if b.Max > 0 {
		wait = min(wait, float64(b.Max))
	}
	wait *= 1 + b.Jitter*(2*random-1)
	return time.Duration(max(0, min(wait, math.MaxInt64/2)))
}

// succeeded reports whether an exit is no failure.
func (r Restart) succeeded(e Exit) bool {
	return e.Signal == "" && (e.Code == 0 || slices.Contains(r.SuccessCodes, e.Code))
}

// subclasses has the built-in exceptions that are a kind of what people name
// in hold_on.
var subclasses = map[string]string{
	"ModuleNotFoundError":      "ImportError",
	"zipimport.ZipImportError": "ImportError",
	"IndentationError":         "SyntaxError",
	"TabError":                 "IndentationError",
	"UnboundLocalError":        "NameError",
	"FileNotFoundError":        "OSError",
	"PermissionError":          "OSError",
}

// holds reports whether class, or what it is a kind of, is listed.
func holds(list []string, class string) bool {
	for ; class != ""; class = subclasses[class] {
		if slices.Contains(list, class) {
			return true
		}
	}
	return false
}

// holdable is what of a failure HoldOn may name.
func (f failure) holdable() failure {
	if f.served {
		f.class = ""
	}
	return f
}

// in returns what of a failure is listed, in words; "" for nothing.
func (f failure) in(list []string) string {
	switch {
	case f.ok:
		return ""
	case holds(list, f.class):
		return f.class
	case f.code != 0 && slices.Contains(list, strconv.Itoa(f.code)):
		return fmt.Sprintf("exit code %d", f.code)
	}
	return ""
}
