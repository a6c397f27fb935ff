package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"bounce/internal/pidstat"
)

// What /proc says about processes. A pid alone names nothing: it is used with
// the start time, in clock ticks since boot.

// identity names a process for as long as the system is up.
type identity struct {
	pid   int
	start uint64
}

// stat is the part of /proc/PID/stat that is of use here.
type stat struct {
	identity
	comm           string
	state          byte
	ppid           int
	group, session int
}

// statOf is what is of use of a line.
func statOf(p pidstat.Stat) stat {
	return stat{
		identity: identity{p.PID, p.Start}, comm: p.Name, state: p.State,
		ppid: p.Parent, group: p.Group, session: p.Session,
	}
}

// readStat reads the stat of a process; false if there is none, or only a
// zombie of it.
func readStat(pid int) (s stat, alive bool) {
	p, ok := readPid(strconv.Itoa(pid))
	return statOf(p), ok && !p.Dead()
}

// readPid reads the stat of a process, zombie or not.
func readPid(pid string) (pidstat.Stat, bool) {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		see(err)
		return pidstat.Stat{}, false
	}
	return pidstat.Parse(data)
}

// hasChildren says whether the kernel lists children (CONFIG_PROC_CHILDREN).
var hasChildren = sync.OnceValue(func() bool {
	_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	return err == nil
})

// blinded counts the looks at /proc that failed for want of descriptors or
// memory, whoever looked. What was looked for may be there then.
var blinded atomic.Uint64

// see notes why a look has failed.
func see(err error) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) {
		blinded.Add(1)
	}
}

// children returns the children of a process, zombies included. The kernel may
// miss some while others end: look twice.
func children(pid int) []int {
	if !hasChildren() {
		return childrenByScan(pid)
	}
	var pids []int
	for _, thread := range names("/proc/" + strconv.Itoa(pid) + "/task") {
		pids = append(pids, childrenOf(pid, thread)...)
	}
	return pids
}

// childrenOf returns the children of one thread.
func childrenOf(pid int, thread string) []int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + thread + "/children")
	if err != nil {
		see(err)
		return nil // the thread has ended
	}
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		if child, err := strconv.Atoi(word); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// adopted returns our children, with all that we were given as a subreaper:
// the kernel gives them to the first thread, which in Go never ends. One file
// to read, however many threads there are.
func adopted() []int {
	pid := os.Getpid()
	if !hasChildren() {
		return childrenByScan(pid)
	}
	return childrenOf(pid, strconv.Itoa(pid))
}

// childrenByScan looks at every process instead.
func childrenByScan(pid int) []int {
	var pids []int
	for _, name := range names("/proc") {
		if p, ok := readPid(name); ok && p.Parent == pid {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// names lists the numeric entries of a directory.
func names(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		see(err)
		return nil
	}
	defer f.Close()
	all, _ := f.Readdirnames(-1) // what was read before an error counts
	numeric := all[:0]
	for _, name := range all {
		if name[0] >= '0' && name[0] <= '9' {
			numeric = append(numeric, name)
		}
	}
	return numeric
}

// readMark returns the mark in the environment that a process was started
// with; false when it has none or may not be read.
func readMark(pid int) (mark, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil || !bytes.Contains(data, []byte(envRun+"=")) {
		see(err)
		return mark{}, false
	}
	env := strings.Split(string(data), "\x00")
	generation, err := strconv.Atoi(variable(env, envGeneration))
	m := mark{
		run: variable(env, envRun), service: variable(env, envService), generation: generation,
		hook: Hook(variable(env, envHook)), by: variable(env, envAgent),
	}
	return m, err == nil && m.run != ""
}

// commandLine returns the words of a process, or its name in brackets.
func commandLine(pid int) string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(data) == 0 {
		s, _ := readStat(pid)
		return "[" + s.comm + "]"
	}
	return strings.ReplaceAll(string(bytes.TrimRight(data, "\x00")), "\x00", " ")
}

func fdDir(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/fd" }

// holdsFile reports whether a process has a file open that /proc shows so. The
// mode says what it was opened for: 0400 to read, 0200 to write.
func holdsFile(pid int, is func(link string, mode fs.FileMode) bool) bool {
	dir := fdDir(pid)
	for _, fd := range names(dir) {
		name := dir + "/" + fd
		link, err := os.Readlink(name)
		if err != nil {
			continue // closed meanwhile
		}
		if info, err := os.Lstat(name); err == nil && is(link, info.Mode()) {
			return true
		}
	}
	return false
}
