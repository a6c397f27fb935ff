package warm

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"bounce/internal/soak"
)

const testdata = "../../../testdata/warm"

// TestMain makes the test a subreaper, as the runner is: children come to it.
func TestMain(m *testing.M) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// program is a service of testdata/warm/alike, laid out on disk.
type program struct {
	dir, hook string
	root      string   // of the project: dir, or a directory in it
	argv      []string // as it is executed
	command   []string // as its configuration has it
	env       []string
	lent      []*os.File
	exit      string
	drawn     bool     // its output is drawn at random
	why       string   // no parent can be had
	whyOld    string   // nor can one of Python 3.8
	left      []string // what is not loaded in one
	bounds    Bounds
	altered   []Alteration
}

// result is what can be seen of one run of it.
type result struct {
	exit, stdout, stderr, transcript string
	modules                          []string // that are not the project's own
}

func python(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../../build/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run make venv", err)
	}
	return path
}

// newProgram lays out the program of a file.
func newProgram(t testing.TB, file, python string) *program {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{dir: t.TempDir()}
	p.root = p.dir
	if p.hook, err = Install(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8", "PWD=" + p.dir, "TRANSCRIPT=" + filepath.Join(p.dir, "transcript")}
	describe, err := os.ReadFile(filepath.Join(testdata, "describe.py"))
	if err != nil {
		t.Fatal(err)
	}
	files := append(a.Files, txtar.File{Name: "describe.py", Data: describe})
	before, lend := "", 0
	for _, f := range files {
		text := strings.ReplaceAll(string(f.Data), "$PYTHON", python)
		switch f.Name {
		case "command":
			p.command = words(t, text)
		case "env":
			p.env = append(p.env, strings.Split(strings.TrimSpace(text), "\n")...)
		case "exit":
			p.exit = strings.TrimSpace(text)
		case "before":
			before = strings.TrimSpace(text)
		case "drawn":
			p.drawn = true
		case "why":
			p.why = strings.TrimSpace(text)
		case "why 3.8":
			p.whyOld = strings.TrimSpace(text)
		case "left":
			p.left = strings.Split(strings.TrimSpace(text), "\n")
		case "bounds":
			p.bounds = boundsOf(t, text)
		case "altered":
			for line := range strings.Lines(strings.ReplaceAll(text, "$DIR", p.dir)) {
				kind, name, _ := strings.Cut(strings.TrimSpace(line), " ")
				p.altered = append(p.altered, Alteration{kind, name})
			}
		case "root":
			p.root = filepath.Join(p.dir, strings.TrimSpace(text))
		case "lend":
			lend, err = strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
		default:
			path := filepath.Join(p.dir, f.Name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			mode := os.FileMode(0o644)
			if strings.HasPrefix(text, "#!") {
				mode = 0o755
			}
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.argv = p.command
	if before != "" {
		p.argv = append([]string{"/bin/sh", "-c", before, "sh"}, p.argv...)
	}
	for range lend {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		l.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		p.lent = append(p.lent, f)
	}
	if lend > 0 {
		p.env = append(p.env, "LISTEN_FDS="+strconv.Itoa(lend), "LISTEN_FDNAMES=a:b")
	}
	return p
}

// boundsOf reads the lines "memory MB", "load TIME" and "fork TIME".
func boundsOf(t testing.TB, text string) (b Bounds) {
	t.Helper()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch name {
		case "memory":
			b.Memory, err = strconv.ParseInt(value, 10, 64)
			b.Memory <<= 20
		case "load":
			b.Load, err = time.ParseDuration(value)
		case "fork":
			b.Fork, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("no bound %q", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// execute starts what argv names as the runner starts a service.
func execute(argv, env []string, dir string, files []*os.File) (*os.Process, error) {
	path := argv[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return os.StartProcess(path, argv, &os.ProcAttr{Dir: dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}})
}

// output is where a run prints to.
type output struct {
	null *os.File
	w    [2]*os.File
	text [2]bytes.Buffer
	wait sync.WaitGroup
}

func newOutput(t testing.TB) *output {
	t.Helper()
	o := &output{}
	var err error
	if o.null, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	for i := range o.w {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		o.w[i] = w
		o.wait.Go(func() {
			_, _ = io.Copy(&o.text[i], r) // until all ends are closed
			r.Close()
		})
	}
	return o
}

func (o *output) files(lent []*os.File) []*os.File {
	return append([]*os.File{o.null, o.w[0], o.w[1]}, lent...)
}

func (o *output) close() {
	o.null.Close()
	o.w[0].Close()
	o.w[1].Close()
}

// cold runs the program by exec.
func (p *program) cold(t testing.TB) result {
	t.Helper()
	o := newOutput(t)
	argv := p.argv
	if len(p.lent) > 0 {
		argv = append([]string{"/bin/sh", "-c", `export LISTEN_PID=$$; exec "$@"`, "sh"}, argv...)
	}
	child, err := execute(argv, p.env, p.dir, o.files(p.lent))
	o.close()
	if err != nil {
		t.Fatal(err)
	}
	return p.await(t, child.Pid, o)
}

// warm runs it by fork.
func (p *program) warm(t testing.TB, parent *Parent) result {
	t.Helper()
	o := newOutput(t)
	child, err := parent.Fork(Order{Env: p.env, Dir: p.dir, Files: o.files(p.lent)})
	o.close()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Begin(); err != nil {
		t.Fatal(err)
	}
	return p.await(t, child.PID(), o)
}

// await waits for the end of a child of ours.
func (p *program) await(t testing.TB, pid int, o *output) result {
	t.Helper()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
		t.Fatalf("pid %d: %v", pid, err)
	}
	o.wait.Wait()
	r := result{exit: strconv.Itoa(ws.ExitStatus()), stdout: o.text[0].String(), stderr: o.text[1].String()}
	if ws.Signaled() {
		r.exit = unix.SignalName(ws.Signal())
	}
	path := filepath.Join(p.dir, "transcript")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.stderr)
	}
	r.transcript = string(text)
	list, err := os.ReadFile(path + ".modules")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		name, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !strings.HasPrefix(file, p.root+"/") || strings.Contains(file, "site-packages") {
			r.modules = append(r.modules, name)
		}
	}
	for _, made := range []string{path, path + ".modules", filepath.Join(p.dir, "made")} {
		if err := os.Remove(made); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return r
}

// executed is the process of a parent.
type executed struct{ *os.Process }

func (e executed) PID() int { return e.Pid }
func (e executed) End() {
	_ = e.Kill() // it may have ended
	_, _ = e.Wait()
}

// parent starts a parent for the program.
func (p *program) parent(t testing.TB, modules []string) (*Parent, error) {
	t.Helper()
	parent, err := Start(Setup{
		Hook: p.hook, Env: p.env, Modules: modules, Roots: []string{p.root}, First: []string{p.root},
		Hooks: []string{filepath.Join(p.dir, "hooks")}, Lent: len(p.lent), Bounds: p.bounds,
		Altered: p.altered,
	}, func(l Launch) (Process, error) {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		defer null.Close()
		child, err := execute(p.argv, l.Env, p.dir, []*os.File{null, l.Stdout, l.Stderr, l.Orders})
		return executed{child}, err
	})
	if err == nil {
		t.Cleanup(parent.Close)
	}
	return parent, err
}

// difference is where two results differ, "" where they do not.
func difference(cold, warm result) string {
	var b strings.Builder
	for _, part := range []struct{ name, cold, warm string }{
		{"exit", cold.exit, warm.exit}, {"stdout", cold.stdout, warm.stdout}, {"stderr", cold.stderr, warm.stderr},
	} {
		if part.cold != part.warm {
			fmt.Fprintf(&b, "%s\n\tcold %q\n\twarm %q\n", part.name, part.cold, part.warm)
		}
	}
	c, w := strings.Split(cold.transcript, "\n"), strings.Split(warm.transcript, "\n")
	for i := range max(len(c), len(w)) {
		if i >= len(c) || i >= len(w) || c[i] != w[i] {
			fmt.Fprintf(&b, "\tcold %s\n\twarm %s\n", at(c, i), at(w, i))
		}
	}
	return b.String()
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// TestAlike compares starts by exec and by fork, a few every day.
func TestAlike(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "alike", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no programs", err)
	}
	rounds := soak.Times(1, 500/len(files)+1)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			p := newProgram(t, file, python(t))
			first := p.cold(t) // which leaves bytecode
			if first.exit != p.exit {
				t.Fatalf("ends with %s, not %s: %s", first.exit, p.exit, first.stderr)
			}
			parent, err := p.parent(t, first.modules)
			if err != nil {
				t.Fatal(err)
			}
			if left := parent.Left(); len(left) > 0 {
				t.Errorf("not loaded: %+v", left)
			}
			held, said := parent.Memory(), map[string]bool{}
			for range rounds {
				cold, warm := p.cold(t), p.warm(t, parent)
				if p.drawn {
					for _, r := range []*result{&cold, &warm} {
						if said[r.stdout] {
							t.Errorf("drawn twice: %s", r.stdout)
						}
						said[r.stdout], r.stdout = true, ""
					}
				}
				if d := difference(cold, warm); d != "" {
					t.Fatalf("a warm start differs:\n%s", d)
				}
			}
			if now := parent.Memory(); now > held+8<<20 {
				t.Errorf("the parent has grown from %d to %d bytes in %d starts", held, now, rounds)
			}
			if !slices.Equal(parent.Loaded(), first.modules) {
				t.Errorf("loaded %q", parent.Loaded())
			}
		})
	}
}

// BenchmarkStart measures from the start of a program to its end: that of what
// imports most, and of what imports next to nothing.
func BenchmarkStart(b *testing.B) {
	for _, name := range []string{"extensions", "threads", "script"} {
		p := newProgram(b, filepath.Join(testdata, "alike", name+".txtar"), python(b))
		parent, err := p.parent(b, p.cold(b).modules)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/cold", func(b *testing.B) {
			for b.Loop() {
				p.cold(b)
			}
		})
		b.Run(name+"/warm", func(b *testing.B) {
			for b.Loop() {
				p.warm(b, parent)
			}
			b.ReportMetric(float64(parent.Memory()>>20), "parent-MB")
		})
	}
}
