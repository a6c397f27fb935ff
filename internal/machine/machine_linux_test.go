package machine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLookAt(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  Kind
		make  func(path string) error
		there bool
		want  string // of Problem
	}{
		{"a private directory", Private, func(p string) error { return os.Mkdir(p, 0o700) }, true, ""},
		{"one that others may enter", Private, func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chmod(p, 0o750)) }, true, "others may use it, by its mode 0750"},
		{"a file in place of a directory", Private, func(p string) error { return os.WriteFile(p, nil, 0o600) }, true, "it is no directory"},
		{"a link to a directory", Private, func(p string) error { return os.Symlink(os.TempDir(), p) }, true, "it is no directory"},
		{"nothing yet", Private, func(string) error { return nil }, false, ""},
		{"a socket", Socket, func(p string) error { return listen(p, 0o600) }, true, ""},
		{"a socket that others may open", Socket, func(p string) error { return listen(p, 0o666) }, true, "others may use it, by its mode 0666"},
		{"a file in place of a socket", Socket, func(p string) error { return os.WriteFile(p, nil, 0o600) }, true, "it is no socket"},
		{"a log", File, func(p string) error { return os.WriteFile(p, nil, 0o644) }, true, ""},
		{"a directory in place of a log", File, func(p string) error { return os.Mkdir(p, 0o700) }, true, "it is no regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			p := LookAt("it", path, c.kind)
			if p.There != c.there || p.Problem != c.want || p.What != "it" || p.Path != path {
				t.Errorf("got %+v, want problem %q", p, c.want)
			}
			if p.FreeMB < 0 || c.there && p.Owner != os.Geteuid() {
				t.Errorf("got %+v: whose it is, and how much room there is, is known", p)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := LookAt("it", filepath.Join(file, "below", "x"), Private)
	if !strings.HasPrefix(p.Problem, "it cannot be ") {
		t.Errorf("below a file: %+v", p)
	}
}

func listen(path string, mode os.FileMode) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return errors.Join(os.Chmod(path, mode), l.Close())
}

func TestLimits(t *testing.T) {
	all, err := Limits(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]Limit{}
	for _, l := range all {
		seen[l.Name] = l
		if l.Raise == "" || l.Used < 0 {
			t.Errorf("%+v", l)
		}
	}
	if l := seen["descriptors"]; l.Used < 3 || l.Max != 0 && l.Max < l.Used {
		t.Errorf("%+v: there are three at least", l)
	}
	if _, err := Limits(1 << 30); err == nil || !strings.Contains(err.Error(), "process 1073741824") {
		t.Errorf("of no process: %v", err)
	}
	if all, err := Limits(0); err != nil || len(all) != len(seen) {
		t.Errorf("of one that is yet to be started: %v, %v", all, err)
	}
}

func TestSoftLimit(t *testing.T) {
	const text = "Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax open files            1024                 4096                 files     \nMax odd\n"
	for name, want := range map[string]int64{"Max open files": 1024, "Max cpu time": 0, "Max odd": 0, "Max nothing": 0} {
		if got, ok := softLimit(text, name); got != want || ok != (want > 0) {
			t.Errorf("%s: %d, %v, want %d", name, got, ok, want)
		}
	}
}

func TestClockOf(t *testing.T) {
	c := ClockOf(t.TempDir())
	if c.Problem == "" && (c.Ahead > 60 || c.Ahead < -60 || c.Step <= 0) {
		t.Errorf("%+v", c)
	}
	if c := ClockOf(filepath.Join(t.TempDir(), "nothing")); c.Problem == "" {
		t.Errorf("of no directory: %+v", c)
	}
}

func TestStepOf(t *testing.T) {
	at := func(all ...int64) (stamps []time.Time) {
		for _, n := range all {
			stamps = append(stamps, time.Unix(0, n))
		}
		return stamps
	}
	for _, c := range []struct {
		stamps []time.Time
		want   time.Duration
	}{
		{nil, 0},
		{at(4e9, 6e9), 2 * time.Second},
		{at(4e9, 5e9), time.Second},
		{at(4e9, 5e9+7e6), time.Millisecond},
		{at(4e9, 5e9+7e3), time.Microsecond},
		{at(4e9, 5e9+7), time.Nanosecond},
	} {
		if got := stepOf(c.stamps); got != c.want {
			t.Errorf("%v: %v, want %v", c.stamps, got, c.want)
		}
	}
}
