//go:build unix

package runner

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/cgroup"
	"bounce/internal/confine"
)

// A command gets its own session, and so its own process group and no
// terminal but one that is made for it; its own pipes; /dev/null for input, or
// that terminal; and no other descriptor.
// Roads not taken: Pdeathsig, which fires when the thread that forked ends,
// not the agent (go.dev/issue/27505); os/exec, which looks commands up in the
// agent's PATH and not in the service's.

// unixStarter starts real processes.
type unixStarter struct {
	// leaves, if not nil, gives each command a control group of its own; escaped
	// is told of processes that have left theirs.
	leaves  *cgroup.Tree
	escaped func(m mark, pid int)
}

// proc is a process that was started; see process_linux.go and
// process_posix.go for how it is ended.
type proc struct {
	os     *os.Process
	mark   mark
	start  time.Time
	gone   chan struct{} // closed when the command has ended
	status Exit          // written before gone is closed
	reaped sync.Once
	pipes  [2]string // the output's pipes as /proc/PID/fd shows them

	leaf    *cgroup.Leaf // its control group, nil for none
	escaped func(m mark, pid int)
	kills   cgroup.Kills // as they were before the start
	killed  atomic.Bool  // by us
	shim    *shimEnd     // its parent, when that is not us
}

func (p *proc) pid() int                { return p.os.Pid }
func (p *proc) since() time.Time        { return p.start }
func (p *proc) exited() <-chan struct{} { return p.gone }
func (p *proc) exit() Exit              { return p.status }

func (p *proc) signal(name string) error {
	sig, err := signalNumber(name)
	if err != nil {
		return err
	}
	if sig == syscall.SIGKILL {
		p.killed.Store(true)
	}
	if p.shim != nil {
		return p.tell(sig)
	}
	return p.os.Signal(sig)
}

// busyTime is how long to retry a file that is being written to: another
// thread's fork may hold the descriptor that wrote it until its exec
// (go.dev/issue/22315).
const busyTime = time.Second

func (u unixStarter) start(c command, m mark, stdout, stderr *os.File) (process, error) {
	defer stdout.Close()
	defer stderr.Close()
	stdin := stdout
	if !c.tty {
		var err error
		if stdin, err = os.Open(os.DevNull); err != nil {
			return nil, fmt.Errorf("cannot start %q: %w", c.argv[0], err)
		}
		defer stdin.Close()
	}
	p, err := u.begin(c, m, [3]*os.File{stdin, stdout, stderr}, fork)
	if err != nil {
		return nil, err
	}
	p.pipes = [2]string{pipeName(stdout), pipeName(stderr)}
	go p.await()
	return p, nil
}

// forker starts a process: fork, or a shim that does.
type forker func(path string, argv []string, attr *os.ProcAttr) (*os.Process, time.Time, error)

// begin finds a command and starts it by fork, with std for its first
// descriptors, which are nil where fork has others.
func (u unixStarter) begin(c command, m mark, std [3]*os.File, fork forker) (*proc, error) {
	settings, account, err := c.confine.resolve()
	if err != nil {
		return nil, c.unconfined(err)
	}
	path, err := preflight(c, account)
	if err != nil {
		return nil, err
	}
	if errs := settings.Verify(); len(errs) > 0 {
		return nil, c.unconfined(errs[0])
	}
	if account != nil {
		c.env = homely(c.env, *account)
		for _, pipe := range std[1:] {
			// So that it may open /dev/stdout too.
			_ = pipe.Chown(int(account.UID), int(account.GID))
		}
	}
	name := c.argv[0]
	if c = c.lend(); len(c.files) > 0 {
		path = c.argv[0]
	}
	files := append(std[:], c.files...)
	if c.orders != nil {
		files = append(files, c.orders)
	}
	attr := &os.ProcAttr{
		Dir:   c.dir,
		Env:   m.environ(c.env),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: c.tty},
	}
	leaf, entered := u.enter(m, attr.Sys)
	defer entered()
	for deadline := time.Now().Add(busyTime); ; {
		kills := cgroup.CountKills(leaf)
		child, started, err := confined(settings, path, c.argv, attr, fork)
		switch {
		case err == nil:
			return &proc{
				os: child, mark: m, start: started, gone: make(chan struct{}),
				leaf: leaf, escaped: u.escaped, kills: kills,
			}, nil
		case errors.Is(err, syscall.ETXTBSY) && time.Now().Before(deadline):
			time.Sleep(2 * time.Millisecond)
		case leaf != nil:
			// It may be the group in which nothing can be started.
			leaf.Remove()
			leaf, attr.Sys = nil, &syscall.SysProcAttr{Setsid: true, Setctty: c.tty}
		default:
			return nil, c.refusal(name, path, account, err)
		}
	}
}

// confined starts a command under settings.
func confined(s confine.Settings, path string, argv []string, attr *os.ProcAttr, fork forker) (*os.Process, time.Time, error) {
	if s.Zero() {
		return fork(path, argv, attr)
	}
	child, pid, err := confine.Start(s, path, argv, attr, func(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
		child, _, err := fork(path, argv, attr)
		return child, err
	})
	if err != nil && pid != 0 {
		disown(pid)
	}
	return child, time.Now(), err
}

