package observe

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/shlex"
	"github.com/rogpeppe/go-internal/txtar"

	"bounce/internal/soak"
)

// TestCases runs the archives of testdata/observe on the Python of build/venv and
// the others of this machine in turn, or under BOUNCE_SOAK on all, each with and without the hook: output and exit code are to be the
// same, but for the hook's frame in the traceback of a start that fails. One
// that is too old tells nothing. Lines of an archive's comment say
//
//	run: COMMAND         "python" is the one that is tested
//	env: KEY=VALUE ...   what its environment has besides; $DIR is its directory
//	told: FILE ...       modules that are told, in order; "-" before one of which
//	                     it cannot be told what was executed
//	opened: FILE ...     other files that are told; files: yes  asks for those that
//	                     are read
//	written: FILE ...    those of both that are told to be written by the service
//	installed: PATH ...  places of installed packages that are told, of those below
//	                     $DIR, in order
//	others: NAME ...     modules of others, in order, others among them left out
//	unheard: WHY ...     why Pythons that it starts tell nothing, in order
//	twice: yes           lines may be told twice
//	altered: KIND:NAME ...   what the process has done to itself, sorted, but for
//	                     entries of sys.path outside of $DIR
//	after: NAME ...      modules that are told after all of that
//	python: 3.11         the first Python that it is for
//	pythons: none        no Python runs the hook; else one does
//	incomplete: yes      a process could not tell all
//	obstacle: WHY        what is known of the command before it runs
//	root: DIRECTORY      the project, below $DIR; default $DIR
//	link: NEW OLD        a symbolic link that is made
//	spool: removed       or readonly: before the command runs
//	user: NUMBER         as whom it runs; needs: root  says that it begins as root
func TestCases(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join(testdata, "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatal("no cases", err)
	}
	pythons := findPythons(t)
	for n, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		on := pythons
		if soak.Times(1, 2) == 1 {
			on = slices.Compact([]python{pythons[0], pythons[n%len(pythons)]})
		}
		for _, python := range on {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+python.name, func(t *testing.T) {
				t.Parallel()
				newTrial(t, archive, python).run()
			})
		}
	}
}

// firstMinor is the first Python 3 that the hook is for.
const firstMinor = 8

const testdata = "../../../testdata/observe"

// python is an interpreter of this machine.
type python struct {
	path, name string
	minor      int  // 3.minor
	observed   bool // the hook is for it
}

// findPythons returns the Pythons that are there, PyPy among them: on PATH, of
// pyenv, and that of build/venv, which must be.
func findPythons(t *testing.T) (found []python) {
	patterns := []string{"../../../build/venv/bin/python3"}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		patterns = append(patterns, filepath.Join(dir, "python3"), filepath.Join(dir, "python3.[0-9]*[0-9]"), filepath.Join(dir, "pypy3"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		patterns = append(patterns, filepath.Join(home, ".pyenv/versions/*/bin/python3")) // PyPy too
	}
	met := map[string]bool{}
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if strings.Contains(path, "/shims/") {
				continue // one of the others, by way of a shell
			}
			out, err := exec.Command(path, "-c", "import sys; print(sys.version_info[1], sys.prefix, sys.implementation.name)").Output()
			fields := strings.Fields(string(out))
			if err != nil || len(fields) != 3 || met[fields[1]+" "+fields[2]] {
				continue
			}
			met[fields[1]+" "+fields[2]] = true
			p := python{path: path}
			p.minor, _ = strconv.Atoi(fields[0])
			p.observed = p.minor >= firstMinor && fields[2] == "cpython"
			if p.path, err = filepath.Abs(path); err != nil {
				t.Fatal(err)
			}
			p.name = "3." + fields[0] + "-" + filepath.Base(fields[1])
			if fields[2] != "cpython" {
				p.name = fields[2] + "-" + p.name
			}
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		t.Fatal("no Python: build/venv is made by 'make venv'")
	}
	return found
}

// trial is one case on one Python.
type trial struct {
	*testing.T
	python python
	dir    string
	says   map[string]string // what the archive's comment says, by word
}

