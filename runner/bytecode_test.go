package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBytecodeOf(t *testing.T) {
	for name, want := range map[string]string{
		"m.cpython-312.pyc":           "m",
		"m.cpython-312.opt-1.pyc":     "m",
		"m.cpython-312.opt-2.pyc":     "m",
		"a.b.cpython-312.pyc":         "a.b",
		"__init__.pypy39.pyc":         "__init__",
		"m.cpython-312.pyc.140123":    "", // being written
		"m.pyc":                       "",
		"m.py":                        "",
		"opt-1.cpython-312.opt-1.pyc": "opt-1",
	} {
		if got := bytecodeOf(name); got != want {
			t.Errorf("bytecodeOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDropBytecode(t *testing.T) {
	dir := t.TempDir()
	cached := filepath.Join("cache", dir, "src")
	files := []string{
		"src/__pycache__/m.cpython-312.pyc", "src/__pycache__/m.cpython-312.opt-1.pyc", "src/__pycache__/m.cpython-39.pyc",
		"src/__pycache__/mm.cpython-312.pyc", "src/__pycache__/m.txt",
		"src/p/__pycache__/__init__.cpython-312.pyc",
		filepath.Join(cached, "m.cpython-312.pyc"), filepath.Join(cached, "other.cpython-312.pyc"),
	}
	for _, f := range files {
		path := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PYTHONPYCACHEPREFIX=../cache"} // relative to where it starts
	if stays, err := dropBytecode(dir, filepath.Join(dir, "src"), env, []string{"src/m.py", "src/p/__init__.py", "README.md", "gone/x.py"}); err != nil || len(stays) > 0 {
		t.Fatal(stays, err)
	}
	var left []string
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
			left = append(left, f)
		}
	}
	want := []string{"src/__pycache__/mm.cpython-312.pyc", "src/__pycache__/m.txt", filepath.Join(cached, "other.cpython-312.pyc")}
	if !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
}

// TestBytecodeThatStays has a directory of bytecode that nobody can look into.
func TestBytecodeThatStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("__pycache__", filepath.Join(dir, "__pycache__")); err != nil {
		t.Fatal(err)
	}
	stays, err := dropBytecode(dir, dir, nil, []string{"b.py", "p/c.py", "a.py"})
	if want := []string{"a.py", "b.py"}; !slices.Equal(stays, want) || err == nil || !strings.HasPrefix(err.Error(), "cannot remove bytecode") {
		t.Errorf("got %q, %v, want %q", stays, err, want)
	}
	stays, err = dropBytecode(dir, dir, []string{"PYTHONPYCACHEPREFIX=elsewhere"}, []string{"a.py"})
	if len(stays) > 0 || err != nil {
		t.Errorf("nothing reads it, but it counts: %q, %v", stays, err)
	}
}

// TestCouldPass has Python compile a source, which then changes to the same size
// or another one, at the same time or another one.
func TestCouldPass(t *testing.T) {
	at := time.Unix(1_600_000_000, 0)
	late := at.Add(999_999_950 * time.Nanosecond) // which a float takes for the next second
	for _, c := range []struct {
		kind, change string
		from, to     time.Time
		want         bool
	}{
		{"TIMESTAMP", "value = 2\n", at, at, true},
		{"TIMESTAMP", "value = 2\n", at, at.Add(999 * time.Millisecond), true},
		{"TIMESTAMP", "value = 2\n", at, at.Add(time.Second), false},
		{"TIMESTAMP", "value = 2\n", late, late, true},
		{"TIMESTAMP", "value = 2\n", late, at.Add(time.Second), true},
		{"TIMESTAMP", "value = 22\n", at, at, false},
		{"TIMESTAMP", "", at, at, false},
		{"CHECKED_HASH", "value = 2\n", at, at, false},
		{"UNCHECKED_HASH", "value = 22\n", at, at.Add(time.Hour), true},
	} {
		dir := t.TempDir()
		source, pyc := filepath.Join(dir, "m.py"), filepath.Join(dir, "m.pyc")
		write := func(text string, at time.Time) {
			if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(source, at, at); err != nil {
				t.Fatal(err)
			}
		}
		write("value = 1\n", c.from)
		program := "import py_compile as p, sys; p.compile(sys.argv[1], sys.argv[2], invalidation_mode=p.PycInvalidationMode." + c.kind + ")"
		if out, err := exec.Command("python3", "-c", program, source, pyc).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if c.change == "" {
			if err := os.Remove(source); err != nil {
				t.Fatal(err)
			}
		} else {
			write(c.change, c.to)
		}
		if got := couldPass(source, pyc); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestRacyBytecode lets Python compile, and then turns the clock of source and
// bytecode.
func TestRacyBytecode(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	touch := func(path string, at time.Time) {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fresh.py", "old.py", "grown.py", "moved.py", "hashed.py", "none.py", "backdated.py"} {
		write(name, "value = 1\n")
	}
	now := time.Now().Truncate(time.Second)
	for _, name := range []string{"old.py", "grown.py", "moved.py"} {
		touch(filepath.Join(dir, name), now.Add(-time.Hour))
	}
	touch(filepath.Join(dir, "backdated.py"), now.Add(-time.Hour))
	compile := func(args ...string) {
		cmd := exec.Command("python3", append([]string{"-m", "py_compile"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	compile("fresh.py", "old.py", "grown.py", "moved.py", "backdated.py")
	hashed := exec.Command("python3", "-c", "import py_compile; py_compile.compile('hashed.py', invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)")
	hashed.Dir = dir
	if out, err := hashed.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Long ago enough to tell apart: the bytecode came well after the source.
	caches, err := filepath.Glob(filepath.Join(dir, "__pycache__", "*.pyc"))
	if err != nil || len(caches) != 6 {
		t.Fatalf("%v %v", caches, err)
	}
	for _, pyc := range caches {
		if stem := bytecodeOf(filepath.Base(pyc)); stem == "old" || stem == "grown" || stem == "moved" {
			touch(pyc, now.Add(time.Hour))
		}
	}
	write("grown.py", "value = 22\n")
	touch(filepath.Join(dir, "grown.py"), now.Add(-time.Hour)) // another size
	touch(filepath.Join(dir, "moved.py"), now.Add(-2*time.Hour))

	got := RacyBytecode(dir, []string{"README.md", "backdated.py", "fresh.py", "grown.py", "hashed.py", "moved.py", "none.py", "old.py", "absent.py"})
	// backdated: mtime lies an hour back, yet it changed when it was compiled.
	if want := []string{"backdated.py", "fresh.py"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
