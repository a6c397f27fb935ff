package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// policy lists, for each of our packages, the packages of ours it may import.
// Imports go downward only. A new package adds one line.
var policy = map[string][]string{
	"watcher":    nil,
	"treesitter": nil,
	"decider":    {"watcher"},
	"runner":     {"decider", "internal/cgroup", "internal/confine", "internal/lines", "internal/pidstat", "internal/pyruntime/warm", "internal/shim", "internal/terminal", "internal/unixcred", "internal/unixdiag", "internal/waitid"},
	"configs":    {"watcher", "treesitter", "decider", "runner"},

	"internal/control":        {"internal/unixcred"},
	"internal/logfile":        nil,
	"internal/pidstat":        nil,
	"internal/procstat":       {"internal/pidstat"},
	"internal/feed":           nil,
	"internal/terminal":       nil,
	"internal/machine":        nil,
	"internal/git":            nil,
	"internal/installed":      nil,
	"internal/pyruntime":      nil,
	"internal/pyruntime/warm": {"internal/pyruntime/observe", "internal/unixcred"},
	"internal/smartrestart":   {"treesitter", "decider"},
	"internal/classifier":     {"internal/feed"},
	"internal/cgroup":         nil,
	"internal/confine":        nil,
	"internal/arch":           nil,
	"internal/lines":          nil,
	"internal/shim":           {"internal/lines", "internal/pidstat", "internal/unixcred", "internal/waitid"},
	"internal/soak":           nil,
	"internal/unixdiag":       nil,
	"internal/unixcred":       nil,
	"internal/waitid":         nil,
	"internal/writers":        nil,
	"internal/agent":          {"watcher", "treesitter", "decider", "runner", "configs", "internal/control", "internal/git", "internal/installed", "internal/pyruntime", "internal/pyruntime/observe", "internal/pyruntime/warm", "internal/smartrestart", "internal/classifier", "internal/writers", "internal/logfile", "internal/procstat", "internal/feed"},

	"cmd/bounce":      {"configs", "internal/agent", "internal/control", "internal/logfile", "internal/machine", "internal/terminal"},
	"cmd/bounce-demo": {"internal/control"},
	"bench/latency":   {"internal/control", "bench/internal/measure"},
	"bench/graph":     {"treesitter"},
	"bench/watch":     {"watcher", "bench/internal/measure"},
	"bench/reload":    {"bench/internal/measure"},

	"bench/internal/measure": nil,

	"internal/pyruntime/observe": nil,
	"bench/observed":             {"internal/pyruntime/observe", "bench/internal/measure"},
}

// homes says which packages may import a third-party module: each belongs in
// one place, so that replacing it touches one place.
var homes = map[string][]string{
	"github.com/fsnotify/fsnotify":      {"watcher", "bench/watch"},
	"github.com/rjeczalik/notify":       {"watcher"},
	"github.com/smacker/go-tree-sitter": {"treesitter"},
	"gopkg.in/yaml.v3":                  {"configs", "internal/smartrestart"},
	"github.com/rs/zerolog":             {"internal/agent", "cmd/bounce"},
	"github.com/spf13/cobra":            {"cmd/bounce"},
	"github.com/DeRuina/timberjack":     {"internal/logfile"},
	"github.com/creack/pty":             {"internal/terminal"},
	"C":                                 {"treesitter"},
}

// module is the module path of go.mod.
const module = "bounce"

// imported is one import statement of one file.
type imported struct {
	pkg, file, path string
	line            int
	test            bool
}

// TestImportPolicy reads the sources rather than asking `go list`, whose
// answer the test cache serves stale: it tracks the files a test opens, and a
// test that shells out opens none.
func TestImportPolicy(t *testing.T) {
	imports := readImports(t, filepath.Join("..", ".."))
	if len(imports) == 0 {
		t.Fatal("no imports found: the test looks in the wrong place")
	}
	for _, i := range imports {
		if problem := judge(i); problem != "" {
			t.Errorf("%s:%d: %s", i.file, i.line, problem)
		}
	}
}

// judge returns what is wrong with an import; "" when nothing is. Tests may
// import more of ours (a program test needs the whole program) but keep the
// homes of third-party modules out of packages that build without them.
func judge(i imported) string {
	allowed, known := policy[i.pkg]
	if !known {
		return "package " + i.pkg + " has no line in the import policy of internal/arch/arch_test.go"
	}
	if own, ok := strings.CutPrefix(i.path, module+"/"); ok {
		if !i.test && own != i.pkg && !slices.Contains(allowed, own) {
			return i.pkg + " may not import " + own
		}
		return ""
	}
	if i.test {
		return ""
	}
	for mod, pkgs := range homes {
		if (i.path == mod || strings.HasPrefix(i.path, mod+"/")) && !slices.Contains(pkgs, i.pkg) {
			return i.pkg + " may not import " + i.path + ": it belongs in " + strings.Join(pkgs, ", ")
		}
	}
	return ""
}

// TestPolicyBites feeds the judge broken imports: a policy test that cannot
// fail protects nothing.
func TestPolicyBites(t *testing.T) {
	for _, bad := range []imported{
		{pkg: "watcher", path: "bounce/treesitter"},
		{pkg: "decider", path: "bounce/runner"},
		{pkg: "decider", path: "C"},
		{pkg: "runner", path: "github.com/fsnotify/fsnotify"},
		{pkg: "internal/control", path: "bounce/internal/agent"},
		{pkg: "surprise", path: "os"},
	} {
		if judge(bad) == "" {
			t.Errorf("policy lets %s import %s", bad.pkg, bad.path)
		}
	}
}

// TestPolicyIsComplete keeps the table from outliving its packages.
func TestPolicyIsComplete(t *testing.T) {
	for pkg := range policy {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(pkg))); err != nil {
			t.Errorf("import policy names a package that does not exist: %s", pkg)
		}
	}
}

// topLevel is what may stand at the root of the project.
var topLevel = []string{
	"cmd", "watcher", "treesitter", "decider", "runner", "configs", "testdata",
	"internal", "docs", "bench", "packaging", "build",
	"go.mod", "go.sum", "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

func readImports(t *testing.T, root string) []imported {
	t.Helper()
	var all []imported
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "build") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		for _, spec := range f.Imports {
			ipath, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, imported{
				pkg: path.Dir(rel), file: rel, path: ipath,
				line: fset.Position(spec.Pos()).Line,
				test: strings.HasSuffix(name, "_test.go"),
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
