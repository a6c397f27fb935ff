package warm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// eachProgram runs a test for each program of a directory of testdata/warm.
func eachProgram(t *testing.T, dir string, test func(t *testing.T, p *program)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata, dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no programs", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { test(t, newProgram(t, file, python(t))) })
	}
}

var extensionFile = regexp.MustCompile(`/\S*/(\w+)\.\S+\.so`)

var socketNumber = regexp.MustCompile(`(socket|pipe):\[\d+\]`)

func TestRefused(t *testing.T) {
	eachProgram(t, "refused", func(t *testing.T, p *program) {
		_, err := p.parent(t, p.cold(t).modules)
		if err == nil {
			t.Fatal("it has a parent")
		}
		var unfit *Unfit
		if errors.As(err, &unfit) == (p.why == errEnded.Error()) {
			t.Errorf("whether another attempt has it too: %T", err)
		}
		got := strings.ReplaceAll(socketNumber.ReplaceAllString(err.Error(), "$1:[N]"), p.dir, "$DIR")
		if got != p.why {
			t.Errorf("got %q, want %q", got, p.why)
		}
	})
}

// TestLeft: what cannot be imported ahead is left to the children, which behave
// as ever.
func TestLeft(t *testing.T) {
	eachProgram(t, "left", func(t *testing.T, p *program) {
		cold := p.cold(t)
		parent, err := p.parent(t, cold.modules)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, u := range parent.Left() {
			why := extensionFile.ReplaceAllString(u.Why, "$1.so")
			left = append(left, u.Module+": "+strings.ReplaceAll(why, p.dir, "$DIR"))
		}
		if !slices.Equal(left, p.left) {
			t.Errorf("left %q, want %q", left, p.left)
		}
		if d := difference(cold, p.warm(t, parent)); d != "" {
			t.Errorf("a warm start differs:\n%s", d)
		}
	})
}

// simple is a program with a parent.
func simple(t *testing.T) (*program, *Parent) {
	t.Helper()
	p := newProgram(t, filepath.Join(testdata, "alike", "script.txtar"), python(t))
	parent, err := p.parent(t, p.cold(t).modules)
	if err != nil {
		t.Fatal(err)
	}
	return p, parent
}

