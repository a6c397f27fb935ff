//go:build unix

package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
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
)

// alive reports whether something runs under a pid; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// pidOf reads the pid that tree.py printed for a kind.
func (g *rig) pidOf(kind string) int {
	g.t.Helper()
	pid, err := strconv.Atoi(strings.TrimPrefix(g.line(kind+" ").Text, kind+" "))
	if err != nil {
		g.t.Fatal(err)
	}
	return pid
}

func (g *rig) stop(names ...string) []Result {
	g.t.Helper()
	ticket, err := g.Stop(names...)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.finish(ticket)
}

// TestNothingIsLeft ends services with every kind of escapee, by a stop and by
// a crash.
func TestNothingIsLeft(t *testing.T) {
	kinds := []string{"child", "session", "scrubbed", "daemon", "scrubbed_daemon", "stubborn", "stopped"}
	for _, c := range []struct {
		end  string
		bare bool // without control groups
	}{{"stop", false}, {"exit", false}, {"stop", true}, {"exit", true}} {
		end := c.end
		t.Run(fmt.Sprintf("%s bare=%t", end, c.bare), func(t *testing.T) {
			t.Parallel()
			argv := append([]string{"python3", "tree.py"}, kinds...)
			if end == "exit" {
				argv = append(argv, "exit")
			}
			s := specOf(t, "a", argv...)
			s.Stop.Grace = 200 * time.Millisecond
			s.Restart.When = Never
			g := newRig(t, Options{Specs: []Spec{s}, bare: c.bare})
			g.Apply(planFor("a"))
			g.line("up")
			if end == "stop" {
				g.stop("a")
			} else {
				g.event("a", KindHeld, 1)
			}
			for _, kind := range kinds {
				if end == "exit" && kind == "scrubbed" && runtime.GOOS != "linux" {
					continue
				}
				if pid := g.pidOf(kind); alive(pid) {
					t.Errorf("%s, pid %d, is left", kind, pid)
				}
			}
		})
	}
}

func TestStubbornIsKilledAfterItsGrace(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "python3", "stubborn.py")
	s.Stop.Grace = 300 * time.Millisecond
	g := newRig(t, Options{Specs: []Spec{s}})
	took := best(func() time.Duration {
		g.up("a")
		generation := g.status("a").Generation
		g.until("it is up", func() bool {
			return slices.ContainsFunc(g.lines, func(l Line) bool { return l.Generation == generation })
		})
		begin := time.Now()
		g.stop("a")
		start, err := g.Start("a")
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		g.finish(start)
		return took
	})
	if took < s.Stop.Grace || took > s.Stop.Grace+500*time.Millisecond {
		t.Errorf("stopped after %s, with a grace of %s", took, s.Stop.Grace)
	}
	if e := g.event("a", KindExited, 1); e.Exit.Signal != "SIGKILL" {
		t.Errorf("%+v", e.Exit)
	}
}

func TestForceKillsAtOnce(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "python3", "stubborn.py")
	s.Stop.Grace = time.Hour
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	pid := g.event("a", KindStarted, 1).PID
	g.line("up")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Close(ctx); err != nil {
		t.Error(err)
	}
	if alive(pid) {
		t.Error("it lives")
	}
}

func TestAStoppedServiceIsContinued(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sleep", "1000")
	s.Stop.Grace = time.Hour
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	syscall.Kill(g.event("a", KindStarted, 1).PID, syscall.SIGSTOP)
	g.stop("a")
	if e := g.event("a", KindExited, 1); e.Exit.Signal != "SIGTERM" {
		t.Errorf("%+v", e.Exit)
	}
}

func TestAHeldPipeDoesNotHideAnExit(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sh", "-c", "sleep 1000 & echo up; exit 7")
	s.Restart.When = Never
	g := newRig(t, Options{Specs: []Spec{s}})
	g.Apply(planFor("a"))
	started, crashed := g.event("a", KindStarted, 1), g.event("a", KindCrashed, 1)
	if took := crashed.Time.Sub(started.Time); took > time.Second {
		t.Errorf("the exit was seen after %s", took)
	}
	if crashed.Exit.Code != 7 {
		t.Errorf("%+v", crashed.Exit)
	}
	g.event("a", KindHeld, 1)
	if s := g.status("a"); s.Hold == nil {
		t.Errorf("%+v", s)
	}
}

