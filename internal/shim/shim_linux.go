package shim

import (
	"errors"
	"os"
	"time"
)

// Command is what a shim starts.
type Command struct {
	// Path is the program, Argv its words from its name on, Dir and Env as in
	// [os.ProcAttr].
	Path string
	Argv []string
	Dir  string
	Env  []string
	// Files are its descriptors from 3 on. The shim keeps the first Kept of them
	// open as long as it lives, and gives those to agents that come later.
	// Standard input is /dev/null.
	Files []*os.File
	Kept  int
	// Notify is a datagram socket that passes credentials, nil for none. The
	// shim reads it.
	Notify *os.File
	// Owner is the user and group that its output's pipes are to belong to, so
	// that it may open /dev/stdout; nil for ours.
	Owner *[2]int
	// Cgroup is the directory of one to start it in, nil for none.
	Cgroup *os.File
	// Linger is how long the shim waits for an agent when its command has ended
	// and nobody is connected.
	Linger time.Duration
}

// Handler is told what a shim says, from one goroutine. None of it is nil.
type Handler struct {
	Line func(Line)
	// Lost says how many lines are missing before the next one.
	Lost   func(count uint64)
	Notice func(pid int, text string)
}

// Last is what a shim left behind that has ended with nobody connected.
type Last struct {
	// Boot is the run of the system that it is about.
	Boot   string
	Record []byte
	Exit   Exit
	// Started and Ended are when the command was.
	Started, Ended time.Time
	// Lines are the last ones of its output.
	Lines []Line
}

// ErrNoShim says that nobody answers at a place any more.
var ErrNoShim = errors.New("no shim is there")
