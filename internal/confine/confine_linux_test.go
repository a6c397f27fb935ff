package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/tools/txtar"
)

// begin starts a shell under settings and returns what it prints, or the error
// of the start.
func begin(t *testing.T, s Settings, script string) (printed string, pid int, err error) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	attr := &os.ProcAttr{Dir: "/", Env: []string{"PATH=" + os.Getenv("PATH")}, Files: []*os.File{null, in, in}}
	child, _, err := Start(s, "/bin/sh", []string{"sh", "-c", script}, attr, os.StartProcess)
	in.Close()
	if err != nil {
		return "", 0, err
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(text), child.Pid, nil
}

func TestStart(t *testing.T) {
	archive, err := txtar.ParseFile("../../testdata/confine/start.txtar")
	if err != nil {
		t.Fatal(err)
	}
	cpu := fmt.Sprint(online()[len(online())-1])
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			if strings.HasPrefix(f.Name, "root:") {
				needRoot(t)
			}
			lines := strings.SplitN(strings.ReplaceAll(string(f.Data), "$CPU", cpu), "\n", 3)
			var s Settings
			if err := json.Unmarshal([]byte(lines[0]), &s); err != nil {
				t.Fatal(err)
			}
			got, _, err := begin(t, s, lines[1])
			if err != nil {
				got = fmt.Sprintf("error: %v\n", err)
			}
			if got != lines[2] {
				t.Errorf("got\n%swant\n%s", got, lines[2])
			}
		})
	}
}

// TestStartInADirectory whose name is not UTF-8.
func TestStartInADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "caf\xe9")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mask := uint32(0o22)
	attr := &os.ProcAttr{Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH")}, Files: []*os.File{nil, nil, nil}}
	child, _, err := Start(Settings{Umask: &mask}, "/bin/sh", []string{"sh", "-c", "echo >here"}, attr, os.StartProcess)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "here")); err != nil {
		t.Error(err)
	}
}

// needRoot skips what no other user can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may become another user")
	}
}

// TestThePidIsKept: who is started is the one that is meant, with nothing more.
func TestThePidIsKept(t *testing.T) {
	const script = `echo $$; ls /proc/self/fd`
	umask := uint32(0o77)
	got, pid, err := begin(t, Settings{Umask: &umask}, script)
	if err != nil {
		t.Fatal(err)
	}
	plain := exec.Command("/bin/sh", "-c", script)
	want, err := plain.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, fds, _ := strings.Cut(got, "\n")
	if _, plain, _ := strings.Cut(string(want), "\n"); fds != plain {
		t.Errorf("descriptors\n%swant\n%s", fds, plain)
	}
	if !strings.HasPrefix(got, fmt.Sprintf("%d\n", pid)) {
		t.Errorf("pid %d: %s", pid, got)
	}
}

