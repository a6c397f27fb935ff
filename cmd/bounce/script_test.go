package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bounce/internal/cgroup"
	"bounce/internal/control"
)

// The scripts in testdata/script run the real program against real processes.
// A script needs no Go: it edits files, waits with "bounce sync", and says
// which services have a new process. Commands beside those of testscript:
//
//	up [ARG...]            start "bounce up" here and wait until it is in sync
//	restarted [NAME...]    exactly these services have a new pid since the last
//	                       restarted, up or remember; all others the same one
//	again [NAME...]        exactly these services have another pid than before
//	                       the last up
//	remember               begin counting from here
//	running NAME...        wait until the newest process of each has printed a
//	                       line: a service that nothing probes counts as up as
//	                       soon as its command runs, before it has imported
//	event KIND [SERVICE]   wait for an event of this kind since remember
//	events KIND SERVICE N  there were exactly N such events since remember
//	sub FILE OLD NEW       replace text, written in place; \n is a line end
//	signal NAME [SERVICE]  send a signal to the agent or to a service
//	down [CODE]            wait for the agent to end with this exit code
//	end [CODE]             send INT, then down
//	gone                   no process of the script's agents is left
//	killed FEW MANY FILE NAME...  see cmdKilled
//	freeport NAME          set variable NAME to a free TCP port
//	expand FILE...         replace $VARIABLES in files
//	poll SECONDS CMD...    run a command until it succeeds
//	exits CODE CMD...      run a command that ends with exactly this exit code
//	other DIR VERSION [PROTOCOL]  build bounce into DIR, as of another version
//
// What a verb prints as JSON is judged by testdata/script/claim.py. Beside the
// conditions of testscript there is [root]: root of Linux runs the scripts.
func TestScripts(t *testing.T) {
	refuseStop(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		Setup:               setup,
		Cmds:                commands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// condition decides what testscript does not.
func condition(name string) (bool, error) {
	if name != "root" {
		return false, fmt.Errorf("no condition %s", name)
	}
	return runtime.GOOS == "linux" && os.Geteuid() == 0, nil
}

// refuseStop fails for scripts that say stop where they mean end. It is
// testscript's own word, which ends the script there and has it pass: to be used
// with a word of explanation alone.
func refuseStop(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if strings.TrimSpace(line) == "stop" {
				t.Errorf("%s:%d: stop ends the script and passes it: write end, or say why the rest is not run", name, number)
			}
		}
	}
}

// atOnce has a program that is built with -race end when it is done: by default
// each waits for a second, in case another thread is about to report a race.
const atOnce = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", atOnce)
	// Some images set it, and would hide what old bytecode does.
	os.Unsetenv("PYTHONDONTWRITEBYTECODE")
	testscript.Main(m, map[string]func(){"bounce": main})
}

// world is what a script has running.
type world struct {
	agent  *exec.Cmd
	exited chan struct{} // closed when the agent has ended, with err
	err    error
	stderr *bytes.Buffer

	mu     sync.Mutex
	events []control.Event // all of them
	mark   int             // how many there were at remember
	grown  chan struct{}

	pids    map[string]int // as of remember
	earlier map[string]int // as of the last one before up

	desks map[string]*desk // terminals, see attach_test.go
}

type worldKey struct{}

