package runner

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// origin is the agent that has started a process, and the project that it ran, as
// the mark of the process has it: what a live agent looks after is not what a
// dead one has left. The path of a project, of which Options.Run is made, does
// not tell: agents of two users have it in common, and so have two directories in
// two mount namespaces.
type origin struct {
	agent identity
	// space and mounts are its process and mount namespaces, dev and ino the
	// directory of the project; 0 where the system does not tell.
	space, mounts, dev, ino uint64
}

// originOf is that of what this process starts for the project in dir.
func originOf(dir string) origin {
	o := origin{space: namespace("self", "pid"), mounts: namespace("self", "mnt")}
	if s, ok := readStat(os.Getpid()); ok {
		o.agent = s.identity
	}
	var st unix.Stat_t
	if unix.Stat(dir, &st) == nil {
		o.dev, o.ino = uint64(st.Dev), st.Ino
	}
	return o
}

// namespace is the number of a namespace of a process; 0 if it is not known.
func namespace(pid, kind string) uint64 {
	link, _ := os.Readlink("/proc/" + pid + "/ns/" + kind) // "mnt:[4026531841]"
	number, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]"), 10, 64)
	return number
}

const originFormat = "%d.%d.%d.%d.%x.%x"

func (o origin) String() string {
	return fmt.Sprintf(originFormat, o.agent.pid, o.agent.start, o.space, o.mounts, o.dev, o.ino)
}

// parseOrigin is the inverse of String; false for any other text.
func parseOrigin(text string) (o origin, ok bool) {
	_, err := fmt.Sscanf(text, originFormat, &o.agent.pid, &o.agent.start, &o.space, &o.mounts, &o.dev, &o.ino)
	return o, err == nil && o.agent.pid > 0 && o.String() == text
}

// same reports whether the project of o is ours, and its agent would be seen from
// here: the same directory, or the same path of the same mounts, where another
// directory may have come in place of the one that there was.
func (o origin) same(us origin) bool {
	return o.space == us.space && (o.mounts == us.mounts || o.dev == us.dev && o.ino == us.ino && o.ino != 0)
}

// marked is a process with the mark of our run. keeper is the live agent that it
// belongs to, if that is another one; strange says that it is of another project
// of the same path, or of a place that is not seen from here.
type marked struct {
	mark
	pid     int
	keeper  identity
	strange bool
}

// rivalTime is how long an agent that was killed may take to be gone.
const rivalTime = time.Second

// survey finds the processes that carry the mark of run, but for us and those
// above us. It is an error when another live agent looks after some of them.
func survey(run string, us origin) ([]marked, error) {
	w := newWake(nil)
	defer w.close()
	for deadline := time.Now().Add(rivalTime); ; {
		found := census(run, us)
		rival := rivalIn(found)
		if rival == (identity{}) {
			return found, nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			e := &OccupiedError{PID: rival.pid, UID: -1}
			if info, err := os.Stat("/proc/" + strconv.Itoa(rival.pid)); err == nil {
				e.UID = int(info.Sys().(*syscall.Stat_t).Uid)
			}
			return nil, e
		}
		w.untilDeath([]stat{{identity: rival}}, left, false)
	}
}

// rivalIn returns a live agent of our project, if there is one.
func rivalIn(found []marked) identity {
	for _, p := range found {
		if !p.strange && p.keeper != (identity{}) {
			return p.keeper
		}
	}
	return identity{}
}

// census is one look at all processes.
func census(run string, us origin) []marked {
	mine := ancestors()
	var found []marked
	for _, name := range names("/proc") {
		pid, err := strconv.Atoi(name)
		if err != nil || mine[pid] {
			continue
		}
		if m, ok := readMark(pid); ok && m.run == run {
			found = append(found, judge(m, pid, us))
		}
	}
	return found
}

// judge says whose a process is.
func judge(m mark, pid int, us origin) marked {
	p := marked{mark: m, pid: pid}
	o, ok := parseOrigin(m.by)
	if !ok { // an earlier version has started it, which did not say who it was
		p.strange = namespace(strconv.Itoa(pid), "mnt") != us.mounts
		if self, ok := readStat(us.agent.pid); ok {
			p.keeper = agentAbove(pid, self.comm)
		}
		return p
	}
	p.strange = !o.same(us)
	if s, alive := readStat(o.agent.pid); o.space == us.space && alive && s.identity == o.agent && o.agent != us.agent {
		p.keeper = o.agent
	}
	return p
}

// agentAbove returns the agent that a process is below, if it lives: it adopts
// what it has started, and has our name. A shim has another.
func agentAbove(pid int, name string) identity {
	for range 1000 { // a bound, since the tree may change meanwhile
		s, _ := readStat(pid)
		if s.ppid <= 1 || s.ppid == os.Getpid() {
			return identity{}
		}
		pid = s.ppid
		if above, ok := readStat(pid); ok && above.comm == name {
			return above.identity
		}
	}
	return identity{}
}
