package observe

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func newSpool(t *testing.T) (*Hook, *Spool) {
	t.Helper()
	hook, err := Open(filepath.Join(t.TempDir(), "observed"))
	if err != nil {
		t.Fatal(err)
	}
	spool, err := hook.Spool("a service/x", 3, Options{Roots: []string{"/p"}})
	if err != nil {
		t.Fatal(err)
	}
	return hook, spool
}

// tells appends to what a user has told.
func (s *Spool) tells(t *testing.T, user, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(s.told(), user), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestReadTakesWholeLinesOnce(t *testing.T) {
	_, s := newSpool(t)
	for _, step := range []struct{ user, text, want string }{
		{"0", "h\t3.12", ""},
		{"0", ".1\nf\t-\t/p/a.py\nf\t-", "python 3.12.1\nexecuted /p/a.py 00"},
		{"0", "", ""},
		{"33", "f\t-\t/p/b.py\n", "executed /p/b.py 00"},
		{"0", "\t/p/c.py\n", "executed /p/c.py 00"},
		{"notes", "f\t-\t/p/d.py\n", ""},
	} {
		s.tells(t, step.user, step.text)
		r, err := s.Read()
		if err != nil || r.words() != step.want || r.Incomplete {
			t.Errorf("after %q: %q, %v; want %q", step.text, r.words(), err, step.want)
		}
	}
}

// TestReadOfWhatIsNoFile: whoever may write there may put anything there.
func TestReadOfWhatIsNoFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("f\t-\t/p/a.py\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, put := range map[string]func(name string) error{
		"a link":      func(name string) error { return os.Symlink(secret, name) },
		"a directory": func(name string) error { return os.Mkdir(name, 0o700) },
		"a pipe":      makePipe,
	} {
		_, s := newSpool(t)
		if err := put(filepath.Join(s.told(), "0")); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Read(); err == nil || r.words() != "" {
			t.Errorf("%s: %q, %v", what, r.words(), err)
		}
	}
}

func TestReadOfMoreUsersThanServicesHave(t *testing.T) {
	_, s := newSpool(t)
	for n := range mostUsers + 1 {
		s.tells(t, strings.Repeat("1", n/9+1)+string(rune('1'+n%9)), "")
	}
	if r, err := s.Read(); err != nil || !r.Incomplete {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestLeft(t *testing.T) {
	hook, s := newSpool(t)
	s.tells(t, "0", "f\t-\t/p/a.py\n")
	unfinished := filepath.Join(hook.base, "spool-1")
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}

	next, err := Open(hook.base)
	if err != nil {
		t.Fatal(err)
	}
	left, err := next.Left()
	if err != nil || len(left) != 1 || left[0].Service != "a service/x" || left[0].Generation != 3 {
		t.Fatalf("%+v, %v", left, err)
	}
	if r, err := left[0].Read(); err != nil || r.words() != "executed /p/a.py 00" {
		t.Errorf("%q, %v", r.words(), err)
	}
	if _, err := os.Stat(unfinished); !os.IsNotExist(err) {
		t.Errorf("what is unfinished stays: %v", err)
	}
	if err := left[0].Remove(); err != nil {
		t.Error(err)
	}
	if left, err := next.Left(); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

// TestLeftOfWhatIsNoOwner: what does not say whose spool it is, is removed, and
// nobody waits for it.
func TestLeftOfWhatIsNoOwner(t *testing.T) {
	for what, put := range map[string]func(name string) error{
		"a link":      func(name string) error { return os.Symlink("/dev/zero", name) },
		"a directory": func(name string) error { return os.Mkdir(name, 0o700) },
		"a pipe":      makePipe,
		"much":        func(name string) error { return os.WriteFile(name, make([]byte, mostOwner+1), 0o600) },
		"no number":   func(name string) error { return os.WriteFile(name, []byte("x svc"), 0o600) },
		"no name":     func(name string) error { return os.WriteFile(name, []byte("3"), 0o600) },
	} {
		hook, s := newSpool(t)
		of := filepath.Join(s.dir, ownerName)
		if err := errors.Join(os.Remove(of), put(of)); err != nil {
			t.Fatal(err)
		}
		if left, err := hook.Left(); err != nil || len(left) != 0 {
			t.Errorf("%s: %+v, %v", what, left, err)
		}
		if _, err := os.Lstat(s.dir); !os.IsNotExist(err) {
			t.Errorf("%s: the spool stays: %v", what, err)
		}
	}
}

func TestOpenTakesTheFirstPlaceThatIsSafe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	others := filepath.Join(dir, "others")
	good := filepath.Join(dir, "deep", "good")
	for _, err := range []error{os.WriteFile(file, nil, 0o600), os.Mkdir(others, 0o700), os.Chmod(others, 0o777)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	bad := []string{filepath.Join(file, "below"), file, others, filepath.Join(dir, "a:b")}
	if _, err := Open(bad...); err == nil {
		t.Error("no place is safe, and one is taken")
	} else {
		for _, name := range bad {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
		}
	}
	hook, err := Open(append(bad, good)...)
	if err != nil || hook.base != good {
		t.Errorf("%+v, %v", hook, err)
	}
}

// TestEnviron: what PYTHONPATH says stays behind the hook's directory, and one
// that says nothing does not become the working directory.
func TestEnviron(t *testing.T) {
	_, s := newSpool(t)
	for before, after := range map[string]string{"": "", "PYTHONPATH=": "", "PYTHONPATH=/a::b": ":/a::b"} {
		want := []string{"BOUNCE_OBSERVE=" + s.dir, "PYTHONPATH=" + s.hook + after}
		if got := s.Environ([]string{"HOME=/", before}); !slices.Equal(got, want) {
			t.Errorf("with %q: %q", before, got)
		}
	}
}

func TestObstacle(t *testing.T) {
	for _, c := range []struct{ program, flags, is, want string }{
		{"/usr/bin/python3.12", "", "", ""},
		{"/usr/bin/python3.12", "", "cpython 3.12.1", ""},
		{"/usr/bin/python3.12", "-s -P", "", ""},
		{"/usr/bin/python3.12", "-s -E", "", "python3.12 -E ignores PYTHONPATH"},
		{"/opt/pypy3", "", "", "pypy3 has not all audit events"},
		{"/opt/pypy3", "-S", "pypy 3.9.16", "pypy3 -S does not import sitecustomize"},
		{"env/bin/python", "", "pypy 3.9.16", "python is pypy, which has not all audit events"},
		{"python3", "", "cpython 3.8.0", ""},
		{"python3", "", "cpython 3.7.16", "python3 is Python 3.7.16, which has no audit hooks: those came with 3.8"},
		{"python3", "", "cpython 3.10.0", ""},
		{"python3", "", "cpython ?", ""},
		{"python2.7", "", "", "python2.7 has no audit hooks: those came with Python 3.8"},
	} {
		implementation, version, _ := strings.Cut(c.is, " ")
		p := Python{Program: c.program, Flags: strings.Fields(c.flags), Implementation: implementation, Version: version}
		if got := p.Obstacle(); got != c.want {
			t.Errorf("%+v: %q", p, got)
		}
	}
}
