package machine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits returns those of a process of this user; of process 0 what one may have
// that is yet to be started.
func Limits(pid int) ([]Limit, error) {
	self := pid == 0
	if self {
		pid = os.Getpid()
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	links, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, fmt.Errorf("cannot tell the limits of process %d: %s", pid, cause(err))
	}
	var instances, watches int64
	for _, link := range links {
		target, err := os.Readlink(filepath.Join(dir, "fd", link.Name()))
		if err != nil || target != "anon_inode:inotify" {
			continue
		}
		instances++
		info, _ := os.ReadFile(filepath.Join(dir, "fdinfo", link.Name())) // it may be closed by now
		watches += int64(bytes.Count(info, []byte("\ninotify wd:")))
	}
	descriptors := Limit{Name: "descriptors", Used: int64(len(links)), Raise: "ulimit -n, or LimitNOFILE of a unit"}
	if self {
		descriptors.Used = 0
	}
	all := []Limit{
		{Name: "inotify watches", Used: watches, Shared: true, Raise: "sysctl fs.inotify.max_user_watches"},
		{Name: "inotify instances", Used: instances, Shared: true, Raise: "sysctl fs.inotify.max_user_instances"},
	}
	var known []Limit
	for i, file := range []string{"max_user_watches", "max_user_instances"} {
		if n, err := number("/proc/sys/fs/inotify/" + file); err == nil {
			all[i].Max = n
			known = append(known, all[i])
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "limits"))
	if err != nil {
		return known, nil
	}
	if soft, ok := softLimit(string(text), "Max open files"); ok {
		descriptors.Max = soft
		known = append(known, descriptors)
	}
	return known, nil
}

// softLimit reads a line of /proc/PID/limits; false for one that is not there,
// or unlimited.
func softLimit(text, name string) (int64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			fields := strings.Fields(rest)
			if len(fields) == 0 {
				return 0, false
			}
			n, err := strconv.ParseInt(fields[0], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

func number(file string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}
