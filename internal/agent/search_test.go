package agent

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"bounce/configs"
)

// TestInstalled runs the services of trees in which packages are installed, and
// compares what they load with what is said of them. Each file of
// testdata/agent/installed is a tree; what is below "site/" goes into the
// site-packages of its .venv, $TOP is the tree and $DIR the project. Lines of its
// comment:
//
//	project: PATH          where the bounce.yaml is; default the top
//	link: PATH TARGET      a symbolic link to lay
//	pip: ARG...            a `pip install` with setuptools at hand
//	SERVICE loads FILE...; may load FILE...
//	warning: TEXT          a finding of check, with no other beside it
func TestInstalled(t *testing.T) {
	eachArchive(t, "installed", func(t *testing.T, file string, ar *txtar.Archive) {
		t.Parallel() // most of it waits for Python
		layOut(t, ar).check(t)
	})
}

// layout is a case of TestInstalled.
type layout struct {
	top   string // where everything is
	dir   string // the project
	site  string // the site-packages of its virtual environment
	loads map[string]string
	warns []string
}

// layOut writes the tree of a case and installs what it says.
func layOut(t *testing.T, ar *txtar.Archive) *layout {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &layout{top: top, dir: top, loads: map[string]string{}}
	var links, pips [][]string
	for line := range strings.Lines(string(ar.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "project":
			c.dir = filepath.Join(top, value)
		case key == "link":
			links = append(links, strings.Fields(value))
		case key == "pip":
			pips = append(pips, strings.Fields(value))
		case key == "warning":
			c.warns = append(c.warns, c.here(value))
		default:
			if name, files, ok := strings.Cut(strings.TrimSpace(line), " loads "); ok && !strings.Contains(name, " ") {
				c.loads[name] = files
			}
		}
	}
	c.venv(t)
	for _, f := range ar.Files {
		name := filepath.Join(top, f.Name)
		if inside, ok := strings.CutPrefix(f.Name, "site/"); ok {
			name = filepath.Join(c.site, inside)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(string(f.Data), "#!") {
			mode = 0o755
		}
		mustWrite(t, name, c.here(string(f.Data)), mode)
	}
	for _, link := range links {
		name := filepath.Join(top, link[0])
		if inside, ok := strings.CutPrefix(link[0], "site/"); ok {
			name = filepath.Join(c.site, inside)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(c.here(link[1]), name); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range pips {
		c.pip(t, args)
	}
	return c
}

func (c *layout) here(text string) string {
	return strings.NewReplacer("$DIR", c.dir, "$TOP", c.top).Replace(text)
}

func mustWrite(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// reporter is run at every start of the environment's Python, and writes which
// files the process has loaded when it ends.
const reporter = `
import atexit, os, sys

@atexit.register
def report():
    if "REPORT" in os.environ:
        import json
        files = [getattr(m, "__file__", None) for m in list(sys.modules.values())]
        with open(os.environ["REPORT"], "w") as out:
            json.dump([os.path.realpath(f) for f in files + sys.argv[:1] if f], out)
`

// venv makes the virtual environment of the project.
func (c *layout) venv(t *testing.T) {
	t.Helper()
	run(t, "", nil, filepath.Join(testVenv(t), "bin", "python"), "-m", "venv", "--without-pip", filepath.Join(c.dir, ".venv"))
	found, err := filepath.Glob(filepath.Join(c.dir, ".venv", "lib", "python3.*", "site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	c.site = found[0]
	mustWrite(t, filepath.Join(c.site, "_reporter.py"), reporter, 0o644)
	mustWrite(t, filepath.Join(c.site, "_reporter.pth"), "import _reporter\n", 0o644)
}

// testVenv returns the virtual environment of the tests.
func testVenv(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../build/venv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the virtual environment of the tests is missing: run `make venv`: %v", err)
	}
	return dir
}

// pip installs into the project's environment, by pip and setuptools of the
// tests', without a network.
func (c *layout) pip(t *testing.T, args []string) {
	t.Helper()
	tools, err := filepath.Glob(filepath.Join(testVenv(t), "lib", "python3.*", "site-packages"))
	if err != nil || len(tools) != 1 {
		t.Fatal(tools, err)
	}
	env := append(os.Environ(), "PYTHONPATH="+tools[0], "PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_CONFIG_FILE="+os.DevNull)
	run(t, c.dir, env, filepath.Join(c.dir, ".venv", "bin", "python"),
		append([]string{"-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"}, args...)...)
}

func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// check opens the project, runs each service to its end and compares.
func (c *layout) check(t *testing.T) {
	t.Helper()
	cfg, err := configs.Load(filepath.Join(c.dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range c.loads {
		r := p.view.services[name]
		loaded := c.loaded(t, p, r.service)
		got := strings.Join(loaded, " ")
		var more []string
		for _, file := range slices.Sorted(r.span.static.All()) {
			if !slices.Contains(loaded, file) {
				more = append(more, file)
			}
		}
		if len(more) > 0 {
			got += "; may load " + strings.Join(more, " ")
		}
		if got != want {
			t.Errorf("%s loads\n  %s\nwant\n  %s", name, got, want)
		}
		for _, file := range loaded {
			if !r.span.static.Has(file) {
				t.Errorf("%s loads %s, the reach lacks it", name, file)
			}
		}
	}
	var warns []string
	for _, f := range p.Check() {
		warns = append(warns, f.Text)
	}
	if !slices.Equal(warns, c.warns) {
		t.Errorf("check says\n  %s\nwant\n  %s", strings.Join(warns, "\n  "), strings.Join(c.warns, "\n  "))
	}
}

// loaded runs a service and returns which watched files it has loaded.
func (c *layout) loaded(t *testing.T, p *Project, s *service) []string {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report")
	argv := slices.Clone(s.spec.Argv)
	if strings.Contains(argv[0], "/") && !filepath.IsAbs(argv[0]) {
		argv[0] = filepath.Join(s.spec.Dir, argv[0])
	}
	run(t, s.spec.Dir, append(slices.Clone(s.spec.Env), "REPORT="+report), argv[0], argv[1:]...)
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	if err := json.Unmarshal(data, &files); err != nil {
		t.Fatal(err)
	}
	var loaded []string
	for _, file := range files {
		if at, ok := p.watchedAt(file); ok && !strings.HasPrefix(at, ".venv/") && !slices.Contains(loaded, at) {
			loaded = append(loaded, at)
		}
	}
	slices.Sort(loaded)
	return loaded
}

// TestSearchesAreShared counts how often an interpreter is asked.
func TestSearchesAreShared(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &layout{dir: dir}
	c.venv(t)
	mustWrite(t, filepath.Join(dir, "python3"), "#!/bin/sh\necho >>"+dir+".asked\nexec "+dir+"/.venv/bin/python \"$@\"\n", 0o755)
	mustWrite(t, filepath.Join(dir, "api.py"), "", 0o644)
	mustWrite(t, filepath.Join(dir, "lib", "shop.py"), "", 0o644)
	mustWrite(t, filepath.Join(dir, "bounce.yaml"), `services:
  one: {run: ./python3 api.py, env: {PORT: "1"}}
  two: {run: ./python3 api.py, env: {PORT: "2"}}
  safe: {run: ./python3 -s api.py}
  other: {run: ./python3 api.py, env: {PYTHONPATH: lib}}
  unknown: {run: "true"}
`, 0o644)
	// settle makes the packages look as if they had long been there.
	settle := func() {
		t.Helper()
		old := time.Now().Add(-time.Hour)
		names, err := filepath.Glob(filepath.Join(c.site, "*.pth"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, c.site) {
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := func(want int, after string) {
		t.Helper()
		lines, err := os.ReadFile(dir + ".asked")
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if got := len(lines); got != want {
			t.Errorf("asked %d times after %s, want %d", got, after, want)
		}
	}
	settle()
	cfg, err := configs.Load(filepath.Join(dir, "bounce.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTree(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	asked(0, "the tree was read for its files")
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	asked(3, "the project was opened")
	renew := func(want bool) {
		t.Helper()
		for _, name := range p.view.names() {
			s := p.view.services[name].service
			fresh := p.renewed(t.Context(), s)
			if got := fresh != s; got != (want && name != "unknown") {
				t.Errorf("%s is renewed: %v", name, got)
			}
			p.replace(fresh)
		}
	}
	renew(false)
	asked(3, "a start")
	mustWrite(t, filepath.Join(c.site, "lib.pth"), dir+"/lib\n", 0o644)
	settle()
	renew(true)
	asked(6, "a start with another package")
	if roots := p.view.services["two"].service.search.roots; !slices.Equal(roots, []string{"lib"}) {
		t.Errorf("the roots are %q, want lib", roots)
	}
	renew(false)
	asked(6, "another start")
}
