package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// needRoot skips what no other user can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may start a service as another user")
	}
}

// somebody is a user that every system has.
func somebody(t *testing.T) *user.User {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	return u
}

// open lets everybody into a directory of a test.
func open(t *testing.T, dir string) string {
	t.Helper()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestConfined(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("../testdata/runner/confine.txtar")
	if err != nil {
		t.Fatal(err)
	}
	nobody := somebody(t)
	fill := strings.NewReplacer("$USER\"", nobody.Username+"\"", "$UID", nobody.Uid)
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(f.Name, "root:") {
				needRoot(t)
			}
			parts := strings.SplitN(string(f.Data), "\n", 3)
			want := strings.NewReplacer("$HOME", nobody.HomeDir, "$USER", nobody.Username, "$UID", nobody.Uid).Replace(parts[2])
			s := specOf(t, "a", "sh", "-c", parts[1])
			s.Dir, s.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
			s.Restart.When = Never
			if err := json.Unmarshal([]byte(fill.Replace(parts[0])), &s.Confine); err != nil {
				t.Fatal(err)
			}
			g := newRig(t, Options{Specs: []Spec{s}})
			refused, isError := strings.CutPrefix(want, "error: ")
			if isError {
				if got := g.up("a"); got[0].State != StateHeld || !strings.Contains(got[0].Why, strings.TrimSpace(refused)) {
					t.Errorf("%+v, want %s", got, refused)
				}
				errs := Preflight(s)
				if len(errs) != 1 || !strings.Contains(errs[0].Error(), strings.TrimSpace(refused)) {
					t.Errorf("beforehand: %v", errs)
				}
				return
			}
			if errs := Preflight(s); errs != nil {
				t.Errorf("beforehand: %v", errs)
			}
			g.Apply(planFor("a"))
			g.event("a", KindStopped, 1)
			var got string
			for _, l := range g.Tail("a", 100) {
				got += l.Text + "\n"
			}
			if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestAnotherUserIsServedToo: what a service is lent, asked and told works for
// another user than the agent's.
func TestAnotherUserIsServedToo(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody := somebody(t)
	dir := open(t, t.TempDir())
	script := func(name string) string {
		data, err := os.ReadFile(filepath.Join(scripts(t), name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	spec := func(argv ...string) Spec {
		s := specOf(t, "a", argv...)
		s.Dir, s.Confine = dir, Confine{User: nobody.Username}
		s.Env = append(s.Env, "PYTHONDONTWRITEBYTECODE=1")
		return s
	}
	for _, c := range []struct {
		name  string
		spec  func(s *Spec)
		argv  []string
		ready bool
	}{
		{"notify", func(s *Spec) { s.Ready.Notify = true }, []string{"python3", script("notify.py")}, true},
		{"pipe", func(s *Spec) { s.Ready.Pipe = filepath.Join(dir, "pipe") }, []string{"sh", "-c", `echo up > "$0"/pipe; exec sleep 1000`, dir}, true},
		{"command", func(s *Spec) { s.Ready.Command = []string{"sh", "-c", `test "$(id -u)" = "$0"`, nobody.Uid} }, []string{"sleep", "1000"}, true},
		{"no command of root", func(s *Spec) {
			s.Ready.Command, s.Ready.Timeout = []string{"sh", "-c", `test "$(id -u)" = 0`}, 1
		}, []string{"sleep", "1000"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := spec(c.argv...)
			s.Restart.When = Never
			c.spec(&s)
			// As the directory for state is: nobody else's.
			scratch := filepath.Join(t.TempDir(), "scratch")
			if err := os.Mkdir(scratch, 0o700); err != nil {
				t.Fatal(err)
			}
			g := newRig(t, Options{Specs: []Spec{s}, Scratch: scratch})
			if got := g.up("a"); (got[0].State == StateReady) != c.ready {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("listen", func(t *testing.T) {
		t.Parallel()
		s := spec("python3", script("lent.py"))
		path := filepath.Join(t.TempDir(), "a.sock")
		s.Listen = []Listen{{TCP: "127.0.0.1:0", Name: "web"}, {Unix: path, Mode: 0o600}}
		g := newRig(t, Options{Specs: []Spec{s}})
		for range 3 {
			g.up("a")
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
		g.line("names web:a")
	})
}

// TestWhatAUserMayNotReachIsNamed starts programs that only the agent could
// start.
func TestWhatAUserMayNotReachIsNamed(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody := somebody(t)
	dir := open(t, t.TempDir())
	private := filepath.Join(dir, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"private/hidden": 0o755, "mine": 0o700} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, dir, program, want string }{
		{"directory", private, "sh", "the user nobody may not enter " + private},
		{"way to the program", dir, filepath.Join(private, "hidden"), "the user nobody may not enter " + private},
		{"program", dir, filepath.Join(dir, "mine"), "the user nobody may not execute " + filepath.Join(dir, "mine")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := specOf(t, "a", c.program)
			s.Dir, s.Confine.User = c.dir, nobody.Username
			g := newRig(t, Options{Specs: []Spec{s}})
			if got := g.up("a"); got[0].State != StateHeld || !strings.Contains(got[0].Why, c.want) {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

// TestPreflightNamesTheKey: whoever shows an error finds the line of the
// configuration by the key.
func TestPreflightNamesTheKey(t *testing.T) {
	t.Parallel()
	s := specOf(t, "a", "no-such-program")
	s.Confine = Confine{User: "nobody-here", CPUs: []int{1023}, Limits: map[string]Limit{"files": {}}}
	var keys []string
	for _, err := range Preflight(s) {
		var e *StartError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	if want := []string{"run", "user", "limits", "affinity"}; !slices.Equal(keys, want) {
		t.Errorf("%v, want %v", keys, want)
	}
	s = specOf(t, "a", "sh")
	s.Dir = filepath.Join(t.TempDir(), "none")
	if errs := Preflight(s); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), fmt.Sprintf("cannot start %q: its working directory %s: ", "sh", s.Dir)) {
		t.Errorf("%v", errs)
	}
}