func setup(env *testscript.Env) error {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	venv := filepath.Join(root, "build", "venv", "bin")
	if _, err := os.Stat(venv); err != nil {
		return fmt.Errorf("the virtual environment of the tests is missing: run `make venv`: %w", err)
	}
	// Beside the script's tree, which is watched.
	beside := env.WorkDir + ".d"
	for _, dir := range []string{"run", "state", "home", "tmp"} {
		if err := os.MkdirAll(filepath.Join(beside, dir), 0o700); err != nil {
			return err
		}
	}
	env.Setenv("REPO", root)
	env.Setenv("VENV", filepath.Dir(venv))
	env.Setenv("PATH", venv+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("XDG_RUNTIME_DIR", filepath.Join(beside, "run"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(beside, "state"))
	env.Setenv("HOME", filepath.Join(beside, "home"))
	env.Setenv("TMPDIR", filepath.Join(beside, "tmp"))
	env.Setenv("NO_COLOR", "1")
	env.Setenv("GORACE", atOnce)
	env.Setenv("BOUNCE_SOAK", os.Getenv("BOUNCE_SOAK"))
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"} {
		env.Setenv(name, "tester")
	}
	for _, name := range []string{"GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"} {
		env.Setenv(name, "tester@example.invalid")
	}
	env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	env.Values[worldKey{}] = &world{grown: make(chan struct{})}
	// An agent in the background is nobody's child: a script that fails leaves it.
	env.Defer(func() {
		for _, pid := range withRuntime(env.Getenv("XDG_RUNTIME_DIR"), "") {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		removeGroups(env.Getenv("XDG_STATE_HOME"))
	})
	return nil
}

// removeGroups removes the control groups that agents which were killed have
// left, and what their services have told: those of the projects that have state.
func removeGroups(state string) {
	projects, _ := os.ReadDir(filepath.Join(state, "bounce")) // none has run
	for _, p := range projects {
		os.RemoveAll(filepath.Join("/run/bounce-observed", p.Name())) // where root's services tell
	}
	for _, p := range projects {
		tree, err := cgroup.Open(p.Name())
		if err != nil {
			return
		}
		for _, l := range tree.Leftovers() {
			_ = l.Kill() // what is left of it cannot be removed
			l.Remove()
		}
		tree.Close()
	}
}

// patience is how long a script waits for anything: an order of magnitude more
// than a busy machine needs, since a test that waits for an event needs no
// tight bound.
const patience = 60 * time.Second

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"up":        cmdUp,
	"restarted": cmdRestarted,
	"again":     cmdAgain,
	"remember":  cmdRemember,
	"running":   cmdRunning,
	"event":     cmdEvent,
	"events":    cmdEvents,
	"sub":       cmdSub,
	"signal":    cmdSignal,
	"down":      cmdDown,
	"end":       cmdEnd,
	"gone":      cmdGone,
	"killed":    cmdKilled,
	"freeport":  cmdFreePort,
	"expand":    cmdExpand,
	"poll":      cmdPoll,
	"exits":     cmdExits,
	"other":     cmdOther,

	"term": cmdTerm,
	"type": cmdType,
	"sees": cmdSees,
	"size": cmdSize,
	"send": cmdSend,
	"ends": cmdEnds,
	"mode": cmdMode,

	"halts":  cmdHalts,
	"hangup": cmdHangup,
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func cmdUp(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if w.agent != nil {
		ts.Fatalf("an agent is running already")
	}
	path, err := exec.LookPath("bounce")
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"up", "--json"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environ(ts)
	w.stderr = &bytes.Buffer{}
	cmd.Stderr = w.stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	w.agent, w.exited = cmd, make(chan struct{})
	w.events, w.mark = nil, 0 // nobody adds: the agent before has ended
	first := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for n := 0; lines.Scan(); n++ {
			var e control.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				e = control.Event{Kind: "unreadable", Text: lines.Text()}
			}
			w.add(e)
			if n == 0 {
				close(first)
			}
		}
		w.err = cmd.Wait()
		w.add(control.Event{Kind: "agent exited"})
		close(w.exited) // last: nobody adds after it
	}()
	ts.Defer(func() {
		cmd.Process.Kill()
		for _, pid := range append(shims(ts), leftovers(ts)...) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-w.exited
		ts.Logf("agent's stderr:\n%s", w.stderr)
	})
	select {
	case <-first:
	case <-w.exited:
		ts.Fatalf("the agent ended: %v\n%s", w.err, w.stderr)
	case <-time.After(patience):
		ts.Fatalf("the agent said nothing in %v", patience)
	}
	_, err = bounce(ts, "sync", "--timeout", patience.String())
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitNotAtTarget) {
		ts.Fatalf("sync after up: %v", err)
	}
	w.earlier, w.pids = w.pids, pids(ts)
}