// TestShadowed: a file that would now be loaded in the place of what the parent
// has is not missed.
func TestShadowed(t *testing.T) {
	p, parent := simple(t)
	path := filepath.Join(p.dir, "json.py")
	if err := os.WriteFile(path, []byte("dumps = str\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := newOutput(t)
	defer o.close()
	_, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
	if want := path + " is there now, and json was loaded from elsewhere"; err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := p.warm(t, parent); r.exit != p.exit {
		t.Errorf("after that: %+v", r)
	}
}

// TestChanged: what a parent has loaded is what is on disk, or it is not forked.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func(site string) (string, error){
		"a file": func(site string) (string, error) {
			path := filepath.Join(site, "loud.py")
			return path, os.WriteFile(path, []byte("SETTING = PRIVATE = PATH = 0\n"), 0o644)
		},
		"a file of the same size and time": func(site string) (string, error) {
			path := filepath.Join(site, "loud.py")
			info, err := os.Stat(path)
			text, err2 := os.ReadFile(path)
			return path, errors.Join(err, err2, os.WriteFile(path+"~", text, 0o644), os.Chtimes(path+"~", info.ModTime(), info.ModTime()), os.Rename(path+"~", path))
		},
		"a file that is gone": func(site string) (string, error) {
			path := filepath.Join(site, "loud.py")
			return path, os.Remove(path)
		},
		"another package": func(site string) (string, error) {
			return site, os.Mkdir(filepath.Join(site, "another-1.0.dist-info"), 0o755)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, filepath.Join(testdata, "alike", "printed.txtar"), python(t))
			parent, err := p.parent(t, p.cold(t).modules)
			if err != nil {
				t.Fatal(err)
			}
			path, err := change(filepath.Join(p.dir, "site-packages"))
			if err != nil {
				t.Fatal(err)
			}
			o := newOutput(t)
			defer o.close()
			_, err = parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
			if want := path + " has changed since it was loaded"; err == nil || !strings.HasSuffix(err.Error(), " has changed since it was loaded") || name != "a file that is gone" && err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// TestChangedData: nor is one that has read of it what is no module.
func TestChangedData(t *testing.T) {
	eachProgram(t, "changed", func(t *testing.T, p *program) {
		parent, err := p.parent(t, p.cold(t).modules)
		if err != nil || len(parent.Left()) > 0 {
			t.Fatal(err, parent)
		}
		if d := difference(p.cold(t), p.warm(t, parent)); d != "" {
			t.Errorf("before that, a warm start differs:\n%s", d)
		}
		p.change(t)
		o := newOutput(t)
		defer o.close()
		_, err = parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
		if err == nil || strings.ReplaceAll(err.Error(), p.dir, "$DIR") != p.why {
			t.Errorf("got %v, want %s", err, p.why)
		}
	})
}

// change has what is below change in a program take its place.
func (p *program) change(t *testing.T) {
	t.Helper()
	change := filepath.Join(p.dir, "change")
	err := filepath.WalkDir(change, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Rename(path, filepath.Join(p.dir, strings.TrimPrefix(path, change)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDropped: a child that is not to begin ends, and nothing of it is left.
func TestDropped(t *testing.T) {
	p, parent := simple(t)
	o := newOutput(t)
	child, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
	o.close()
	if err != nil {
		t.Fatal(err)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child.PID()))
	if err != nil || !strings.HasPrefix(string(environ), strings.Join(p.env, "\x00")+"\x00") {
		t.Errorf("the environment of one that waits is %q (%v)", strings.TrimRight(string(environ), "\x00"), err)
	}
	child.Drop()
	if _, err := unix.Wait4(child.PID(), nil, 0, nil); err != nil {
		t.Error(err)
	}
	o.wait.Wait()
	if text := o.text[0].String() + o.text[1].String(); text != "" {
		t.Errorf("it has printed %q", text)
	}
}

// TestOrdersThatCannotBe: each has an error that says so, and the parent goes on.
func TestOrdersThatCannotBe(t *testing.T) {
	p, parent := simple(t)
	o := newOutput(t)
	defer o.close()
	for name, c := range map[string]struct {
		order Order
		want  string
	}{
		"a directory that is gone": {
			Order{Env: p.env, Dir: filepath.Join(p.dir, "gone"), Files: o.files(nil)},
			"[Errno 2] No such file or directory: b'" + filepath.Join(p.dir, "gone") + "'",
		},
		"another number of sockets": {
			Order{Env: p.env, Dir: p.dir, Files: append(o.files(nil), o.null)},
			"the sockets lent are 1, not 0",
		},
		"an environment that has grown": {
			Order{Env: append(slices.Clone(p.env), "MORE="+strings.Repeat("x", 2*room)), Dir: p.dir, Files: o.files(nil)},
			"the environment has grown by more than there is room for",
		},
		"an environment that is too large": {
			Order{Env: append(slices.Clone(p.env), "MORE="+strings.Repeat("x", 4<<20)), Dir: p.dir, Files: o.files(nil)},
			"its environment is too large to be handed on",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parent.Fork(c.order); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	for { // those that were forked and have ended
		if pid, _ := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 {
			break
		}
	}
	if r := p.warm(t, parent); r.exit != p.exit {
		t.Errorf("after that: %+v", r)
	}
}

// TestKilled: a parent that is killed is told by its end.
func TestKilled(t *testing.T) {
	p, parent := simple(t)
	if err := unix.Kill(parent.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	o := newOutput(t)
	defer o.close()
	if _, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)}); err == nil || err.Error() != "the parent has ended" {
		t.Errorf("got %v", err)
	}
}

// TestOrphaned: a parent and a child that waits end when nobody holds them, as
// when the agent is killed.
func TestOrphaned(t *testing.T) {
	p, parent := simple(t)
	o := newOutput(t)
	child, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(nil)})
	o.close()
	if err != nil {
		t.Fatal(err)
	}
	parent.orders.Close()
	child.link.Close()
	for _, pid := range []int{parent.PID(), child.PID()} {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
			t.Error(pid, err)
		}
	}
}

// TestOrphanedInImport: nor does a parent that nobody holds end its imports first.
func TestOrphanedInImport(t *testing.T) {
	eachProgram(t, "hangs", func(t *testing.T, p *program) {
		modules := p.cold(t).modules
		p.env = append(p.env, "HANGS=1")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		setup := Setup{Hook: p.hook, Env: p.env, Modules: modules, Roots: []string{p.dir}, First: []string{p.dir}}
		parent, err := start(setup, func(l Launch) (Process, error) {
			defer w.Close()
			child, err := execute(p.argv, l.Env, p.dir, []*os.File{w, w, w, l.Orders})
			return executed{child}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer parent.Close()
		giveUp := time.AfterFunc(time.Minute, func() { _ = unix.Kill(parent.PID(), unix.SIGKILL) })
		defer giveUp.Stop()
		loaded := make(chan error)
		go func() {
			_, err := parent.load(setup, nil, time.Now().Add(time.Minute))
			loaded <- err
		}()
		said := make([]byte, len("hangs"))
		if _, err := io.ReadFull(r, said); err != nil || string(said) != "hangs" {
			t.Fatalf("it says %q (%v)", said, err)
		}
		parent.orders.Close()
		if err := <-loaded; err == nil {
			t.Error("it has loaded")
		}
		var ws unix.WaitStatus
		if _, err := unix.Wait4(parent.PID(), &ws, 0, nil); err != nil || ws.Signal() != unix.SIGIO {
			t.Errorf("it ended by %v (%v)", ws.Signal(), err)
		}
	})
}

// pythons are the interpreters at hand, by version.
func pythons(t *testing.T) map[string]string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	candidates := []string{python(t)}
	for _, pattern := range []string{"/usr/bin/python3.*", "/usr/local/bin/python3.*", home + "/.pyenv/versions/*/bin/python3"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		candidates = append(candidates, found...)
	}
	versions := make(map[string]string)
	for _, path := range candidates {
		if !pythonName.MatchString(filepath.Base(path)) {
			continue // python3.11-config
		}
		out, err := exec.Command(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.version_info >= (3, 8), sys.implementation.name)").Output()
		if fields := strings.Fields(string(out)); err == nil && len(fields) == 3 && fields[1] == "True" && fields[2] == "cpython" {
			versions[fields[0]] = path
		}
	}
	return versions
}

func TestVersions(t *testing.T) {
	for version, path := range pythons(t) {
		for _, name := range []string{"script", "module", "text", "console", "killed", "lent", "asyncio"} {
			t.Run(version+"/"+name, func(t *testing.T) {
				p := newProgram(t, filepath.Join(testdata, "alike", name+".txtar"), path)
				first := p.cold(t)
				parent, err := p.parent(t, first.modules)
				if version == "3.8" && p.whyOld != "" {
					if err == nil || err.Error() != p.whyOld {
						t.Errorf("got %v, want %s", err, p.whyOld)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if left := parent.Left(); len(left) > 0 {
					t.Errorf("not loaded: %+v", left)
				}
				if d := difference(p.cold(t), p.warm(t, parent)); d != "" {
					t.Errorf("a warm start differs:\n%s", d)
				}
			})
		}
	}
}

// TestGrammar: the oldest Python that is supported can read the hook.
func TestGrammar(t *testing.T) {
	cmd := exec.Command(python(t), "-c", "import ast, sys; ast.parse(sys.stdin.buffer.read(), feature_version=(3, 8))")
	cmd.Stdin = bytes.NewReader(hook)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
