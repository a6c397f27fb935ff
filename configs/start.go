package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"bounce/runner"

	"github.com/joho/godotenv"
)

// Start is how a service starts now.
type Start struct {
	// Spec is what the runner runs, with the whole environment.
	Spec runner.Spec
	// Identity has the parts of the start identity that the configuration
	// knows, by the names of decider.Version.Start: "command", "cwd",
	// "environment" and, of what is not left out, "listen", "tty", "user", "umask",
	// "limits", "affinity" and "nice". The environment has what is declared (env,
	// env_file, PORT of a Procfile) and PATH, VIRTUAL_ENV and PYTHON* wherever
	// they come from; its values are secrets, to be compared and never shown.
	Identity map[string]string
}

// Start reads the env files of a service and puts its environment together:
// environ ("NAME=value" each, as os.Environ returns it), then the env files in
// their order, then env. PYTHONUNBUFFERED=1 is set unless something sets it.
func (c *Config) Start(service string, environ []string) (Start, error) {
	s, ok := c.Services[service]
	if !ok {
		return Start{}, fmt.Errorf("cannot start %q: there is no such service", service)
	}
	env, declared, err := c.environment(s, environ)
	if err != nil {
		return Start{}, fmt.Errorf("cannot start %s: %w", service, err)
	}
	spec := runner.Spec{
		Name:      s.Name,
		Argv:      s.Run.Argv(),
		Dir:       c.abs(s.Cwd),
		Env:       pairs(env),
		TTY:       s.TTY,
		Order:     s.Order,
		DependsOn: s.dependencies(),
		Ready: runner.Ready{
			Probe: c.probe(s.Ready.Probe), File: c.path(s.Ready.File), Pipe: c.path(s.Ready.Pipe),
			Log: s.Ready.Log, Notify: s.Ready.Notify,
			Timeout: time.Duration(s.Ready.Timeout), Interval: time.Duration(s.Ready.Interval),
		},
		Heartbeat: time.Duration(s.Heartbeat),
		Keep:      s.OnAgentExit == "keep",
		Units:     s.units(),
		Listen:    c.sockets(s),
		Strategy:  s.Strategy,
		Overlap:   s.Overlap == "auto" && s.Strategy == runner.Immediate && len(s.Listen) > 0,
		Warm:      s.Warm,
		Settle:    time.Duration(s.Settle),
		Drain:     time.Duration(s.Drain),
		Stop:      runner.Stop{Signal: s.Stop.Signal, Grace: time.Duration(s.Stop.Grace)},
		Restart: runner.Restart{
			When: s.Restart.When,
			Backoff: runner.Backoff{
				Base: time.Duration(s.Restart.Backoff.Base), Max: time.Duration(s.Restart.Backoff.Max),
				Factor: s.Restart.Backoff.Factor, Jitter: s.Restart.Backoff.Jitter,
			},
			Budget:       runner.Budget{Restarts: s.Restart.Budget.Restarts, Window: time.Duration(s.Restart.Budget.Window)},
			StableAfter:  time.Duration(s.Restart.StableAfter),
			OnExhausted:  s.Restart.OnExhausted,
			Cooldown:     time.Duration(s.Restart.Cooldown),
			MaxCooldowns: s.Restart.MaxCooldowns,
			HoldOn:       slices.Clone(s.Restart.HoldOn),
			SuccessCodes: slices.Clone(s.Restart.SuccessCodes),
			SkipRetryOn:  slices.Clone(s.Restart.SkipRetryOn),
			FatalOn:      slices.Clone(s.Restart.FatalOn), FatalExitCodes: slices.Clone(s.Restart.FatalExitCodes),
		},
		Confine: s.confine(),
	}
	if hooks, timeouts := s.Hooks.commands(); len(hooks) > 0 {
		spec.Hooks, spec.HookTimeout, spec.HookTimeouts = hooks, time.Duration(s.Hooks.Timeout), timeouts
	}
	if probe := c.probe(s.Live.Probe); !s.Live.none() {
		spec.Live = runner.Live{
			Probe: probe, Failures: s.Live.Failures,
			Interval: time.Duration(s.Live.Interval), Timeout: time.Duration(s.Live.Timeout),
		}
	}
	identity := map[string]string{
		"command":     unambiguous(spec.Argv),
		"cwd":         spec.Dir,
		"environment": unambiguous(pairs(declared)),
	}
	if spec.TTY {
		identity["tty"] = "true"
	}
	if len(spec.Listen) > 0 {
		var words []string
		for _, l := range spec.Listen {
			words = append(words, fmt.Sprint(l.TCP, l.Unix, " ", l.Mode, " ", l.Name))
		}
		identity["listen"] = unambiguous(words)
	}
	maps.Copy(identity, s.confinement())
	return Start{spec, identity}, nil
}

// dependencies returns what a service waits for as the runner takes it.
func (s Service) dependencies() []runner.Dependency {
	var list []runner.Dependency
	for _, d := range s.DependsOn {
		list = append(list, runner.Dependency{Name: d.Name, Condition: d.Condition, OnFailure: d.OnFailure, OnRestart: d.OnRestart})
	}
	return list
}

// units returns the units of a service as the runner takes them, by name.
func (s Service) units() []runner.Unit {
	var list []runner.Unit
	for _, name := range slices.Sorted(maps.Keys(s.Units)) {
		u := s.Units[name]
		unit := runner.Unit{Name: name, Heartbeat: time.Duration(u.Heartbeat), Start: time.Duration(u.Start)}
		for state, longest := range u.Deadlines {
			if unit.Deadlines == nil {
				unit.Deadlines = make(map[string]time.Duration)
			}
			unit.Deadlines[state] = time.Duration(longest)
		}
		if signal, ok := strings.CutPrefix(u.OnStall, "signal "); ok {
			unit.Signal, unit.Answer = signal, time.Duration(u.Answer)
		}
		list = append(list, unit)
	}
	return list
}

