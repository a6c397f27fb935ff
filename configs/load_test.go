package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"bounce/runner"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct{ files, from, dir, file, procfile string }{
		"beside":           {"bounce.yaml", ".", ".", "bounce.yaml", ""},
		"above":            {"bounce.yaml a/b/x.py", "a/b", ".", "bounce.yaml", ""},
		"nearest":          {"bounce.yaml a/restart-rules.yaml a/b/x.py", "a/b", "a", "a/restart-rules.yaml", ""},
		"best name":        {"restart-rules.yaml bounce.json bounce.yml bounce.yaml Procfile", ".", ".", "bounce.yaml", ""},
		"yml before json":  {"bounce.json bounce.yml", ".", ".", "bounce.yml", ""},
		"json":             {"restart-rules.yaml bounce.json", ".", ".", "bounce.json", ""},
		"Procfile":         {"Procfile", ".", ".", "", "Procfile"},
		"Procfile above":   {"Procfile a/x.py", "a", "a", "", ""},
		"Procfile below":   {"bounce.yaml a/Procfile", "a", ".", "bounce.yaml", ""},
		"nothing":          {"x.py", ".", ".", "", ""},
		"directory called": {"bounce.yaml/x.py bounce.json", ".", ".", "bounce.json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range strings.Fields(c.files) {
				path := filepath.Join(dir, file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte("{}"), 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			abs := func(p string) string {
				if p == "" {
					return ""
				}
				return filepath.Join(dir, p)
			}
			want := Found{Dir: abs(c.dir), File: abs(c.file), Procfile: abs(c.procfile)}
			if got, err := Find(abs(c.from)); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestLoadKnowsProcfilesByName(t *testing.T) {
	for name, procfile := range map[string]bool{"Procfile": true, "Procfile.dev": true, "procs.yaml": false} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("web: python -m shop.web\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if procfile && (err != nil || c.Services["web"].Name != "web") || !procfile && err == nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestNothingToLoad(t *testing.T) {
	dir := t.TempDir()
	found, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := found.Load(); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := Find(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Load(filepath.Join(dir, "absent.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.HasPrefix(err.Error(), "cannot load "+dir) {
		t.Errorf("got %v", err)
	}
	if _, err := FromProcfile(filepath.Join(dir, "Procfile")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := FromCommand(nil, dir); err == nil {
		t.Error("no command makes a configuration")
	}
}

// TestBounds feeds files that are small to write and large to read. Each must
// be refused, or taken, in a moment and without much memory.
func TestBounds(t *testing.T) {
	laughs := "services: {}\nroots: &l0 [x]\n"
	for i := range 20 {
		laughs += fmt.Sprintf("a%d: &l%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i), 10), ", "))
	}
	merges := "m0: &m0 {a0: 1, b0: 1}\n"
	for i := range 20 {
		merges += fmt.Sprintf("m%d: &m%d {<<: [*m%d, *m%d], a%d: 1}\n", i+1, i+1, i, i, i+1)
	}
	unknown := "services:\n  " + strings.Repeat("a", 60) + ":\n    run: x\n"
	for i := range 20_000 {
		unknown += fmt.Sprintf("    key%d: %d\n", i, i)
	}
	references := "services: {a: {run: x}}\nactions: {z: {}}\nrules:\n"
	for i := range 5_000 {
		references += fmt.Sprintf("- {pattern: p%d, actions: [n%d]}\n", i, i)
	}
	chain := "services:\n"
	for i := range 10_000 {
		chain += fmt.Sprintf("  s%d: {run: x, depends_on: [s%d]}\n", i, (i+1)%10_000)
	}
	shared := "roots: &big \"" + strings.Repeat("x", 500_000) + "\"\nrules:\n" + strings.Repeat("- {pattern: a, actions: *big}\n", 9_000)
	for name, c := range map[string]struct{ file, want string }{
		"billion laughs":    {laughs, "aliases stand for more than 10000 values"},
		"merges":            {merges, "aliases stand for more than 10000 values"},
		"deep flow":         {strings.Repeat("[", 100_000), "not YAML"},
		"deep":              {"roots: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested more than 64 deep"},
		"deep mappings":     {strings.Repeat("{a: ", 100) + strings.Repeat("}", 100), "nested more than 64 deep"},
		"large":             {"# " + strings.Repeat("x", maxBytes), "larger than 1 MiB"},
		"long key":          {"? " + strings.Repeat("k", 300_000) + "\n: {}\n", "a key of 300000 characters"},
		"unknown keys":      {unknown, "unknown key"},
		"references":        {references, "there is no action"},
		"cycle":             {chain, "depend on each other"},
		"text behind alias": {shared, "there is no action"},
		"endless anchors":   {strings.Repeat("a: &a {b: *a}\n", 10), "contains itself"},
		"many colons":       {strings.Repeat("a: ", 100_000), "not YAML"},
		"many questions":    {strings.Repeat("? ", 50_000), "not YAML"},
		"many dashes":       {strings.Repeat("- ", 50_000), "not YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := Parse("x.yaml", []byte(c.file))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.300v; want %s", err, c.want)
			}
			// What is quadratic takes minutes; a busy machine may take seconds.
			if took > 30*time.Second {
				t.Errorf("took %s", took)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 500 {
				t.Errorf("allocated %d MiB", allocated)
			}
			t.Logf("%s, %d MiB", took, (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

// TestConfigsShareNothing changes one service's values and looks at another's.
func TestConfigsShareNothing(t *testing.T) {
	c, err := Parse("x.yaml", []byte("services: {a: {run: x}, b: {run: x}}"))
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.Start("a", nil)
	if err != nil {
		t.Fatal(err)
	}
	start.Spec.Restart.HoldOn[0] = "changed"
	start.Spec.Argv[0] = "changed"
	again, err := c.Start("a", nil)
	if err != nil || again.Spec.Restart.HoldOn[0] == "changed" || again.Spec.Argv[0] == "changed" {
		t.Errorf("a Spec is part of its configuration: %+v, %v", again.Spec, err)
	}
	if _, err := c.Start("c", nil); err == nil {
		t.Error("a service that is not there starts")
	}
}

// TestEnvironmentDecidesIdentity says which variables make a start another.
func TestEnvironmentDecidesIdentity(t *testing.T) {
	c, err := Parse("x.yaml", []byte("services: {a: {run: x, env: {DECLARED: d}}}"))
	if err != nil {
		t.Fatal(err)
	}
	identity := func(environ ...string) map[string]string {
		start, err := c.Start("a", environ)
		if err != nil {
			t.Fatal(err)
		}
		return start.Identity
	}
	base := identity("PATH=/bin")
	for variable, same := range map[string]bool{
		"PATH=/usr/bin": false, "VIRTUAL_ENV=/v": false, "PYTHONPATH=lib": false, "PYTHONHASHSEED=0": false,
		"TERM=xterm": true, "SSH_AUTH_SOCK=/s": true, "DECLARED=other": true, "=C:=x": true, "broken": true,
	} {
		if got := maps.Equal(identity("PATH=/bin", variable), base); got != same {
			t.Errorf("%s: same start %v, want %v", variable, got, same)
		}
	}
	if got := slices.Sorted(maps.Keys(base)); !slices.Equal(got, []string{"command", "cwd", "environment"}) {
		t.Errorf("parts %v", got)
	}
}

// TestHooksAreThoseOfTheRunner compares the keys with what the runner knows.
func TestHooksAreThoseOfTheRunner(t *testing.T) {
	var want []string
	for _, h := range runner.HookNames() {
		want = append(want, string(h))
	}
	if got := fieldsOf(reflect.TypeFor[Hooks]()).keys(); !slices.Equal(got, append(want, "timeout")) {
		t.Errorf("the keys are %v, the hooks of the runner %v", got, want)
	}
	var h Hooks
	for i, v := 0, reflect.ValueOf(&h).Elem(); i < len(want); i++ {
		v.Field(i).Set(reflect.ValueOf(HookCommand{Run: Command{Words: []string{want[i]}}}))
	}
	for _, name := range runner.HookNames() {
		all, _ := h.commands()
		if got := all[name]; !slices.Equal(got, []string{string(name)}) {
			t.Errorf("%s runs %v", name, got)
		}
	}
}
