//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// figures are times of one kind.
type figures []time.Duration

// at returns the figure that a share of them does not exceed; NaN-like -1 when
// there are none.
func (f figures) at(share float64) time.Duration {
	if len(f) == 0 {
		return -1
	}
	sorted := slices.Sorted(slices.Values(f))
	return sorted[min(len(sorted)-1, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func ms(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f", d.Seconds()*1000)
	default:
		return fmt.Sprintf("%.0f", d.Seconds()*1000)
	}
}

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
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %d cores, Linux %s, load %s", model, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), strings.Join(strings.Fields(string(load))[:1], ""))
}

// cpuOf returns the processor time that a process has used, with that of its
// children that have ended.
func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12, 13, 14} { // utime, stime and the children's
		if i < len(f) {
			n, _ := strconv.ParseInt(f[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}

// memoryOf returns a line of /proc/PID/status in MiB.
func memoryOf(pid int, what string) float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// printTable prints rows below a head, as Markdown.
func printTable(head []string, rows [][]string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	dashes := make([]string, len(head))
	for i := range dashes {
		dashes[i] = "---"
	}
	for _, cells := range append([][]string{head, dashes}, rows...) {
		fmt.Fprintln(w, "| "+strings.Join(cells, "\t| ")+"\t|")
	}
	w.Flush()
}
