package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTheShopWorks runs the shop's own tests, which also hold the table of its
// README to what each service loads, on every Python it is meant for that is
// on PATH or installed by pyenv.
func TestTheShopWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	if err := copyTree(shopDir, dir); err != nil {
		t.Fatal(err)
	}
	for version, python := range pythons(t) {
		t.Run(version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, python, "-B", "-m", "unittest")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// pythons returns the interpreters of Python 3.8 or later by version; without
// any the test fails.
func pythons(t *testing.T) map[string]string {
	t.Helper()
	candidates := []string{"python3"}
	for minor := 8; minor <= 15; minor++ {
		candidates = append(candidates, "python3."+strconv.Itoa(minor))
	}
	root := os.Getenv("PYENV_ROOT")
	if home, err := os.UserHomeDir(); err == nil && root == "" {
		root = filepath.Join(home, ".pyenv")
	}
	installed, err := filepath.Glob(filepath.Join(root, "versions", "3.*", "bin", "python3"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, python := range append(candidates, installed...) {
		show := "import platform, sys; assert sys.version_info >= (3, 8); print(platform.python_version(), end='')"
		if version, err := exec.Command(python, "-I", "-c", show).Output(); err == nil {
			found[string(version)] = python
		}
	}
	if len(found) == 0 {
		t.Fatal("no Python 3.8 or later on PATH")
	}
	return found
}

// showLoaded imports what the programs of the notebook import at start and
// prints the project's files among the loaded modules.
const showLoaded = `
import importlib, os, sys
module = importlib.import_module(sys.argv[1])
if sys.argv[1] == "web.tasks":
    module.app.loader.import_default_modules()
here = os.getcwd() + os.sep
for loaded in list(sys.modules.values()):
    file = getattr(loaded, "__file__", None) or ""
    if file.startswith(here):
        print(file[len(here):])
`

var (
	readmeHead = regexp.MustCompile(`(?m)^\| file \|([^|]*)\|([^|]*)\|([^|]*)\|$`)
	readmeRow  = regexp.MustCompile("(?m)^\\| `([^`]+\\.py)` \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$")
)

// readTable returns what a project's README says: its services, and for each
// file what it says of each service, "" where the service never loads it.
func readTable(t *testing.T, dir string) ([]string, map[string][]string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	cells := func(row []string) []string {
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		return row
	}
	head := readmeHead.FindStringSubmatch(string(readme))
	rows := readmeRow.FindAllStringSubmatch(string(readme), -1)
	if head == nil || len(rows) == 0 {
		t.Fatalf("no table in the README of %s", dir)
	}
	table := map[string][]string{}
	for _, row := range rows {
		table[row[1]] = cells(row[2:])
	}
	return cells(head[1:]), table
}

// TestTheNotebookLoadsWhatItsReadmeSays holds the table of its README to the
// truth. It needs the virtual environment that `make venv` creates.
func TestTheNotebookLoadsWhatItsReadmeSays(t *testing.T) {
	python, err := filepath.Abs(filepath.Join("..", "..", "build", "venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("%v: run make venv", err)
	}
	temp, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(temp, "web")
	if err := copyTree(filepath.Join("..", "..", "testdata", "python", "web"), dir); err != nil {
		t.Fatal(err)
	}
	services, table := readTable(t, dir)
	for i, service := range services {
		module := "web." + service
		var said []string
		for file, row := range table {
			if strings.HasPrefix(row[i], "yes") {
				said = append(said, file)
			}
		}
		cmd := exec.CommandContext(t.Context(), python, "-B", "-c", showLoaded, module)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", module, err)
		}
		loaded := strings.Fields(string(out))
		slices.Sort(said)
		slices.Sort(loaded)
		if !slices.Equal(said, loaded) {
			t.Errorf("%s loads\n%v\nand the README says\n%v", module, loaded, said)
		}
	}
}