// TestWhatCannotBeExecuted keeps the numbers that a caller sorts errors by.
func TestWhatCannotBeExecuted(t *testing.T) {
	dir := t.TempDir()
	busy := filepath.Join(dir, "busy")
	f, err := os.OpenFile(busy, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	private := filepath.Join(dir, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	umask := uint32(0o22)
	for _, c := range []struct {
		name, path, dir string
		s               Settings
		want            error
		text            string
	}{
		{"nothing there", filepath.Join(dir, "none"), "/", Settings{Umask: &umask}, syscall.ENOENT, "cannot execute: "},
		{"busy", busy, "/", Settings{Umask: &umask}, syscall.ETXTBSY, "cannot execute: "},
		{"no directory", "/bin/true", filepath.Join(dir, "none"), Settings{Umask: &umask}, syscall.ENOENT, "cannot set the directory "},
		{"a directory of others", "/bin/true", private, Settings{ID: &ID{65534, 65534}}, syscall.EACCES, "cannot set the directory "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.s.ID != nil {
				needRoot(t)
			}
			_, pid, err := Start(c.s, c.path, []string{"x"}, &os.ProcAttr{Dir: c.dir}, os.StartProcess)
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if syscall.Kill(pid, 0) != syscall.ESRCH {
				t.Error("the process is left")
			}
		})
	}
}

// TestOnlyRootMay runs the checks as somebody else.
func TestOnlyRootMay(t *testing.T) {
	if os.Getenv("BOUNCE_TEST_NOBODY") != "" {
		same := ID{uint32(os.Geteuid()), uint32(os.Getegid())}
		fmt.Println((Settings{ID: &same}).Verify())
		fmt.Println((Settings{ID: &ID{UID: 12, GID: 12}, Limits: []Limit{{"nofile", 1, 1 << 19}, {"core", 0, 0}}}).Verify())
		text, _, err := begin(t, Settings{ID: &same}, "id -u; grep NoNewPrivs /proc/self/status")
		fmt.Println(text, err)
		_, _, err = begin(t, Settings{ID: &ID{UID: 12, GID: 12}}, "id -u")
		fmt.Println(err)
		return
	}
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "confine")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "test") // where others can run it
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run", "^TestOnlyRootMay$")
	cmd.Env = append(os.Environ(), "BOUNCE_TEST_NOBODY=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var hard syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &hard); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := fmt.Sprintf(`[]
[cannot set another user: that takes CAP_SETUID and CAP_SETGID, as root has them; this is user 65534 cannot set limit nofile: 524288 is above the hard limit of bounce itself (%d), which takes CAP_SYS_RESOURCE, as root mostly has it]
65534
NoNewPrivs:	1
 <nil>
cannot set groups: operation not permitted
`, hard.Max)
	if !strings.HasPrefix(string(out), want) {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestObstacle(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a", "b", "program")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // of the test's own, as dir is
		t.Fatal(err)
	}
	set := func(name string, mode os.FileMode, uid, gid int) {
		if err := os.Chown(name, uid, gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	id := ID{1000, 2000}
	for _, c := range []struct {
		mode     os.FileMode
		uid, gid int
		refused  bool
	}{
		{0o755, 0, 0, false}, {0o700, 0, 0, true}, {0o700, 1000, 0, false}, {0o677, 1000, 0, true},
		{0o750, 0, 2000, false}, {0o701, 0, 0, false}, {0o701, 0, 2000, true},
	} {
		set(filepath.Join(dir, "a"), c.mode, c.uid, c.gid)
		if got := id.Obstacle(file); (got == filepath.Join(dir, "a")) != c.refused || !c.refused && got != "" {
			t.Errorf("%+v: %q", c, got)
		}
	}
	set(filepath.Join(dir, "a"), 0o755, 0, 0)
	set(file, 0o744, 0, 0)
	if got := id.Obstacle(file); got != file {
		t.Errorf("%q", got)
	}
	if got := (ID{}).Obstacle(file); got != "" {
		t.Errorf("root: %q", got)
	}
	if got := id.Obstacle(filepath.Join(dir, "none")); got != "" {
		t.Errorf("what is not there: %q", got)
	}
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		s    Settings
		want string
	}{
		{Settings{CPUs: []int{0}}, "[]"},
		{Settings{CPUs: []int{0, 1023}}, "[cannot set CPUs: there is no CPU 1023: this machine has " + ranges(online()) + "]"},
		{Settings{Limits: []Limit{{"files", 1, 1}}}, "[cannot set limit files: there is no such resource; there are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack]"},
		{Settings{Limits: []Limit{{"nofile", 1, Unlimited}}}, "[cannot set limit nofile: unlimited is above what the kernel allows (sysctl fs.nr_open = "},
	} {
		if got := fmt.Sprint(c.s.Verify()); !strings.HasPrefix(got, c.want) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	umask := uint32(0o22)
	for b.Loop() {
		child, _, err := Start(Settings{Umask: &umask}, "/bin/true", []string{"true"}, &os.ProcAttr{}, os.StartProcess)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := child.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}
