//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine describes where the figures come from.
func machine() string {
	model := "unknown CPU"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var u unix.Utsname
	_ = unix.Uname(&u)
	return fmt.Sprintf("%s, %d cores, Linux %s", model, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]))
}

// load is the CPU time used so far, by the machine and by what is measured:
// this process and, if it is another, the reloader.
type load struct {
	at        time.Time
	all, ours time.Duration
	pid       int
}

func loadNow(pid int) load {
	l := load{at: time.Now(), all: busy(), ours: cpuOf(os.Getpid()), pid: pid}
	if pid != os.Getpid() {
		l.ours += cpuOf(pid)
	}
	return l
}

// others returns which share of the machine, in percent, other programs and
// the host of a virtual machine took since then.
func (l load) others() float64 {
	n := loadNow(l.pid)
	took := max(0, (n.all-l.all)-(n.ours-l.ours))
	return 100 * float64(took) / float64(n.at.Sub(l.at)) / float64(runtime.NumCPU())
}

// busy is the time that all cores were in use, time stolen by the host
// included.
func busy() time.Duration {
	stat, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(stat), "\n")
	var ticks int64
	for i, field := range strings.Fields(first) {
		// cpu user nice system idle iowait irq softirq steal guest...
		if i >= 1 && i <= 8 && i != 4 && i != 5 {
			n, _ := strconv.ParseInt(field, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ is 100 wherever Linux runs Go
}

// cpuOf is the CPU time of a process's threads that still live; Go keeps them.
func cpuOf(pid int) time.Duration {
	var sum time.Duration
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		fields := strings.Fields(string(text))
		if len(fields) > 0 {
			n, _ := strconv.ParseInt(fields[0], 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}

// memory is a size of /proc/PID/status in MiB, such as VmRSS or VmHWM.
func memory(pid int, name string) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			fields := strings.Fields(value)
			if len(fields) > 0 {
				kib, _ := strconv.ParseFloat(fields[0], 64)
				return kib / 1024
			}
		}
	}
	return 0
}