// bounce runs the program and returns what it printed.
func bounce(ts *testscript.TestScript, args ...string) (string, error) {
	path, err := exec.LookPath("bounce")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environ(ts)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if err != nil {
		err = fmt.Errorf("bounce %s: %w\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), err
}

// environ is the environment of a script, with the variables it has set.
func environ(ts *testscript.TestScript) []string {
	env := os.Environ()
	// The names that scripts set, and those of setup.
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "NO_COLOR", "WORK",
		"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL", "GIT_CONFIG_GLOBAL",
		"BOUNCE_WATCH", "SHOP_STATUS_DIR", "PORT"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (w *world) add(e control.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	close(w.grown)
	w.grown = make(chan struct{})
}

// remember starts the count of events and the comparison of pids anew.
func (w *world) remember(ts *testscript.TestScript) {
	w.pids = pids(ts)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark = len(w.events)
}

func status(ts *testscript.TestScript) (st control.Status) {
	out, err := bounce(ts, "status", "--json")
	ts.Check(err)
	ts.Check(json.Unmarshal([]byte(out), &st))
	return st
}

// pids asks the agent for the process of each service; 0 for none.
func pids(ts *testscript.TestScript) map[string]int {
	all := map[string]int{}
	for _, s := range status(ts).Services {
		all[s.Name] = 0
		if s.PID != nil {
			all[s.Name] = *s.PID
		}
	}
	return all
}

func cmdRemember(ts *testscript.TestScript, neg bool, args []string) { worldOf(ts).remember(ts) }

func cmdRestarted(ts *testscript.TestScript, neg bool, want []string) {
	w := worldOf(ts)
	w.compare(ts, neg, w.pids, want)
	w.remember(ts)
}

func cmdAgain(ts *testscript.TestScript, neg bool, want []string) {
	w := worldOf(ts)
	w.compare(ts, neg, w.earlier, want)
}

// compare fails the script unless exactly the services that are wanted have
// another pid than before.
func (w *world) compare(ts *testscript.TestScript, neg bool, before map[string]int, want []string) {
	now := pids(ts)
	var got []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name] != before[name] {
			got = append(got, name)
		}
	}
	slices.Sort(want)
	if slices.Equal(got, want) == neg {
		ts.Fatalf("restarted: [%s], want [%s]; pids %v, before %v\n%s", strings.Join(got, " "), strings.Join(want, " "), now, before, w.told())
	}
}

// told returns the events since remember, for a failure.
func (w *world) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events[w.mark:] {
		line, _ := json.Marshal(e)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func (w *world) count(kind, service string) (n int, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events[w.mark:] {
		if e.Kind == kind && (service == "" || e.Service == service) {
			n++
		}
	}
	return n, w.grown
}

// printed reports whether a generation of a service has printed a line.
func (w *world) printed(service string, generation int) (bool, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(e control.Event) bool {
		return e.Kind == "output" && e.Service == service && e.Generation == generation
	}), w.grown
}

func cmdRunning(ts *testscript.TestScript, neg bool, names []string) {
	w := worldOf(ts)
	deadline := time.After(patience)
	for _, s := range status(ts).Services {
		if !slices.Contains(names, s.Name) {
			continue
		}
		for {
			ok, more := w.printed(s.Name, s.Generation)
			if ok {
				break
			}
			select {
			case <-more:
			case <-deadline:
				ts.Fatalf("generation %d of %s printed nothing in %v\n%s", s.Generation, s.Name, patience, w.told())
			}
		}
	}
}

func cmdEvent(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: event KIND [SERVICE]")
	}
	w := worldOf(ts)
	kind, service := args[0], strings.Join(args[1:], "")
	if n, _ := w.count(kind, service); neg {
		if n > 0 {
			ts.Fatalf("there was %s %s\n%s", kind, service, w.told())
		}
		return
	}
	deadline := time.After(patience)
	for {
		n, more := w.count(kind, service)
		if n > 0 {
			return
		}
		select {
		case <-more:
		case <-deadline:
			ts.Fatalf("no %s %s in %v\n%s", kind, service, patience, w.told())
		}
	}
}

