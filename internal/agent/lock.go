package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bounce/internal/control"
)

// lock keeps a second agent off a project. The kernel lets go of it when the
// agent dies in whatever way.
type lock struct{ file *os.File }

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
	// For the message alone: a disk that is full is no reason not to run.
	_ = errors.Join(f.Truncate(0), write(f, strconv.Itoa(os.Getpid())+"\n"))
	return &lock{f}, nil
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
func (l *lock) Close() error { return l.file.Close() }
