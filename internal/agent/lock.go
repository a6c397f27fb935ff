package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"bounce/internal/control"
	"bounce/runner"
)

// lock keeps a second agent off a project: one of this state directory by a file,
// any other by a claim. The kernel lets go of both when the agent dies in whatever
// way.
type lock struct {
	file  *os.File
	claim io.Closer
}

// errLocked is returned by flock when another process has the lock.
var errLocked = errors.New("locked by another process")

// lockProject takes the lock of the project in dir, and writes the process id
// into it for the message that another agent gets.
func lockProject(dir string) (*lock, error) {
	state, err := control.StateDir(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep state in %s: %w; set XDG_STATE_HOME to a directory that can be written", state, err)
	}
	name := filepath.Join(state, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		// A file on a disk that is read-only can be locked all the same.
		if there, err2 := os.Open(name); err2 == nil {
			f, err = there, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the project: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%w: process %s has %s", ErrRunning, holder(name), dir)
		}
		return nil, fmt.Errorf("cannot lock %s: %w", name, err)
	}
	claim, err := claimProject(dir)
	if err != nil {
		f.Close()
		return nil, err
	}
	// For the message alone: a disk that is full is no reason not to run.
	_ = errors.Join(f.Truncate(0), write(f, strconv.Itoa(os.Getpid())+"\n"))
	return &lock{f, claim}, nil
}

// claimProject keeps off agents of other users and state directories.
func claimProject(dir string) (io.Closer, error) {
	claim, err := control.Claim(dir)
	var taken *control.TakenError
	if errors.As(err, &taken) {
		return nil, &foreignError{dir, taken.PID, taken.UID}
	}
	return claim, err
}

// foreignError says that an agent runs a project which cannot be reached from
// here.
type foreignError struct {
	dir      string
	pid, uid int // 0 and -1 when they are not known
}

func (e *foreignError) Error() string {
	who, end := "a process", "as its user"
	if e.pid > 0 {
		who = fmt.Sprintf("process %d", e.pid)
	}
	switch {
	case e.uid == os.Getuid():
		end = "with its XDG_STATE_HOME and XDG_RUNTIME_DIR"
	case e.uid >= 0:
		name := strconv.Itoa(e.uid)
		if entry, err := user.LookupId(name); err == nil {
			name = entry.Username
		}
		who, end = who+" of user "+name, "as that user"
	}
	text := fmt.Sprintf("%v: %s has %s, and keeps its state elsewhere; 'bounce down' %s ends it", ErrRunning, who, e.dir, end)
	if e.pid > 0 {
		text += fmt.Sprintf(", or 'kill -INT %d'", e.pid)
	}
	return text
}

func (e *foreignError) Unwrap() error { return ErrRunning }

// foreign reports whether an error is one.
func foreign(err error) bool {
	var e *foreignError
	return errors.As(err, &e)
}

// newRunner is runner.New, which refuses what it finds of an agent that lives.
func newRunner(o runner.Options) (*runner.Runner, error) {
	r, err := runner.New(o)
	var occupied *runner.OccupiedError
	if errors.As(err, &occupied) {
		return nil, &foreignError{o.Dir, occupied.PID, occupied.UID}
	}
	return r, err
}

func write(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// holder returns the process id that the lock's owner wrote into it.
func holder(name string) string {
	data, err := os.ReadFile(name)
	if pid := strings.TrimSpace(string(data)); err == nil && pid != "" {
		return pid
	}
	return "(unknown)"
}

// Close gives the lock back. The file stays: removing it would let two agents
// lock two files of the same name.
//
// The claim goes first: whoever has the file then finds a claim of others alone.
func (l *lock) Close() error { return errors.Join(l.claim.Close(), l.file.Close()) }