// preflight finds the file of a command, for another user if there is to be one,
// and names what would make execve fail in a way that its error number does not
// tell: a missing interpreter is "no such file" as well.
func preflight(c command, a *confine.Account) (string, error) {
	key := "cwd"
	fail := func(err error, format string, args ...any) (string, error) {
		return "", &StartError{Command: c.argv[0], Key: key, Problem: fmt.Sprintf(format, args...), Err: err}
	}
	if info, err := os.Stat(c.dir); err != nil {
		return fail(err, "its working directory %s: %s", c.dir, reason(err))
	} else if !info.IsDir() {
		return fail(syscall.ENOTDIR, "its working directory %s is not a directory", c.dir)
	}
	key = "run"
	path, err := lookPath(c.argv[0], c.dir, c.env, a)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fail(err, "%s is not executable; try: chmod +x %s", path, path)
	case err != nil && !strings.Contains(c.argv[0], "/"):
		return fail(err, "command not found in PATH=%s", variable(c.env, "PATH"))
	case err != nil:
		return fail(err, "%s: %s", path, reason(err))
	}
	line, ok := shebang(path)
	if !ok {
		return path, nil
	}
	if strings.HasSuffix(line, "\r") {
		return fail(nil, "the first line of %s ends in CR LF, so its interpreter would be %q; save it with LF line ends", path, line)
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return fail(nil, "the first line of %s names no interpreter", path)
	}
	if _, err := lookPath(words[0], c.dir, c.env, a); err != nil {
		return fail(err, "its interpreter %s, named in the first line of %s: %s", words[0], path, reason(err))
	}
	if filepath.Base(words[0]) == "env" && len(words) == 2 && !strings.Contains(words[1], "=") {
		if _, err := lookPath(words[1], c.dir, c.env, a); err != nil {
			return fail(err, "its interpreter %s, named in the first line of %s, is not in PATH=%s", words[1], path, variable(c.env, "PATH"))
		}
	}
	return path, nil
}

// lookPath finds a command as execvp does in the service's environment, for
// another user if there is one. The path is given with the error too if the file
// is there.
func lookPath(name, dir string, env []string, a *confine.Account) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	var found error = fs.ErrNotExist
	denied, closed := "", ""
	for _, d := range filepath.SplitList(variable(env, "PATH")) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		path := filepath.Join(d, name)
		switch err := executable(path); {
		case err == nil && a != nil && a.Obstacle(path) != "":
			closed = cmp.Or(closed, path) // to the user; there may be another one
		case err == nil:
			return path, nil
		case errors.Is(err, fs.ErrPermission) && denied == "":
			found, denied = err, path
		}
	}
	if closed != "" {
		return closed, nil // the system has the last word
	}
	return denied, found
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &fs.PathError{Op: "execute", Path: path, Err: syscall.EISDIR}
	}
	return unix.Access(path, unix.X_OK)
}

// shebang returns what follows "#!" in the first line of a file.
func shebang(path string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false // a file may be executable and not readable
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 512).ReadSlice('\n') // a long line is cut, as the kernel does
	text, ok := strings.CutPrefix(string(line), "#!")
	return strings.TrimSuffix(text, "\n"), ok
}

// refusal is startError for a command that may have been refused for who was to
// run it.
func (c command) refusal(name, path string, a *confine.Account, err error) error {
	var e *confine.Error
	settled := errors.As(err, &e) && e.What != ""
	if errors.Is(err, syscall.EACCES) {
		if why := denied(a, c.dir, path); why != "" {
			return &StartError{Command: name, Key: "user", Problem: why, Err: err}
		}
	}
	if settled {
		return c.unconfined(err)
	}
	return startError(name, err)
}

// startError sorts the error of a failed start: what a retry may mend, such as
// too many processes, stays as it is.
func startError(name string, err error) error {
	for _, e := range []struct {
		errno   syscall.Errno
		problem string
	}{
		{syscall.ENOEXEC, "it is neither a program for this machine nor a script with a #! line"},
		{syscall.EACCES, "permission denied"},
		{syscall.EPERM, "not permitted"},
		{syscall.ENOENT, "it is there, but the loader it needs is not"},
		{syscall.E2BIG, "its arguments and environment are too large"},
		{syscall.ELOOP, "too many symbolic links"},
		{syscall.ENOTDIR, "part of its path is not a directory"},
		{syscall.EINVAL, "the system refuses it as invalid"},
	} {
		if errors.Is(err, e.errno) {
			return &StartError{Command: name, Key: "run", Problem: e.problem, Err: err}
		}
	}
	return fmt.Errorf("cannot start %q: %w", name, err)
}

// reason is the error number in words, without the path that is said already.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// signalNumber returns the signal of a name without SIG; the zero value is
// TERM.
func signalNumber(name string) (syscall.Signal, error) {
	if name == "" {
		return syscall.SIGTERM, nil
	}
	if s := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")); s != 0 {
		return s, nil
	}
	return 0, fmt.Errorf("unknown signal %q; a name such as TERM, INT or QUIT", name)
}

// ended is the exit of a command.
func ended(code int, signal syscall.Signal) Exit {
	if signal == 0 {
		return Exit{Code: code}
	}
	name := unix.SignalName(signal)
	if name == "" {
		name = fmt.Sprintf("signal %d", signal)
	}
	return Exit{Code: -1, Signal: name}
}