func cmdEvents(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: events KIND SERVICE N")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	w := worldOf(ts)
	if n, _ := w.count(args[0], args[1]); (n == want) == neg {
		ts.Fatalf("%d events %s of %s, want %d\n%s", n, args[0], args[1], want, w.told())
	}
}

func cmdSub(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: sub FILE OLD NEW")
	}
	lines := strings.NewReplacer(`\n`, "\n")
	old, new := lines.Replace(args[1]), lines.Replace(args[2])
	name := ts.MkAbs(args[0])
	src, err := os.ReadFile(name)
	ts.Check(err)
	if !bytes.Contains(src, []byte(old)) {
		ts.Fatalf("%s does not contain %q", args[0], old)
	}
	ts.Check(os.WriteFile(name, bytes.ReplaceAll(src, []byte(old), []byte(new)), 0o644))
}

var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	"QUIT": syscall.SIGQUIT, "PIPE": syscall.SIGPIPE,
	"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT,
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: signal NAME [SERVICE]")
	}
	sig, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("no signal %s", args[0])
	}
	w := worldOf(ts)
	pid := w.agent.Process.Pid
	if len(args) == 2 {
		pid = pids(ts)[args[1]]
	}
	if pid <= 0 {
		ts.Fatalf("%v has no process", args[1:])
	}
	ts.Check(syscall.Kill(pid, sig))
	if sig == syscall.SIGSTOP && pid == w.agent.Process.Pid {
		// What other signals do is seen by what comes of it.
		_, err := syscall.Wait4(pid, nil, syscall.WUNTRACED, nil)
		ts.Check(err)
	}
}

func cmdDown(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	want := 0
	if len(args) > 0 {
		var err error
		want, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	select {
	case <-w.exited:
		w.agent = nil
		err := w.err
		var exit *exec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		} else {
			ts.Check(err)
		}
		if code != want {
			ts.Fatalf("the agent ended with exit code %d, want %d\n%s\n%s", code, want, w.stderr, w.told())
		}
	case <-time.After(patience):
		ts.Fatalf("the agent did not end in %v\n%s", patience, w.told())
	}
}

func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	cmdSignal(ts, false, []string{"INT"})
	cmdDown(ts, false, args)
	cmdGone(ts, false, nil)
}

// leftovers finds processes whose environment has the script's directory and
// that an agent started.
func leftovers(ts *testscript.TestScript) []int {
	return withRuntime(ts.Getenv("XDG_RUNTIME_DIR"), "BOUNCE_SERVICE=")
}

// withRuntime finds processes whose environment has a runtime directory, and
// text in it.
func withRuntime(dir, text string) []int {
	work := []byte("XDG_RUNTIME_DIR=" + dir + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []int
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && bytes.Contains(append(env, 0), work) && bytes.Contains(env, []byte(text)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			found = append(found, pid)
		}
	}
	return found
}

// shims finds the processes that keep services of a script alive.
func shims(ts *testscript.TestScript) []int {
	place := []byte("BOUNCE_SHIM=" + ts.Getenv("XDG_RUNTIME_DIR") + "/")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []int
	for _, f := range files {
		if env, err := os.ReadFile(f); err == nil && bytes.Contains(env, place) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			found = append(found, pid)
		}
	}
	return found
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	for _, pid := range append(leftovers(ts), shims(ts)...) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		ts.Fatalf("process %d is left: %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
	}
}

// cmdExits is exec for commands whose exit code says which way they failed.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		name = ts.MkAbs(name)
		src, err := os.ReadFile(name)
		ts.Check(err)
		ts.Check(os.WriteFile(name, []byte(os.Expand(string(src), ts.Getenv)), 0o644))
	}
}