// A process that nobody can attribute may hold the pipes for ever.
func TestAStrangerWithOurPipeDoesNotDelayARestart(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sh", "-c", "echo up; exec sleep 1000")
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	g.line("up")
	out, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", g.event("a", KindStarted, 1).PID), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // the test itself is the stranger
	n := 0
	took := best(func() time.Duration {
		g.up("a")
		n++
		return g.event("a", KindStarted, n+1).Time.Sub(g.event("a", KindStopping, n).Time)
	})
	if took >= drainTime {
		t.Errorf("restarted after %s", took)
	}
}

// best is the shortest of a few times: the machine may be busy, and what is
// slow by design is slow every time.
func best(measure func() time.Duration) time.Duration {
	shortest := measure()
	for range 2 {
		shortest = min(shortest, measure())
	}
	return shortest
}

func TestCommandsGetACleanStart(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "./describe.sh")}, Run: "test-run"})
	g.up("a")
	g.line("up")
	checkDescription(t, g, "test-run")
}

func checkDescription(t *testing.T, g *rig, run string) {
	t.Helper()
	pid := g.event("a", KindStarted, 1).PID
	g.mu.Lock()
	defer g.mu.Unlock()
	var got []string
	for _, l := range g.lines {
		got = append(got, withoutLibcSignals(l.Text))
	}
	want := []string{
		"SigBlk: 0000000000000000", "SigIgn: 0000000000000000",
		"fds 0 1 2", "stdin /dev/null",
		fmt.Sprintf("pid %d session %d group %d", pid, pid, pid),
		"BOUNCE_AGENT=" + originOf(g.dir).String(), "BOUNCE_GENERATION=1", "BOUNCE_RUN=" + run, "BOUNCE_SERVICE=a", "up",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// withoutLibcSignals clears signals 32 and 33 from a mask of ignored ones.
// glibc keeps them to itself: whatever posix_spawn starts, as make does,
// ignores them, and sigaction refuses to change that.
func withoutLibcSignals(line string) string {
	var mask uint64
	if _, err := fmt.Sscanf(line, "SigIgn: %x", &mask); err != nil {
		return line
	}
	return fmt.Sprintf("SigIgn: %016x", mask&^(1<<31|1<<32))
}

// TestAgentUnderNohup runs the test above in a process that was started to
// ignore signals, with a descriptor too many.
func TestAgentUnderNohup(t *testing.T) {
	t.Parallel()
	if os.Getenv("BOUNCE_TEST_NOHUP") != "" {
		g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "./describe.sh")}, Run: "under-nohup"})
		g.up("a")
		g.line("up")
		checkDescription(t, g, "under-nohup")
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" INT HUP TSTP; exec 7</dev/null; exec "$0" -test.run '^TestAgentUnderNohup$' -test.v`, self)
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_NOHUP=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAgentUnderNohup") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestStartErrorsNameTheCause(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("readable", "#!/bin/sh\n", 0o644)
	for _, c := range []struct{ name, command, dir, want string }{
		{"unknown command", "no-such-command", dir, "command not found in PATH="},
		{"unknown path", "./no/such", dir, "no such file or directory"},
		{"missing interpreter", write("lost", "#!/opt/gone/python\n", 0o755), dir, "its interpreter /opt/gone/python, named in the first line of"},
		{"missing env interpreter", write("lostenv", "#!/usr/bin/env python9\n", 0o755), dir, "its interpreter python9, named in the first line of"},
		{"CRLF", write("crlf", "#!/bin/sh\r\necho\r\n", 0o755), dir, "ends in CR LF"},
		{"not executable", "./readable", dir, "is not executable; try: chmod +x"},
		{"no shebang", write("binary", "\x01\x02\x03", 0o755), dir, "neither a program for this machine nor a script"},
		{"empty shebang", write("bang", "#!\n", 0o755), dir, "names no interpreter"},
		{"missing directory", "sh", filepath.Join(dir, "gone"), "its working directory"},
		{"directory", dir, dir, "is a directory"},
		{"file as directory", "sh", filepath.Join(dir, "readable"), "is not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := specOf(t, "a", c.command)
			s.Dir = c.dir
			g := newRig(t, Options{Specs: []Spec{s}})
			results := g.up("a")
			if !strings.Contains(results[0].Why, c.want) {
				t.Errorf("got %q, want %q in it", results[0].Why, c.want)
			}
			if st := g.status("a"); st.State != StateHeld || st.Hold == nil || g.count("a", KindBackoff) != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestBusyFile starts a script that is still open for writing, which execve
// refuses.
func TestBusyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	s := specOf(t, "a", path, "1000")
	g := newRig(t, Options{Specs: []Spec{s}, Before: func(context.Context, string, int) ([]string, error) {
		time.AfterFunc(100*time.Millisecond, func() { f.Close() })
		return nil, nil
	}})
	if got := outcomes(g.up("a")); got != "a done" {
		t.Error(got)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		delay   string
		status  string
		ready   func(port int) Ready
		timeout time.Duration
		state   State
		why     string
	}{
		{"tcp", "0", "500", func(p int) Ready { return Ready{Probe: Probe{TCP: fmt.Sprintf("127.0.0.1:%d", p)}} }, 20 * time.Second, StateReady, ""},
		{"slow", "0.5", "200", func(p int) Ready { return Ready{Probe: Probe{TCP: fmt.Sprintf("localhost:%d", p)}} }, 20 * time.Second, StateReady, ""},
		{"http", "0", "302", func(p int) Ready { return Ready{Probe: Probe{HTTP: fmt.Sprintf("http://127.0.0.1:%d/x", p)}} }, 20 * time.Second, StateReady, ""},
		{"http error", "0", "503", func(p int) Ready { return Ready{Probe: Probe{HTTP: fmt.Sprintf("http://127.0.0.1:%d/x", p)}} }, 2 * time.Second, StateHeld, "answers 503"},
		{"too slow", "100", "200", func(p int) Ready { return Ready{Probe: Probe{TCP: fmt.Sprintf("127.0.0.1:%d", p)}} }, 300 * time.Millisecond, StateHeld, "not ready within 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			s := specOf(t, "a", "python3", "server.py", strconv.Itoa(port), c.delay, c.status)
			s.Ready = c.ready(port)
			s.Ready.Timeout, s.Ready.Interval = c.timeout, 10*time.Millisecond
			s.Restart.When = Never
			// A proxy in the environment must not be asked.
			g := newRig(t, Options{Specs: []Spec{s}})
			results := g.up("a")
			if results[0].State != c.state || !strings.Contains(results[0].Why, c.why) {
				t.Errorf("%+v", results)
			}
		})
	}
}

