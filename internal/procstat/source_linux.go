package procstat

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"bounce/internal/pidstat"
)

// tick is the unit of times in /proc/PID/stat. The kernel tells user space of
// 100 a second, whatever its own clock does (USER_HZ).
const tick = 10 * time.Millisecond

// proc reads /proc.
type proc struct {
	self string
	page int64
	buf  []byte
}

func newSource() source {
	return &proc{self: strconv.Itoa(os.Getpid()), page: int64(os.Getpagesize()), buf: make([]byte, 4096)}
}

func (r *proc) uptime() time.Duration {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// file returns the first 4 KB of a file, valid until the next call.
func (r *proc) file(name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	n, err := io.ReadFull(f, r.buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil
	}
	return r.buf[:n]
}

func (r *proc) adopted() []int {
	return r.list("/proc/self/task/" + r.self + "/children")
}

// list returns the numbers in a file, however many there are.
func (r *proc) list(name string) []int {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	var all []int
	for word := range bytes.FieldsSeq(data) {
		if n, err := strconv.Atoi(string(word)); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func (r *proc) read(pid int) (process, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	p, ok := parse(r.file(dir+"/stat"), r.page)
	if !ok {
		return process{}, false
	}
	if f, err := os.Open(dir + "/fd"); err == nil {
		if names, err := f.Readdirnames(-1); err == nil {
			p.fds = len(names)
		}
		f.Close()
	}
	if threads, err := os.Open(dir + "/task"); err == nil {
		names, _ := threads.Readdirnames(-1) // it may be ending
		threads.Close()
		for _, thread := range names {
			p.descendants = append(p.descendants, r.list(dir+"/task/"+thread+"/children")...)
		}
	}
	return p, true
}

// parse reads a line of /proc/PID/stat; false for what is none, or is of a
// process that has ended.
func parse(line []byte, page int64) (process, bool) {
	s, ok := pidstat.Parse(line)
	return process{
		identity: identity{pid: s.PID, start: time.Duration(s.Start) * tick},
		session:  s.Session,
		parent:   s.Parent,
		name:     s.Name,
		cpu:      time.Duration(s.CPU) * tick,
		threads:  s.Threads,
		rss:      s.Pages * page,
	}, ok && !s.Dead()
}
