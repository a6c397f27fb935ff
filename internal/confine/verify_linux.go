package confine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Verify says which of the settings would fail, as far as that can be told
// beforehand; nil when none would. Each error names one setting.
func (s Settings) Verify() []error {
	if s.Zero() {
		return nil
	}
	caps := capabilities()
	var errs []error
	if id := s.ID; id != nil && id.differs() && (caps&capSetuid == 0 || caps&capSetgid == 0) {
		errs = append(errs, &Error{"another user", fmt.Errorf("that takes CAP_SETUID and CAP_SETGID, as root has them; this is user %d", os.Geteuid())})
	}
	for _, l := range s.Limits {
		if err := l.verify(caps&capResource != 0); err != nil {
			errs = append(errs, &Error{"limit " + l.Name, err})
		}
	}
	if there := online(); there != nil {
		for _, cpu := range s.CPUs {
			if !slices.Contains(there, cpu) {
				errs = append(errs, &Error{"CPUs", fmt.Errorf("there is no CPU %d: this machine has %s", cpu, ranges(there))})
			}
		}
	}
	return errs
}

// verify compares a limit with what this process may set.
func (l Limit) verify(privileged bool) error {
	if _, ok := resources[l.Name]; !ok {
		return fmt.Errorf("there is no such resource; there are %s", strings.Join(Resources(), ", "))
	}
	if l.Name == "nofile" {
		data, _ := os.ReadFile("/proc/sys/fs/nr_open")
		most, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
		if err == nil && l.Hard > most {
			return fmt.Errorf("%s is above what the kernel allows (sysctl fs.nr_open = %d)", words(l.Hard), most)
		}
	}
	var ours syscall.Rlimit
	if err := syscall.Getrlimit(resources[l.Name], &ours); err == nil && l.Hard > ours.Max && !privileged {
		return fmt.Errorf("%s is above the hard limit of bounce itself (%s), which takes CAP_SYS_RESOURCE, as root mostly has it", words(l.Hard), words(ours.Max))
	}
	return nil
}

// words writes a limit as configurations do.
func words(limit uint64) string {
	if limit == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(limit, 10)
}

const (
	capSetgid   = 1 << 6
	capSetuid   = 1 << 7
	capResource = 1 << 24
)

// capabilities are the effective ones of this process.
func capabilities() uint64 {
	data, _ := os.ReadFile("/proc/self/status") // none when it cannot be read
	for line := range strings.Lines(string(data)) {
		if digits, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(digits), 16, 64)
			return caps
		}
	}
	return 0
}

// online returns the CPUs of the machine, nil when the system does not say.
func online() []int {
	data, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return nil
	}
	cpus, _ := parseRanges(strings.TrimSpace(string(data)))
	return cpus
}
