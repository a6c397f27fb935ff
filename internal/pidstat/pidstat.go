// Package pidstat reads the line of /proc/PID/stat.
package pidstat

import (
	"bytes"
	"strconv"
)

// Stat is what the line says of a process, as proc(5) has it; times are in clock
// ticks.
type Stat struct {
	PID int
	// Name is that of its program, cut off at 15 bytes.
	Name                   string
	State                  byte
	Parent, Group, Session int
	// CPU is the time that it has used, of all threads that there were.
	CPU     int64
	Threads int
	// Start is when it began, since boot: with PID it names one process for as
	// long as the system is up.
	Start uint64
	// Pages is how much of it is in memory.
	Pages int64
}

// Dead reports whether nothing of the process runs any more. The state is that
// of its first thread, which may be over while others run.
func (s Stat) Dead() bool { return (s.State == 'Z' || s.State == 'X') && s.Threads <= 1 }

// Parse reads a line; false for what is none. The name in parentheses may contain
// anything, parentheses too.
func Parse(line []byte) (s Stat, ok bool) {
	open, shut := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || shut < open {
		return Stat{}, false
	}
	fields := bytes.Fields(line[shut+1:]) // from the third on
	if len(fields) < 22 || len(fields[0]) != 1 {
		return Stat{}, false
	}
	ok = true
	number := func(field []byte) int64 {
		n, err := strconv.ParseInt(string(field), 10, 64)
		ok = ok && err == nil
		return n
	}
	at := func(n int) int64 { return number(fields[n-3]) } // as proc(5) counts
	s = Stat{
		PID: int(number(bytes.TrimSpace(line[:open]))), Name: string(line[open+1 : shut]), State: fields[0][0],
		Parent: int(at(4)), Group: int(at(5)), Session: int(at(6)),
		CPU: at(14) + at(15), Threads: int(at(20)), Start: uint64(at(22)), Pages: at(24),
	}
	return s, ok
}