// Supervisors returns the groups as the runner takes them, by name.
func (c *Config) Supervisors() []runner.Group {
	var list []runner.Group
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		g := c.Groups[name]
		list = append(list, runner.Group{
			Name: name, Strategy: g.Strategy, Members: slices.Clone(g.Members),
			Budget:      runner.Budget{Restarts: g.Budget.Restarts, Window: time.Duration(g.Budget.Window)},
			OnExhausted: g.OnExhausted, Cooldown: time.Duration(g.Cooldown), MaxCooldowns: g.MaxCooldowns,
		})
	}
	return list
}

// probe returns a probe as the runner takes it.
func (c *Config) probe(p Probe) runner.Probe {
	return runner.Probe{
		TCP: p.TCP, HTTP: p.HTTP, Unix: c.path(p.Unix),
		Status: slices.Clone(p.Status), Body: p.Body, Header: maps.Clone(p.Header), Echo: p.Echo,
		Command: p.Command.Argv(),
	}
}

// Command returns an action's command, without the environment that
// [Config.CommandEnv] puts together when it runs. An action without a command
// gives false.
func (c *Config) Command(action string) (runner.Action, bool) {
	a, ok := c.Actions[action]
	if !ok || a.Run.Argv() == nil {
		return runner.Action{}, false
	}
	return runner.Action{
		Name:    action,
		Argv:    a.Run.Argv(),
		Dir:     c.abs(a.Cwd),
		Timeout: time.Duration(a.Timeout),
		Retries: a.Retries, RetryWait: time.Duration(a.RetryWait),
	}, true
}

// CommandEnv reads the env files of an action and puts its environment
// together as [Config.Start] does that of a service.
func (c *Config) CommandEnv(action string, environ []string) ([]string, error) {
	a := c.Actions[action]
	declared, err := c.readEnvFiles(a.EnvFile, child("actions", action))
	if err != nil {
		return nil, err
	}
	env := variables(environ)
	maps.Copy(env, declared)
	maps.Copy(env, a.Env)
	return pairs(unbuffered(env)), nil
}

// environment returns the whole environment of a service, and the part of it
// that makes one start differ from another.
func (c *Config) environment(s Service, environ []string) (env, declared map[string]string, err error) {
	env = variables(environ)
	if s.User != "" {
		for _, name := range personal {
			delete(env, name)
		}
	}
	if declared, err = c.readEnvFiles(s.EnvFile, child("services", s.Name)); err != nil {
		return nil, nil, err
	}
	if s.port > 0 {
		base := 5000
		for _, vars := range []map[string]string{env, declared} {
			if n, err := strconv.Atoi(vars["PORT"]); err == nil {
				base = n
			}
		}
		declared["PORT"] = strconv.Itoa(base + s.port - 1)
	}
	maps.Copy(declared, s.Env)
	maps.Copy(env, declared)
	for name, value := range unbuffered(env) {
		if name == "PATH" || name == "VIRTUAL_ENV" || strings.HasPrefix(name, "PYTHON") {
			declared[name] = value
		}
	}
	return env, declared, nil
}

// unbuffered has Python write lines as they come: into a pipe, it would keep
// them until there are 8 KB.
func unbuffered(env map[string]string) map[string]string {
	if _, ok := env["PYTHONUNBUFFERED"]; !ok {
		env["PYTHONUNBUFFERED"] = "1"
	}
	return env
}

// readEnvFiles returns what the env files of the service or action at path
// declare, later ones over earlier ones.
func (c *Config) readEnvFiles(files List, path string) (map[string]string, error) {
	declared := map[string]string{}
	for i, name := range files {
		vars, err := readEnvFile(c.abs(name))
		if err != nil {
			return nil, c.envFileError(element(path+".env_file", i), name, err)
		}
		maps.Copy(declared, vars)
	}
	return declared, nil
}

// envFileError says where the file that cannot be read is named.
func (c *Config) envFileError(path, name string, err error) error {
	text := fmt.Sprintf("cannot read env file %s: %v", printable(name), err)
	if at, ok := c.at[path]; ok {
		return Error{File: c.File, Line: at.value.line, Column: at.value.column, Text: text}
	}
	return errors.New(text)
}

// readEnvFile reads NAME=value lines. Errors never quote the file: its values
// are secrets.
func readEnvFile(path string) (map[string]string, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, errors.New("it is larger than 1 MiB")
	}
	vars, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil, fmt.Errorf("line %d is not NAME=value, or has a quote that is never closed", badLine(data))
	}
	for name, value := range vars {
		if name == "" || strings.Contains(name+value, "\x00") {
			return nil, errors.New("a line is not NAME=value")
		}
	}
	return vars, nil
}

// badLine finds the line from which on an env file does not parse.
func badLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	return sort.Search(len(lines), func(n int) bool {
		_, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n+1], nil))
		return err != nil
	}) + 1
}

// variables makes a map of NAME=value pairs, the last of equal names winning.
func variables(environ []string) map[string]string {
	vars := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			vars[name] = value
		}
	}
	return vars
}

// pairs is the inverse of variables, sorted.
func pairs(vars map[string]string) []string {
	out := make([]string, 0, len(vars))
	for name, value := range vars {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out
}

// unambiguous writes words so that different lists never read the same.
func unambiguous(words []string) string {
	text, err := json.Marshal(words)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return string(text)
}

// path is abs for a path that may be left out.
func (c *Config) path(path string) string {
	if path == "" {
		return ""
	}
	return c.abs(path)
}

// abs returns a path of the file as an absolute one.
func (c *Config) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.Dir, path)
}