func TestProbesUseNoProxy(t *testing.T) {
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	port := freePort(t)
	s := specOf(t, "a", "python3", "server.py", strconv.Itoa(port), "0", "200")
	s.Ready.HTTP = fmt.Sprintf("http://127.0.0.1:%d/", port)
	g := newRig(t, Options{Specs: []Spec{s}})
	if got := outcomes(g.up("a")); got != "a done" {
		t.Error(got)
	}
}

// A port that somebody else answers on proves nothing about the service.
func TestAStrangersPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	want := fmt.Sprintf("port %d is taken by pid %d (", port, os.Getpid())
	for _, c := range []struct {
		name string
		argv []string
	}{
		{"never listens", []string{"sleep", "1000"}},
		{"fails to bind", []string{"python3", "server.py", strconv.Itoa(port), "0.1", "200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := specOf(t, "a", c.argv...)
			s.Ready.TCP, s.Ready.Timeout = l.Addr().String(), 500*time.Millisecond
			s.Restart.Budget.Restarts = 0 // it costs nothing
			s.Restart.Backoff.Max = time.Hour
			g := newRig(t, Options{Specs: []Spec{s}})
			results := g.up("a")
			if results[0].State != StateBackoff || !strings.Contains(results[0].Why, want) {
				t.Errorf("%+v, want %q", results, want)
			}
			if g.count("a", KindReady) > 0 {
				t.Error("it was ready by a stranger's port")
			}
		})
	}
}

