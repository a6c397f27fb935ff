package warm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestRead(t *testing.T) {
	a, err := txtar.ParseFile(filepath.Join("..", "..", "..", "testdata", "warm", "commands.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	python := filepath.Join(dir, "python3.12")
	var cases string
	for _, f := range append(a.Files, txtar.File{Name: "python3.12", Data: []byte("\x7fELF")}) {
		text := strings.ReplaceAll(string(f.Data), "$PYTHON", python)
		if f.Name == "cases" {
			cases = text
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"linked.py": "src/app.py", "bin/python": "pypy3.10"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(strings.TrimSpace(cases)) {
		line = strings.TrimSpace(line)
		command, want, ok := strings.Cut(line, " => ")
		if !ok {
			command, want, ok = strings.Cut(line, " ! ")
		}
		if !ok {
			t.Fatalf("no case: %s", line)
		}
		argv := words(t, command)
		c, err := Read(argv, argv[0], dir, nil)
		got := strings.Join(c.First, " ")
		if err != nil {
			got = err.Error()
		}
		if want = strings.ReplaceAll(want, "$DIR", dir); got != want {
			t.Errorf("%s: got %q", line, got)
		}
	}
}

// TestReadEnvironment: what has an interpreter do more than run the service.
func TestReadEnvironment(t *testing.T) {
	for _, name := range []string{"PYTHONINSPECT", "PYTHONVERBOSE", "PYTHONPROFILEIMPORTTIME"} {
		if _, err := Read([]string{"python", "a.py"}, "/usr/bin/python3", "/", []string{name + "=1"}); err == nil || err.Error() != name+" is set" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// words splits a command, with double quotes around words that have spaces.
func words(t testing.TB, text string) []string {
	t.Helper()
	var out []string
	for i, part := range strings.Split(strings.TrimSpace(text), `"`) {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	if len(out) == 0 {
		t.Fatal("there is no command")
	}
	return out
}

func TestBase(t *testing.T) {
	got := Base([]string{"A=1", "BOUNCE_GENERATION=3", "NOTIFY_SOCKET=/x", "LISTEN_FDS=1", "WATCHDOG_USEC=1", "NOTIFY_SOCKETS=2", "B=LISTEN_"})
	if text := strings.Join(got, " "); text != "A=1 NOTIFY_SOCKETS=2 B=LISTEN_" {
		t.Error(text)
	}
}
