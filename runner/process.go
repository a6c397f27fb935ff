package runner

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command is what to run.
type command struct {
	argv []string
	dir  string
	env  []string
	// files are lent to it from descriptor 3 on, names are theirs.
	files []*os.File
	names []string
	// confine says as whom it runs.
	confine Confine
	// tty says that its output is a terminal, which is its input too and controls
	// it.
	tty bool
	// ear is what it reports to, for a shim to listen to; nil for none.
	ear *ear
	// orders, if not nil, is its descriptor 3: it is the parent of warm starts.
	orders *os.File
}

// lend returns the command with what tells it of its files. LISTEN_PID must be
// its own pid, which nobody knows before it is there: a shell that becomes the
// command fills it in.
func (c command) lend() command {
	if len(c.files) == 0 {
		return c
	}
	c.env = setenv(c.env, envListenFDs+"="+strconv.Itoa(len(c.files)), envListenNames+"="+strings.Join(c.names, ":"))
	c.argv = append([]string{"/bin/sh", "-c", "export " + envListenPID + `=$$; exec "$@"`, "sh"}, c.argv...)
	return c
}

// mark is how the processes of one generation are recognised wherever they go:
// it is in their environment, which setsid and double forks leave alone.
type mark struct {
	run, service string
	generation   int
	hook         Hook // of the service, "" for its command
	// by is the origin, in words; "" of a process that an earlier version has
	// started.
	by string
}

// actionMark and probeMark are in front of the name of an action, and of that
// of the service that is probed, where the name of a service is: what ends one
// of these must not end the service.
const (
	actionMark = "action/"
	probeMark  = "probe/"
)

// The variables of a mark.
const (
	envRun        = "BOUNCE_RUN"
	envService    = "BOUNCE_SERVICE"
	envGeneration = "BOUNCE_GENERATION"
	envHook       = "BOUNCE_HOOK"
	envAgent      = "BOUNCE_AGENT"
)

// leaf is the name of its control group, which is not that of any other one at
// the time.
func (m mark) leaf() string {
	if m.hook != "" {
		return "hook/" + string(m.hook) + "/" + m.service
	}
	return m.service
}

// environ returns env with the mark in it.
func (m mark) environ(env []string) []string {
	env = setenv(env,
		envRun+"="+m.run,
		envService+"="+m.service,
		envGeneration+"="+strconv.Itoa(m.generation),
		envAgent+"="+m.by)
	if m.hook == "" {
		return unsetenv(env, envHook)
	}
	return setenv(env, envHook+"="+string(m.hook))
}

// setenv returns env with these variables in place of others of their names.
func setenv(env []string, variables ...string) []string {
	ours := make(map[string]bool, len(variables))
	for _, kv := range variables {
		name, _, _ := strings.Cut(kv, "=")
		ours[name] = true
	}
	all := make([]string, 0, len(env)+len(variables))
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); !ours[name] {
			all = append(all, kv)
		}
	}
	return append(all, variables...)
}

// unsetenv returns env without these variables.
func unsetenv(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

// process is a command that was started, with everything that came of it.
type process interface {
	// pid is of the command itself.
	pid() int
	// since is when its execve returned.
	since() time.Time
	// exited is closed when the command itself has ended, whatever it left
	// behind and whoever still holds its pipes.
	exited() <-chan struct{}
	// exit says how it ended; valid once exited is closed.
	exit() Exit
	// signal sends the command alone the signal of a name.
	signal(name string) error
	// end ends the command and everything that came of it: the signal and
	// CONT, KILL after the grace or once force is closed. It returns when
	// nothing is left, or with the pids that do not go away. It may be called
	// again then.
	end(s Stop, force <-chan struct{}) []int
	// leave lets go of a command that has ended, and of what it left behind.
	leave()
	// owner says who listens on the port of a TCP address.
	owner(host string, port int) ownership
	// busy reports whether it has a connection open to a port that it listens
	// on, accepted or not; known is false where the system does not tell.
	busy() (busy, known bool)
	// sockets are the inodes of its sockets, nil where the system does not tell.
	sockets() map[string]bool
	// has reports whether a process belongs to this generation; known is false
	// where the system cannot tell.
	has(pid int) (ours, known bool)
}

// ownership is the answer to who listens on a port.
type ownership struct {
	// ours: a process of this generation. unknown: this system cannot tell.
	ours, unknown bool
	// pid and command name a listener that is not ours; 0 when there is none.
	pid     int
	command string
}

// starter makes processes; tests have one without any.
type starter interface {
	// start runs a command whose output goes to the two files, which it
	// closes. An error is a *StartError when a retry cannot mend it.
	start(c command, m mark, stdout, stderr *os.File) (process, error)
}

// StartError says why a command can never run as it is given.
type StartError struct {
	Command string // the first word
	// Key is that of the service's configuration which is at fault: "run", "cwd",
	// "user", "limits", "affinity" or "nice"; "" when it cannot be told.
	Key string
	// Problem says what is wrong, in words.
	Problem string
	// Err is what the system said, nil when it was not asked.
	Err error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("cannot start %q: %s", e.Command, e.Problem)
}

func (e *StartError) Unwrap() error { return e.Err }

// ErrNotSupported says that this system cannot run services.
var ErrNotSupported = errors.New("not supported on this system")

// variable returns the last value of a name, as getenv does for a list
// without duplicates.
func variable(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if key, value, _ := strings.Cut(env[i], "="); key == name {
			return value
		}
	}
	return ""
}
