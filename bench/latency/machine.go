//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// load is the CPU time used so far, by the machine and by what is measured:
// this process and, if it is another, the reloader.
type load struct {
	at        time.Time
	all, ours time.Duration
	pid       int
}

func loadNow(pid int) load {
	l := load{at: time.Now(), all: busy(), ours: measure.CPU(os.Getpid()), pid: pid}
	if pid != os.Getpid() {
		l.ours += measure.CPU(pid)
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
