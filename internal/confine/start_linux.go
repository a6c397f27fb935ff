package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Go can change the user of a child and nothing else that is meant here, and
// between fork and exec no Go code may run. So the program that we are is
// started once more, in the place of the one that is meant: it makes the
// settings for itself and then becomes the other one by exec, which keeps its
// pid. That takes some milliseconds, which only those pay who ask for something.
//
// Roads not taken: prlimit(2) on a child that runs already, which leaves it a
// moment without; stopping it at its exec by ptrace, which containers and
// debuggers forbid; a shell with ulimit, whose letters differ from one shell to
// the next and which knows nothing of CPUs.
//
// The hook is an init function, not one that each main has to call: a program
// that forgot to would start all of itself in the place of every service.

// argv0 is how a process knows that it is the one between. Behind it come an
// order as JSON, the directory to begin in, which the user must be able to enter
// and which need not be UTF-8, the path of the program and its own argument
// vector.
const argv0 = "bounce: about to become another program"

// order is what the process between is to do.
type order struct {
	Settings
	// Report is the descriptor of the pipe that an error goes to.
	Report int
}

// failure is what comes through the pipe; nothing does when all went well.
type failure struct {
	What  string
	Errno syscall.Errno
}

func init() {
	if os.Args[0] != argv0 || len(os.Args) < 5 {
		return
	}
	runtime.LockOSThread() // user, CPUs and niceness are those of a thread
	var o order
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
		os.Exit(1)
	}
	unix.CloseOnExec(o.Report)
	f := failure{}
	f.What, f.Errno = o.apply()
	if dir := os.Args[2]; f.Errno == 0 && dir != "" {
		if err := os.Chdir(dir); err != nil {
			f.What, f.Errno = "the directory "+dir, errnoOf(err)
		}
	}
	if f.Errno == 0 {
		f.Errno = errnoOf(syscall.Exec(os.Args[3], os.Args[4:], os.Environ()))
	}
	text, _ := json.Marshal(f) // a string and a number
	_, _ = unix.Write(o.Report, text)
	os.Exit(1)
}

// apply makes the settings for the calling thread, what needs privileges before
// they are given up. It returns what failed.
func (s Settings) apply() (what string, errno syscall.Errno) {
	if s.Umask != nil {
		unix.Umask(int(*s.Umask))
	}
	for _, l := range s.Limits {
		// Not prlimit: exec would put back what the Go runtime has noted of
		// nofile.
		err := syscall.Setrlimit(resources[l.Name], &syscall.Rlimit{Cur: l.Soft, Max: l.Hard})
		if err != nil {
			return "limit " + l.Name, errnoOf(err)
		}
	}
	if len(s.CPUs) > 0 {
		var set unix.CPUSet
		for _, cpu := range s.CPUs {
			set.Set(cpu)
		}
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return "CPUs", errnoOf(err)
		}
	}
	if s.Nice != nil {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, *s.Nice); err != nil {
			return "niceness", errnoOf(err)
		}
	}
	if s.ID == nil {
		return "", 0
	}
	if s.ID.differs() {
		if what, errno := s.ID.become(); errno != 0 {
			return what, errno
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "no_new_privs", errnoOf(err)
	}
	return "", 0
}

// differs reports whether somebody else is meant than who we are. Root may
// always leave its groups.
func (id ID) differs() bool {
	uid := uint32(os.Geteuid())
	return uid == 0 || id.UID != uid || id.GID != uint32(os.Getegid())
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return syscall.EINVAL
}

// Start starts the program at path under the settings. start is os.StartProcess
// or does what it does; it is called once, with a program, arguments and
// attributes that lead to the one that is meant. When Start returns without an
// error the program has begun. An error is an *Error, or that of start; no
// process is left then, though it had the pid that is returned with it, 0 for
// none.
func Start(s Settings, path string, argv []string, attr *os.ProcAttr, start func(string, []string, *os.ProcAttr) (*os.Process, error)) (child *os.Process, pid int, err error) {
	report, in, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer report.Close()
	between := *attr
	between.Dir = ""
	between.Files = append(append([]*os.File{}, attr.Files...), in)
	text, err := json.Marshal(order{s, len(attr.Files)})
	if err != nil {
		panic("bug: settings are plain data: " + err.Error())
	}
	// Our own file by this name even when it was removed or replaced meanwhile.
	child, err = start("/proc/self/exe", append([]string{argv0, string(text), attr.Dir, path}, argv...), &between)
	in.Close()
	if err != nil {
		return nil, 0, err
	}
	said, err := io.ReadAll(report)
	if len(said) == 0 && err == nil {
		return child, child.Pid, nil
	}
	pid = child.Pid
	_, _ = child.Wait() // it ends by itself
	var f failure
	if err := json.Unmarshal(said, &f); err != nil {
		return nil, pid, fmt.Errorf("cannot confine %s: %w", path, err)
	}
	return nil, pid, &Error{f.What, f.Errno}
}
