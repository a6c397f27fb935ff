package runner

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bounce/internal/confine"
)

// Confine says as whom a service runs and what it may use; the zero value: as
// the agent itself. All of it is in force before the first instruction of the
// command. For Linux.
type Confine struct {
	// User and Group are names or numbers; default those of the agent, and the
	// group of the user. Where these are not the agent's own, the service has no
	// supplementary groups, and cannot get privileges that it was not started
	// with (no_new_privs). Of HOME, USER and LOGNAME what Env does not have is
	// the user's.
	User, Group string `json:",omitempty"`
	// Umask is the mask of the modes of new files, nil for that of the agent.
	Umask *uint32 `json:",omitempty"`
	// Limits are by the names that [Resources] returns.
	Limits map[string]Limit `json:",omitempty"`
	// CPUs are those that the service may run on, from 0; none: all.
	CPUs []int `json:",omitempty"`
	// Nice is its niceness; 0 for that of the agent.
	Nice int `json:",omitempty"`
}

// Limit is a soft and a hard limit of a resource; [Unlimited] is none.
type Limit struct{ Soft, Hard uint64 }

// Unlimited is no limit.
const Unlimited = confine.Unlimited

// Resources are the names of what can be limited, sorted.
func Resources() []string { return confine.Resources() }

// resolve turns names into numbers, and returns the user if there is to be
// another one.
func (c Confine) resolve() (confine.Settings, *confine.Account, error) {
	s := confine.Settings{Umask: c.Umask, CPUs: c.CPUs}
	for _, name := range slices.Sorted(maps.Keys(c.Limits)) {
		s.Limits = append(s.Limits, confine.Limit{Name: name, Soft: c.Limits[name].Soft, Hard: c.Limits[name].Hard})
	}
	if c.Nice != 0 {
		s.Nice = &c.Nice
	}
	if c.User == "" && c.Group == "" {
		return s, nil, nil
	}
	account, err := confine.Lookup(c.User, c.Group)
	if err != nil {
		return s, nil, err
	}
	s.ID = &account.ID
	return s, &account, nil
}

// homely adds to an environment what a login would say of the user.
func homely(env []string, a confine.Account) []string {
	for _, v := range []struct{ name, value string }{
		{"HOME", a.Home}, {"USER", a.Name}, {"LOGNAME", a.Name},
	} {
		has := func(kv string) bool { return strings.HasPrefix(kv, v.name+"=") }
		if v.value != "" && !slices.ContainsFunc(env, has) {
			env = append(slices.Clip(env), v.name+"="+v.value)
		}
	}
	return env
}

// Obstacle says what keeps the user from entering a directory; "" when nothing is
// known to.
func (c Confine) Obstacle(dir string) string {
	_, account, err := c.resolve()
	if err != nil || account == nil {
		return ""
	}
	if at := account.Obstacle(dir); at != "" {
		return fmt.Sprintf("user %s may not enter %s", cmp.Or(account.Name, fmt.Sprint(account.UID)), at)
	}
	return ""
}

// Preflight says why the command of a spec could not be started as things are
// now: each is a *StartError, or may pass by itself. What cannot be told
// beforehand is not among them.
func Preflight(s Spec) []error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	c := command{argv: s.Argv, dir: s.Dir, env: s.Env, confine: s.Confine}
	settings, account, unknown := c.confine.resolve()
	_, err := preflight(c, account)
	add(err)
	if unknown != nil {
		add(c.unconfined(unknown))
	}
	for _, err := range settings.Verify() {
		add(c.unconfined(err))
	}
	return errs
}

// unconfined turns the reason why a command cannot be confined into the error of
// its start, unless it may pass.
func (c command) unconfined(err error) error {
	var passing *confine.LookupError
	if errors.As(err, &passing) {
		return fmt.Errorf("cannot start %s: %w", c.argv[0], err)
	}
	key := "user"
	var e *confine.Error
	if errors.As(err, &e) {
		switch what, _, _ := strings.Cut(e.What, " "); what {
		case "limit":
			key = "limits"
		case "CPUs":
			key = "affinity"
		case "niceness":
			key = "nice"
		}
	}
	return &StartError{Command: c.argv[0], Key: key, Problem: err.Error(), Err: err}
}

// denied says what keeps a user from the directory and the program of a start
// that the system has refused; "" when that is not known.
func denied(a *confine.Account, dir, program string) string {
	if a == nil {
		return ""
	}
	who := cmp.Or(a.Name, fmt.Sprint(a.UID))
	for _, path := range []string{dir, program} {
		switch at := a.Obstacle(path); {
		case at == program:
			return fmt.Sprintf("the user %s may not execute %s", who, at)
		case at != "":
			return fmt.Sprintf("the user %s may not enter %s", who, at)
		}
	}
	return ""
}