func newTrial(t *testing.T, archive *txtar.Archive, p python) *trial {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &trial{T: t, python: p, dir: dir, says: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		if word, rest, ok := strings.Cut(line, ": "); ok && !strings.Contains(word, " ") {
			c.says[word] = strings.ReplaceAll(strings.TrimSpace(rest), "$DIR", dir)
		}
	}
	if first := c.says["python"]; first != "" && p.minor < c.number(strings.TrimPrefix(first, "3.")) {
		t.SkipNow() // it is not for this one
	}
	if (c.says["user"] != "" || c.says["needs"] == "root") && os.Geteuid() != 0 {
		t.Skip("only root can start a process as another user")
	}
	for _, f := range archive.Files {
		c.write(f.Name, f.Data)
	}
	c.write("bin/python", []byte("#!/bin/sh\nexec "+p.path+" \"$@\"\n"))
	if names := strings.Fields(c.says["link"]); len(names) == 2 {
		c.must(os.Symlink(names[1], filepath.Join(dir, names[0])))
	}
	if c.says["user"] != "" || c.says["needs"] == "root" {
		c.open()
	}
	return c
}

func (c *trial) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *trial) number(text string) int {
	c.Helper()
	n, err := strconv.Atoi(text)
	c.must(err)
	return n
}

func (c *trial) write(name string, data []byte) {
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	c.must(os.MkdirAll(filepath.Dir(path), 0o755))
	c.must(os.WriteFile(path, data, 0o755))
}

// open has everybody enter the directory, which is below that of the test.
func (c *trial) open() {
	for dir := c.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		c.must(os.Chmod(dir, 0o755))
	}
}

func (c *trial) run() {
	plain, ok := c.start(nil)
	if !ok {
		c.Skip("the other user may not run this Python")
	}
	c.settle()

	base := c.TempDir()
	if os.Geteuid() == 0 {
		c.must(os.Chmod(filepath.Dir(base), 0o755))
		c.must(os.Chmod(base, 0o755))
	}
	hook, err := Open(filepath.Join(base, "observed"))
	c.must(err)
	options := Options{Roots: []string{filepath.Join(c.dir, c.says["root"])}, Files: c.says["files"] != ""}
	spool, err := hook.Spool("svc", 7, options)
	c.must(err)
	switch c.says["spool"] {
	case "removed":
		c.must(spool.Remove())
	case "readonly":
		c.must(os.Chmod(spool.told(), 0o500))
	}
	seen, _ := c.start(spool)
	seen.stderr = hookFrame.ReplaceAllString(seen.stderr, "")
	for _, o := range []struct{ what, plain, seen string }{
		{"exit code", strconv.Itoa(plain.code), strconv.Itoa(seen.code)},
		{"output", plain.stdout, seen.stdout},
		{"errors", plain.stderr, seen.stderr},
	} {
		if line := differs(o.plain, o.seen); line != "" {
			c.Errorf("the service notices: its %s is not as without the hook:\n%s", o.what, line)
		}
	}
	told, err := spool.Read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Fatal(err)
	}
	c.judge(told)

	again, err := spool.Read()
	if err == nil && len(again.Executed)+len(again.Opened)+len(again.Modules)+len(again.Pythons) > 0 {
		c.Errorf("told again: %+v", again)
	}
}

// settle returns when what was written is older than what is read from now on,
// by the clock of the file system.
func (c *trial) settle() {
	var last time.Time
	c.must(filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return err
	}))
	clock := filepath.Join(c.TempDir(), "clock")
	for {
		c.must(os.WriteFile(clock, nil, 0o600))
		info, err := os.Stat(clock)
		c.must(err)
		if info.ModTime().Sub(last) > 25*time.Millisecond {
			return
		}
	}
}

// differs returns the first line in which two texts differ; "" if none.
func differs(plain, seen string) string {
	a, b := strings.Split(plain, "\n"), strings.Split(seen, "\n")
	for n := range max(len(a), len(b)) {
		if n >= len(a) || n >= len(b) || a[n] != b[n] {
			return "without " + strings.Join(a[min(n, len(a)):min(n+1, len(a))], "") + "\nwith    " + strings.Join(b[min(n, len(b)):min(n+1, len(b))], "")
		}
	}
	return ""
}

// outcome is what somebody sees of a service.
type outcome struct {
	code           int
	stdout, stderr string
}

// start runs the command to its end, observed if there is a spool; false if the
// user may not run the Python.
func (c *trial) start(spool *Spool) (outcome, bool) {
	words, err := shlex.Split(c.says["run"])
	c.must(err)
	env := []string{"PATH=" + filepath.Join(c.dir, "bin") + ":/usr/bin:/bin", "HOME=" + c.dir, "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"}
	env = append(env, strings.Fields(c.says["env"])...)
	if spool != nil {
		env = append(env, spool.Environ(env)...)
	}
	if words[0] == "python" {
		words[0] = c.python.path
	}
	run := func(argv []string) (outcome, error) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = c.dir, env
		if user := c.says["user"]; user != "" {
			runAs(cmd, c.number(user))
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, err
	}
	if c.says["user"] != "" {
		if _, err := run([]string{c.python.path, "-I", "-c", ""}); err != nil {
			return outcome{}, false
		}
	}
	o, err := run(words)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	return o, true
}

