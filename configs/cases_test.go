package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite expected results, the schema and the reference")

// casesDir has one case a file:
//
//	-- bounce.yaml --    or any other name of a configuration file, or
//	                     Procfile, or command with one argument a line
//	-- environ --        NAME=value lines that the agent runs with
//	-- errors --         the mistakes of the file, or
//	-- warnings --       its warnings
//	-- config --         what it changes of its profile's defaults
//	-- all --            the whole configuration, defaults too
//	-- watch --          the options of the watcher
//	-- rules --          what the decider gets
//	-- start NAME --     how that service starts
//	-- action NAME --    the command of that action
//
// Only sections that are there are compared; -update rewrites them. All other
// files are written beside the configuration. $DIR is the project directory.
const casesDir = "../testdata/configs"

func TestCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(casesDir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", casesDir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testCase(t, file) })
	}
}

func testCase(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var input string
	var environ []string
	for _, f := range archive.Files {
		switch {
		case f.Name == "environ":
			environ = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case f.Name == "command" || f.Name == "Procfile" || slices.Contains(fileNames, f.Name):
			input = f.Name
			fallthrough
		case !resultSection(f.Name):
			path := filepath.Join(dir, f.Name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, loadErr := loadCase(dir, input)
	if loadErr == nil {
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("the configuration has no JSON: %v", err)
		}
	}
	compared := 0
	for i, f := range archive.Files {
		if !resultSection(f.Name) {
			continue
		}
		got := strings.ReplaceAll(section(f.Name, c, loadErr, environ), dir+"/", "$DIR/")
		got = strings.ReplaceAll(got, dir, "$DIR")
		got = strings.ReplaceAll(got, "$DIR/"+input+":", input+":")
		compared++
		if *update {
			archive.Files[i].Data = []byte(got)
		} else if got != string(f.Data) {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", f.Name, got, f.Data)
		}
	}
	if compared == 0 {
		t.Error("nothing is expected of this case")
	}
	if loadErr != nil && !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "errors" }) {
		t.Errorf("unexpected: %v", loadErr)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func loadCase(dir, input string) (*Config, error) {
	path := filepath.Join(dir, input)
	switch input {
	case "Procfile":
		return FromProcfile(path)
	case "command":
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return FromCommand(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), dir)
	}
	return Load(path)
}

func resultSection(name string) bool {
	first, _, _ := strings.Cut(name, " ")
	return slices.Contains([]string{"errors", "warnings", "config", "all", "watch", "rules", "start", "action", "asks", "groups"}, first)
}

// section returns what a result section should hold.
func section(name string, c *Config, loadErr error, environ []string) string {
	if name == "errors" {
		if loadErr == nil {
			return ""
		}
		return loadErr.Error() + "\n"
	}
	if c == nil {
		return fmt.Sprintf("%v\n", loadErr)
	}
	what, arg, _ := strings.Cut(name, " ")
	switch what {
	case "warnings":
		var b strings.Builder
		for _, w := range c.Warnings {
			fmt.Fprintln(&b, w.Error())
		}
		return b.String()
	case "all":
		return indented(c)
	case "config":
		return indented(changed(c))
	case "watch":
		o := c.WatchOptions()
		return indented(map[string]any{
			"dir": o.Dir, "roots": o.Roots, "backend": o.Backend, "ignore": o.Ignore, "include": o.Include,
			"times": fmt.Sprint(o.Quiet, o.Max, o.Absent, o.PollInterval, o.Audit),
		})
	case "rules":
		return indented(c.DecideBy())
	case "groups":
		return indented(c.Supervisors())
	case "asks":
		program, _ := c.Asks(environ)
		return indented(program)
	case "start":
		s, err := c.Start(arg, environ)
		if err != nil {
			return err.Error() + "\n"
		}
		return indented(map[string]any{
			"spec": s.Spec, "identity": s.Identity,
			"entries": c.Entries(c.Services[arg]), "env_files": c.EnvFiles(c.Services[arg]),
		})
	default:
		a, ok := c.Command(arg)
		if !ok {
			return "no command\n"
		}
		var err error
		if a.Env, err = c.CommandEnv(arg, environ); err != nil {
			return err.Error() + "\n"
		}
		return indented(a)
	}
}

// changed returns what of c differs from the defaults of its profile.
func changed(c *Config) any {
	def := defaultsOf(c.Profile)
	got := plain(c).(map[string]any)
	bases := map[string]any{"services": plain(def.service), "groups": plain(def.group), "actions": plain(def.action)}
	for name, base := range bases {
		entries, _ := got[name].(map[string]any)
		for key, entry := range entries {
			entries[key] = without(entry, base)
		}
	}
	return without(got, plain(def.config))
}

// without removes from a what b has too.
func without(a, b any) any {
	from, ok1 := a.(map[string]any)
	base, ok2 := b.(map[string]any)
	if !ok1 || !ok2 {
		return a
	}
	for key, value := range from {
		switch {
		case reflect.DeepEqual(value, base[key]):
			delete(from, key)
		default:
			from[key] = without(value, base[key])
		}
	}
	return from
}

func plain(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

// indented writes v as JSON that is read easily.
func indented(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return b.String()
}

func TestErrorsIsTheType(t *testing.T) {
	_, err := Parse("x.yaml", []byte("servces: {}\nwach: {}\n"))
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatalf("Parse returned a %T", err)
	}
	want := Errors{
		{File: "x.yaml", Line: 1, Column: 1, Text: `unknown key "servces"`, Hint: "did you mean services: {api: {run: uvicorn shop.api:app}}?"},
		{File: "x.yaml", Line: 2, Column: 1, Text: `unknown key "wach"`, Hint: "did you mean watch: {quiet: 50ms}?"},
	}
	if !reflect.DeepEqual(errs, want) {
		t.Errorf("got %#v\nwant %#v", errs, want)
	}
}

// FuzzParse looks for panics, for configurations that cannot be used, and for
// mistakes without a place or out of order.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(casesDir, "*.txtar"))
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range archive.Files {
			if slices.Contains(fileNames, a.Name) {
				f.Add(a.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data)
		if err != nil {
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("refused without a mistake: %v", err)
			}
			if !slices.IsSortedFunc(errs, func(a, b Error) int { return a.Line - b.Line }) {
				t.Fatalf("not sorted: %v", err)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Fatalf("control characters in a message: %q", err)
			}
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
		c.WatchOptions()
		c.DecideBy()
		for _, name := range slices.Sorted(maps.Keys(c.Services)) {
			s := c.Services[name]
			s.EnvFile = nil
			c.Services[name] = s
			start, err := c.Start(name, nil)
			if err != nil || len(start.Spec.Argv) == 0 || start.Spec.Argv[0] == "" {
				t.Fatalf("%s cannot start: %+v, %v", name, start, err)
			}
			c.Entries(s)
		}
		for name, a := range c.Actions {
			a.EnvFile = nil
			c.Actions[name] = a
			if _, err := c.CommandEnv(name, nil); err != nil {
				t.Fatal(err)
			}
			c.Command(name)
		}
	})
}

