package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"bounce/internal/control"
)

// Exit codes of bounce that the demo tells apart.
const exitHeld = 3

// agent is a running `bounce up --json`, and the other verbs on its project.
type agent struct {
	bounce, dir string
	env         []string
	up          *exec.Cmd
	// life ends when up does; err is then how.
	life context.Context
	err  error
	// plans gets a token when up prints a plan; one that nobody has taken yet
	// stands for all.
	plans chan struct{}
	alive chan struct{} // closed at the first event
	words lastLines
}

var errEnded = errors.New("bounce up has ended by itself")

// startAgent runs `bounce up --json` in dir.
func startAgent(bounce, dir, state string) (*agent, error) {
	a := &agent{
		bounce: bounce,
		dir:    dir,
		env:    append(os.Environ(), "XDG_STATE_HOME="+state),
		plans:  make(chan struct{}, 1),
		alive:  make(chan struct{}),
	}
	a.up = exec.Command(bounce, "up", "--json")
	a.up.Dir, a.up.Env = dir, a.env
	a.up.Stderr = &a.words
	// Ctrl-C is for the demo, which passes it on once: a second one would
	// make bounce kill instead of stop.
	a.up.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// When up is killed, its services may live on and hold its output open.
	a.up.WaitDelay = time.Second
	events, err := a.up.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := a.up.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the agent: %w", err)
	}
	life, end := context.WithCancelCause(context.Background())
	a.life = life
	go func() {
		err := a.read(events)
		a.err = errors.Join(err, a.up.Wait())
		end(errEnded)
	}()
	return a, nil
}

// read takes what up prints, until it ends.
func (a *agent) read(events io.Reader) error {
	lines := json.NewDecoder(bufio.NewReader(events))
	for first := true; ; first = false {
		var e control.Event
		switch err := lines.Decode(&e); {
		case err == io.EOF:
			return nil
		case err != nil:
			_, _ = io.Copy(io.Discard, events)
			return fmt.Errorf("bounce up --json printed no event: %w", err)
		}
		if first {
			close(a.alive)
		}
		if e.Kind == "plan" {
			select {
			case a.plans <- struct{}{}:
			default:
			}
		}
	}
}

// verb runs another verb of bounce on the project and returns what it printed
// and its exit code; an error for any code that is not among ok, and when the
// agent ends meanwhile.
func (a *agent) verb(ctx context.Context, ok []int, args ...string) ([]byte, int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.life, func() { cancel(errEnded) })()
	cmd := exec.CommandContext(ctx, a.bounce, args...)
	cmd.Dir, cmd.Env = a.dir, a.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	for _, fine := range ok {
		if code == fine {
			return stdout.Bytes(), code, nil
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, code, cause
	}
	return nil, code, fmt.Errorf("bounce %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
}

// waitUp waits until the agent has said something: its socket is there before
// its first event.
func (a *agent) waitUp(ctx context.Context) error {
	select {
	case <-a.alive:
		return nil
	case <-a.life.Done():
		return errEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sync waits until everything written so far is running, or held.
func (a *agent) sync(ctx context.Context) error {
	_, _, err := a.verb(ctx, []int{0, exitHeld}, "sync", "--timeout", "20s")
	return err
}

// status returns the services as the agent sees them.
func (a *agent) status(ctx context.Context) ([]control.Service, error) {
	out, _, err := a.verb(ctx, []int{0}, "status", "--json")
	if err != nil {
		return nil, err
	}
	var status control.Status
	if err := json.Unmarshal(out, &status); err != nil {
		return nil, fmt.Errorf("cannot read bounce status --json: %w", err)
	}
	return status.Services, nil
}

// events returns what has happened after the event of a number.
func (a *agent) events(ctx context.Context, since uint64) ([]control.Event, error) {
	out, _, err := a.verb(ctx, []int{0}, "events", "--json", "--since", fmt.Sprint(since))
	if err != nil {
		return nil, err
	}
	var events []control.Event
	lines := json.NewDecoder(bytes.NewReader(out))
	for {
		var e control.Event
		switch err := lines.Decode(&e); {
		case err == io.EOF:
			return events, nil
		case err != nil:
			return nil, fmt.Errorf("cannot read bounce events --json: %w", err)
		}
		events = append(events, e)
	}
}

// patience is how long bounce may take to stop the shop, whose services end at
// once.
const patience = 15 * time.Second

// stop interrupts the agent as Ctrl-C does and waits until it is gone, with
// every service. It may be called again, to no effect.
func (a *agent) stop() error {
	_ = a.up.Process.Signal(os.Interrupt)
	select {
	case <-a.life.Done():
	case <-time.After(patience):
		_ = a.up.Process.Signal(os.Interrupt) // kills what does not stop
		<-a.life.Done()
		return fmt.Errorf("bounce up did not end within %v of an interrupt", patience)
	}
	if a.err != nil {
		return fmt.Errorf("bounce up: %w", a.err)
	}
	return nil
}

// lastWords returns the end of what the agent has logged.
func (a *agent) lastWords() string {
	if text := a.words.String(); text != "" {
		return "\nThe last that bounce up said:\n" + text
	}
	return ""
}

// lastLines keeps the end of what is written to it.
type lastLines struct {
	mu   sync.Mutex
	text []byte
}

// kept is how much of it; about thirty lines.
const kept = 4096

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-kept):]
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