func TestAnExitEndsTheWaitForReadiness(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sh", "-c", "exit 3")
	s.Ready.TCP, s.Ready.Timeout = "127.0.0.1:1", time.Hour
	s.Restart.When = Never
	g := newRig(t, Options{Specs: []Spec{s}})
	if got := g.up("a"); got[0].State != StateHeld || !strings.Contains(got[0].Why, "exit code 3") {
		t.Errorf("%+v", got)
	}
}

// TestRapidChanges applies plans faster than the service starts and stops.
func TestRapidChanges(t *testing.T) {
	t.Parallel()
	lock := filepath.Join(t.TempDir(), "lock")
	s := specOf(t, "a", "python3", "alone.py", lock)
	var mu sync.Mutex
	latest, seen := 0, 0
	g := newRig(t, Options{Specs: []Spec{s}, Before: func(context.Context, string, int) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = latest
		return nil, nil
	}})
	var last *Ticket
	for i := range 200 {
		mu.Lock()
		latest = i
		mu.Unlock()
		last = g.Apply(planFor("a"))
		if i%10 == 0 {
			// Let some of them start for real.
			g.event("a", KindStarted, g.count("a", KindStarted)+1)
		}
	}
	g.finish(last)
	if err := g.settled(); err != nil {
		t.Error(err)
	}
	generation := g.status("a").Generation
	g.until("the last one to be up", func() bool {
		return slices.ContainsFunc(g.lines, func(l Line) bool { return l.Generation == generation && l.Text == "up" })
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.ContainsFunc(g.lines, func(l Line) bool { return l.Text == "overlap" }) {
		t.Error("two generations ran at once")
	}
	if mu.Lock(); seen != latest {
		t.Errorf("the last start saw revision %d of %d", seen, latest)
	}
	mu.Unlock()
	t.Logf("%d generations for 200 plans", generation)
}

// TestRestartsLeakNothing compares descriptors, goroutines and children before
// and after many restarts.
func TestRestartsLeakNothing(t *testing.T) {
	before := runtime.NumGoroutine() // each test that waits for its turn has one
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "sh", "-c", "setsid sleep 1000 & exec sleep 1000")}})
	measure := func() (fds, goroutines, children int) {
		g.up("a")
		// What ends in the background ends soon.
		for deadline := time.Now().Add(g.patience); ; runtime.Gosched() {
			fds, goroutines, children = len(entries(t, "/proc/self/fd")), runtime.NumGoroutine(), countChildren()
			if children <= 2 && goroutines < before+30 || time.Now().After(deadline) {
				return fds, goroutines, children
			}
		}
	}
	fds, goroutines, _ := measure()
	for range 100 {
		g.up("a")
	}
	fds2, goroutines2, children2 := measure()
	if fds2 > fds+3 || goroutines2 > goroutines+5 || children2 > 2 {
		t.Errorf("fds %d -> %d, goroutines %d -> %d, children %d", fds, fds2, goroutines, goroutines2, children2)
	}
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func countChildren() int {
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(os.Getpid())).Output()
	if err != nil {
		return -1
	}
	return len(strings.Fields(string(out))) - 1 // ps itself
}

// TestStatusesAreNotStolen runs commands of other packages while orphans come
// and go.
func TestStatusesAreNotStolen(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "sh", "-c", "while :; do setsid sh -c '(sleep 0.01 &) ; exit 0'; done")
	g := newRig(t, Options{Specs: []Spec{s}})
	g.up("a")
	for i := range 100 {
		err := exec.Command("sh", "-c", fmt.Sprintf("exit %d", i%7)).Run()
		var exit *exec.ExitError
		switch {
		case i%7 == 0 && err == nil:
		case errors.As(err, &exit) && exit.ExitCode() == i%7:
		default:
			t.Fatalf("exit %d: %v", i%7, err)
		}
	}
}

