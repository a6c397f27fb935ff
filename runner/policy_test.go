package runner

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	eachCase(t, "policy.txt", func(t *testing.T, lines []string) {
		policy, random := parsePolicy(t, lines[0])
		var a account
		begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, line := range lines[1:] {
			question, want, _ := strings.Cut(line, " -> ")
			at, what, ok := strings.Cut(question, " ")
			if !ok {
				t.Fatalf("cannot read %q", line)
			}
			if what == "forgive" {
				a.forgive()
				continue
			}
			what, class, _ := strings.Cut(what, "=")
			f := failure{ok: what == "ok", taken: what == "taken", served: what == "served", class: class}
			if code, err := strconv.Atoi(class); err == nil {
				f.class, f.code, f.ok = "", code, policy.succeeded(Exit{Code: code})
			}
			v := a.judge(policy, f, begin.Add(duration(t, at)), random)
			got := string(v.event)
			if v.fatal {
				got = "fatal"
			}
			if event, wait, ok := strings.Cut(want, " "); ok {
				want = fmt.Sprint(event, " ", duration(t, wait))
				got = fmt.Sprint(got, " ", v.wait)
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", question, got, want)
			}
		}
	})
}

// parsePolicy reads "key=value key=value".
func parsePolicy(t *testing.T, line string) (r Restart, random float64) {
	random = 0.5
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	float := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "when":
			r.When = When(value)
		case "base":
			r.Backoff.Base = duration(t, value)
		case "factor":
			r.Backoff.Factor = float(value)
		case "max":
			r.Backoff.Max = duration(t, value)
		case "jitter":
			r.Backoff.Jitter = float(value)
		case "restarts":
			r.Budget.Restarts = number(value)
		case "window":
			r.Budget.Window = duration(t, value)
		case "exhausted":
			r.OnExhausted = Exhausted(value)
		case "cooldown":
			r.Cooldown = duration(t, value)
		case "cooldowns":
			r.MaxCooldowns = number(value)
		case "hold":
			r.HoldOn = strings.Split(value, ",")
		case "skip":
			r.SkipRetryOn = strings.Split(value, ",")
		case "fatal":
			r.FatalOn = strings.Split(value, ",")
		case "fatalcode":
			r.FatalExitCodes = append(r.FatalExitCodes, number(value))
		case "success":
			r.SuccessCodes = append(r.SuccessCodes, number(value))
		case "random":
			random = float(value)
		default:
			t.Fatalf("no such key: %q", word)
		}
	}
	return r, random
}

func duration(t *testing.T, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBudgetHoldsForAnyHistory checks what the budget promises against a count
// of its own.
func TestBudgetHoldsForAnyHistory(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		budget := Budget{Restarts: random.IntN(6), Window: time.Duration(1+random.IntN(100)) * time.Second}
		policy := Restart{When: OnFailure, Budget: budget, Backoff: Backoff{Base: time.Second, Factor: 2, Max: time.Minute, Jitter: 0.2}}
		var a account
		var paid []time.Time
		now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 100 {
			now = now.Add(time.Duration(random.IntN(30)) * time.Second)
			within := 0
			for _, p := range paid {
				if now.Sub(p) < budget.Window {
					within++
				}
			}
			v := a.judge(policy, failure{}, now, random.Float64())
			if want := within < budget.Restarts; (v.event == crashed) != want {
				t.Fatalf("%+v after %d restarts within the window: %s", budget, within, v.event)
			}
			if v.event == crashed {
				paid = append(paid, now)
			}
		}
	}
}

func TestBackoffStaysWithinItsJitter(t *testing.T) {
	b := Backoff{Base: 200 * time.Millisecond, Factor: 2, Max: 5 * time.Second, Jitter: 0.2}
	for k := 1; k < 100; k++ {
		plain := Backoff{Base: b.Base, Factor: b.Factor, Max: b.Max}.wait(k, 0)
		for _, random := range []float64{0, 0.25, 0.5, 0.999} {
			got := b.wait(k, random)
			if low, high := plain*8/10, plain*12/10+1; got < low || got > high {
				t.Errorf("restart %d: %s, want between %s and %s", k, got, low, high)
			}
		}
	}
}