// FuzzProcfile looks for services that cannot start.
func FuzzProcfile(f *testing.F) {
	for _, s := range []string{"web: gunicorn shop.wsgi\n", "a: x && y\nb: $PORT\n# c\n", "a: 'x\n", "a:x\r\na:y", "\ufeffa: A=1 b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, errs := parseProcfile(data, nil)
		if len(errs) > 0 {
			return
		}
		for name := range c.Services {
			start, err := c.Start(name, nil)
			if err != nil || len(start.Spec.Argv) == 0 || strings.Contains(strings.Join(start.Spec.Argv, ""), "\x00") {
				t.Fatalf("%s cannot start: %q, %v", name, start.Spec.Argv, err)
			}
		}
	})
}

// FuzzEnvFile looks for panics, and for values in messages.
func FuzzEnvFile(f *testing.F) {
	for _, s := range []string{"A=1\nB=\"x\ny\"\n", "export A='b'", "A: b", "A=${B}$C", "SECRET", "=", "A=\"", "#\nA=1 # c\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		vars, err := readEnvFile(path)
		var line int
		if err != nil {
			if n, _ := fmt.Sscanf(err.Error(), "line %d is not", &line); n == 1 && (line < 1 || line > bytes.Count(data, []byte("\n"))+1) {
				t.Fatalf("there is no line %d", line)
			}
		}
		for name := range vars {
			if name == "" {
				t.Fatal("a variable without a name")
			}
		}
	})
}
