package observe

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLines reads the lines of testdata/observe/lines.txt.
func TestLines(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testdata, "lines.txt"))
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("<T>", "\t", "<0>", strings.Repeat("0", 63)+"1")
	for line := range strings.Lines(string(text)) {
		line, want, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " =>")
		if !ok {
			continue
		}
		var r Report
		r.add([]byte(fill.Replace(line) + "\n"))
		if got := r.words(); got != strings.TrimSpace(want) {
			t.Errorf("%q says %q, want %q", line, got, want)
		}
	}
}

// words is a report as in lines.txt.
func (r Report) words() string {
	var all []string
	last := func(h Hash) string { return fmt.Sprintf("%02x", h[len(h)-1]) }
	for _, p := range r.Pythons {
		all = append(all, "python "+p)
	}
	for _, f := range r.Executed {
		all = append(all, "executed "+f.Path+" "+last(f.Hash))
	}
	for _, f := range r.Opened {
		all = append(all, fmt.Sprint("opened ", f.Path, " ", last(f.Hash), " ", f.Written.Unix(), " ", f.Size))
	}
	for _, path := range r.Written {
		all = append(all, "written "+path)
	}
	for _, place := range r.Installed {
		all = append(all, "installed "+place)
	}
	for _, m := range r.Modules {
		all = append(all, "module "+m.Name+" "+m.File)
	}
	for _, u := range r.Unheard {
		all = append(all, "unheard "+u.Program+" "+u.Why)
	}
	for _, a := range r.Altered {
		all = append(all, fmt.Sprint("altered ", a.Kind, " ", a.Name, " after ", a.After))
	}
	return strings.Join(all, "\n")
}

// FuzzReport reads any bytes: what comes of them is in order, and a line that
// stands alone says what it says among others.
func FuzzReport(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(testdata, "lines.txt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.ReplaceAll(text, []byte("<T>"), []byte("\t")))
	f.Add([]byte("f\t-\t/a%0Ab.py\nm\ta\tb\n\n\xff\t\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, apart Report
		whole.add(data)
		for line := range bytes.Lines(data) {
			apart.add(line)
		}
		if whole.words() != apart.words() {
			t.Errorf("%q says %q, line by line %q", data, whole.words(), apart.words())
		}
		for _, file := range whole.Executed {
			if !filepath.IsAbs(file.Path) || strings.Contains(file.Path, "\x00") {
				t.Errorf("%q is no path", file.Path)
			}
			var again Report
			again.add([]byte("f\t-\t" + escape(file.Path) + "\n"))
			if len(again.Executed) != 1 || again.Executed[0].Path != file.Path {
				t.Errorf("%q is written so that it is read as %v", file.Path, again.Executed)
			}
		}
	})
}

// TestGrammar compiles the hook by the grammar of Python 3.8, and with every
// Python that there is, of which some are older.
func TestGrammar(t *testing.T) {
	script, err := filepath.Abs("hook.py")
	if err != nil {
		t.Fatal(err)
	}
	old, _ := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".pyenv/versions/2.*/bin/python"))
	for _, p := range findPythons(t) {
		old = append(old, p.path)
		check := "import ast, sys; sys.version_info < (3, 8) or ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))"
		if out, err := exec.Command(p.path, "-c", check, script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", p.name, err, out)
		}
	}
	for _, path := range old {
		check := "import sys; compile(open(sys.argv[1]).read(), 'hook.py', 'exec')"
		if out, err := exec.Command(path, "-c", check, script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