// hookFrame is that of the hook in the traceback of a start that fails.
var hookFrame = regexp.MustCompile(`  File ".*/hook-[0-9a-f]+/sitecustomize.py".*\n.*\n`)

// judge compares a report with what the archive says.
func (c *trial) judge(told Report) {
	if !c.python.observed {
		if told.Pythons != nil || told.Executed != nil {
			c.Errorf("%s tells %+v", c.python.name, told)
		}
		return
	}
	if none := c.says["pythons"] == "none"; none == (len(told.Pythons) > 0) {
		c.Errorf("Pythons that tell: %q", told.Pythons)
	}
	if told.Incomplete != (c.says["incomplete"] != "") {
		c.Errorf("incomplete: %v", told.Incomplete)
	}
	if words, _ := shlex.Split(c.says["run"]); words[0] == "python" {
		if why := (Python{Program: "python", Flags: words[1:2]}).Obstacle(); why != c.says["obstacle"] {
			c.Errorf("obstacle %q", why)
		}
	}
	var executed, opened, written, installed, others []string
	for _, f := range told.Executed {
		executed = append(executed, c.nameOf(f))
	}
	for _, f := range told.Opened {
		info, err := os.Stat(f.Path)
		c.must(err)
		if !info.ModTime().Equal(f.Written) || info.Size() != f.Size {
			c.Errorf("%s is of %v with %d bytes, told is %+v", f.Path, info.ModTime(), info.Size(), f)
		}
		opened = append(opened, c.nameOf(f.File))
	}
	for _, path := range told.Written {
		name, err := filepath.Rel(c.dir, path)
		c.must(err)
		written = append(written, name)
	}
	for _, place := range told.Installed {
		if name, below := strings.CutPrefix(place, c.dir+"/"); below {
			installed = append(installed, name)
		}
	}
	var altered []string
	after := 0
	for _, a := range told.Altered {
		name := a.Name
		if a.Kind == Path {
			if name = strings.TrimPrefix(name, c.dir); name == a.Name {
				continue
			}
		}
		altered, after = append(altered, string(a.Kind)+":"+name), max(after, a.After)
	}
	if _, asked := c.says["altered"]; asked {
		slices.Sort(altered)
		if want := c.words("altered"); !slices.Equal(altered, want) {
			c.Errorf("altered: %q, want %q", altered, want)
		}
		for _, name := range c.words("after") {
			if !slices.ContainsFunc(told.Modules[after:], func(m Module) bool { return m.Name == name }) {
				c.Errorf("%s is not told after what was altered", name)
			}
		}
	}
	var unheard []string
	for _, u := range told.Unheard {
		unheard = append(unheard, u.Why)
	}
	wanted := c.words("others")
	for _, m := range told.Modules {
		if slices.Contains(wanted, m.Name) {
			others = append(others, m.Name)
		}
		if strings.HasPrefix(m.File, c.dir) && !strings.Contains(m.File, "/site-packages/") {
			c.Errorf("%s is the project's, told as another's: %s", m.Name, m.File)
		}
	}
	for word, got := range map[string][]string{"told": executed, "opened": opened, "written": written, "installed": installed, "others": others, "unheard": unheard} {
		if c.says["twice"] != "" {
			got = unique(got)
		}
		if want := c.words(word); !slices.Equal(got, want) {
			c.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

// unique leaves out what is in a list already.
func unique(all []string) (once []string) {
	for _, s := range all {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}

// words returns what the comment says behind a word.
func (c *trial) words(word string) (all []string) {
	fields, err := shlex.Split(c.says[word])
	c.must(err)
	for _, field := range fields {
		plain, err := url.PathUnescape(field)
		c.must(err)
		all = append(all, plain)
	}
	return all
}

// nameOf returns a file as the archive names it, with what is wrong with its
// hash. A file that has changed while the command ran was changed back.
func (c *trial) nameOf(f File) string {
	name, err := filepath.Rel(c.dir, f.Path)
	c.must(err)
	if f.Hash == (Hash{}) {
		return "-" + name
	}
	data, err := os.ReadFile(f.Path)
	c.must(err)
	if f.Hash != sha256.Sum256(data) && f.Hash != sha256.Sum256([]byte("X = 22\n")) {
		return name + " is told as something else"
	}
	return name
}