func TestAStuckSinkDoesNotSlowAService(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	var freed sync.Once
	release := func() { freed.Do(func() { close(free) }) }
	s := specOf(t, "a", "python3", "flood.py", "100")
	var g *rig
	var notices int
	g = newRig(t, Options{Specs: []Spec{s}, Output: func(l Line) {
		<-free
		g.add(func() {
			if l.Stream == Notice {
				notices++
			}
		})
	}})
	t.Cleanup(release)
	begin := time.Now()
	g.Apply(planFor("a"))
	exited := g.event("a", KindExited, 1)
	if exited.Exit.Code != 0 || exited.Time.Sub(begin) > 15*time.Second {
		t.Errorf("%s after %s", exited.Exit, exited.Time.Sub(begin))
	}
	if tail := g.Tail("a", 5); len(tail) != 5 || len(tail[4].Text) != 999 {
		t.Errorf("%d lines are kept", len(tail))
	}
	release()
	if e := g.event("a", KindDropped, 1); e.Count < 50_000 {
		t.Errorf("%d lines dropped", e.Count)
	}
	g.until("a notice", func() bool { return notices > 0 })
}

// TestOldBytecodeNeverRuns edits a module within one second to another one of
// the same size, which CPython cannot tell apart.
func TestOldBytecodeNeverRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	module := filepath.Join(dir, "edited.py")
	second := time.Now().Truncate(time.Second)
	edit := func(value int) {
		if err := os.WriteFile(module, fmt.Appendf(nil, "value = %03d\n", value)[:12], 0o644); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("value = %d\n", 100+value)
		if err := os.WriteFile(module, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(module, second, second); err != nil {
			t.Fatal(err)
		}
	}
	s := specOf(t, "a", "python3", "value.py", dir)
	g := newRig(t, Options{Specs: []Spec{s}, Dir: dir, Before: func(context.Context, string, int) ([]string, error) {
		return []string{"edited.py", "README.md"}, nil
	}})
	for i := range 20 {
		edit(i)
		g.up("a")
		g.until("the value", func() bool {
			return slices.ContainsFunc(g.lines, func(l Line) bool { return l.Generation == i+1 && strings.HasPrefix(l.Text, "value") })
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	i := 0
	for _, l := range g.lines {
		if want := fmt.Sprintf("value %d", 100+i); l.Text != want {
			t.Errorf("generation %d: %s, want %s", l.Generation, l.Text, want)
		}
		i++
	}
}

// leaveBehind runs an agent that dies without a word, and returns the pids of
// the processes of its service a: its command and one of each kind.
func leaveBehind(t *testing.T, run string, kinds ...string) []int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^TestAgentThatIsKilled$")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_KILLED="+run, "BOUNCE_TEST_KINDS="+strings.Join(kinds, " "))
	out, _ := cmd.Output() // it is killed
	_, text, ok := strings.Cut(string(out), "leaves ")
	if !ok {
		t.Fatalf("%s", out)
	}
	var left []int
	for _, word := range strings.Fields(text)[:1+len(kinds)] {
		pid, err := strconv.Atoi(word)
		if err != nil || !alive(pid) {
			t.Fatalf("pid %q is not left: %s", word, out)
		}
		left = append(left, pid)
	}
	return left
}

// TestAgentThatIsKilled is what leaveBehind runs.
func TestAgentThatIsKilled(t *testing.T) {
	run := os.Getenv("BOUNCE_TEST_KILLED")
	if run == "" {
		return
	}
	kinds := strings.Fields(os.Getenv("BOUNCE_TEST_KINDS"))
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", append([]string{"python3", "tree.py"}, kinds...)...)}, Run: run})
	g.up("a")
	g.line("up")
	text := fmt.Sprint("leaves ", g.event("a", KindStarted, 1).PID)
	for _, kind := range kinds {
		text += fmt.Sprint(" ", g.pidOf(kind))
	}
	fmt.Println(text)
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func TestLeftoversOfAKilledAgent(t *testing.T) {
	t.Parallel()
	left := leaveBehind(t, "killed-1", "session", "daemon")
	g := newRig(t, Options{Specs: []Spec{specOf(t, "a", "sleep", "1000"), specOf(t, "b", "sleep", "1000")}, Run: "killed-1"})
	g.up("b")
	if !alive(left[0]) {
		t.Error("what is left of a was ended for b")
	}
	g.up("a")
	for _, pid := range left {
		if alive(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
}

func TestLeftoversOfARemovedService(t *testing.T) {
	t.Parallel()
	left := leaveBehind(t, "killed-2", "session", "daemon")
	g := newRig(t, Options{Specs: []Spec{specOf(t, "b", "sleep", "1000")}, Run: "killed-2"})
	if err := g.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for _, pid := range left {
		if alive(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
}
