package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	if err := dropBytecode(dir, filepath.Join(dir, "src"), env, []string{"src/m.py", "src/p/__init__.py", "README.md", "gone/x.py"}); err != nil {
		t.Fatal(err)
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
