package watcher

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bounce/internal/soak"
)

// TestPatternsAgainstGit makes up ignore files and trees and compares with
// what git check-ignore says.
func TestPatternsAgainstGit(t *testing.T) {
	dir, excludes := t.TempDir(), filepath.Join(t.TempDir(), "excludes")
	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.excludesFile=" + excludes}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		var out, complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaint
		if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 { // 1: nothing is ignored
			t.Fatalf("git %v: %v\n%s", args, err, complaint.String())
		}
		return out.String()
	}
	git("", "init", "-q")
	var files, dirs []string
	names := []string{"a", "b", "ab", "a.py", "b.pyc", "x y", "[a]", "a]", "A1", "#c", "!d", `e\f`, "é", "-"}
	for _, x := range names {
		files = append(files, x)
		for _, y := range names[:6] {
			files = append(files, "d"+x+"/"+y, "p/q/"+x+"/r/"+y, "p/"+x+"/"+y)
		}
	}
	for i, f := range files {
		if slices.Contains(files, path.Dir(f)) {
			files[i] = ""
			continue
		}
		put(t, dir, f, "")
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		info, err := os.Stat(filepath.Join(dir, f))
		return f == "" || err != nil || info.IsDir()
	})
	for _, f := range files {
		for d := path.Dir(f); d != "."; d = path.Dir(d) {
			dirs = append(dirs, d)
		}
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	r := rand.New(rand.NewPCG(1, 2))
	for round := range soak.Times(150, 2000) {
		texts := map[string]string{
			".":   randomPatterns(r),
			"p":   randomPatterns(r),
			"p/q": randomPatterns(r),
		}
		for d, text := range texts {
			put(t, dir, path.Join(d, ".gitignore"), text)
		}
		exclude := randomPatterns(r)
		put(t, dir, ".git/info/exclude", exclude)
		global := randomPatterns(r)
		put(t, filepath.Dir(excludes), filepath.Base(excludes), global)
		out := git(strings.Join(slices.Concat(files, dirs), "\x00"), "check-ignore", "-z", "--no-index", "--stdin")
		want := make(map[string]bool)
		for _, p := range strings.Split(out, "\x00") {
			want[p] = true
		}
		ig := newIgnore(dir, nil, nil, excludes)
		for d, text := range texts {
			ig.load(d, text)
		}
		for i, p := range slices.Concat(files, dirs) {
			if got := gitIgnored(ig, p, i >= len(files)); got != want[p] {
				t.Errorf("round %d: %q ignored: %v, git says %v\n.gitignore %q\np/.gitignore %q\np/q/.gitignore %q\nexclude %q\nexcludesFile %q",
					round, p, got, want[p], texts["."], texts["p"], texts["p/q"], exclude, global)
				break
			}
		}
	}
}

// gitIgnored judges as git does: without the built-in names, and below an
// ignored directory everything is ignored.
func gitIgnored(ig *ignore, p string, isDir bool) bool {
	for i, c := range p {
		if c == '/' && ig.ignored(p[:i], true) > byBuiltin {
			return true
		}
	}
	return ig.ignored(p, isDir) > byBuiltin
}

func randomPatterns(r *rand.Rand) string {
	atoms := []string{"a", "b", "p", "q", "r", "d", "*", "**", "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[[:alpha:]]",
		"[[:digit:]]", "[]a]", `\a`, `\*`, ".py", "*.py*", "/", "/", "**/", "/**", " ", `\ `, "é", "[", "]", "-", "#", "!", "x y", `\#c`, `e\\f`}
	var lines []string
	for range r.IntN(5) {
		var line strings.Builder
		if r.IntN(4) == 0 {
			line.WriteString("!")
		}
		if r.IntN(5) == 0 {
			line.WriteString("/")
		}
		for range 1 + r.IntN(4) {
			line.WriteString(atoms[r.IntN(len(atoms))])
		}
		if r.IntN(4) == 0 {
			line.WriteString("/")
		}
		if r.IntN(8) == 0 {
			line.WriteString("  ")
		}
		lines = append(lines, line.String())
	}
	end := []string{"\n", "", "\r\n"}[r.IntN(3)]
	return strings.Join(lines, "\n") + end
}

func TestBuiltin(t *testing.T) {
	ig := newIgnore(t.TempDir(), nil, nil, "")
	for _, p := range []string{"a.pyc", "x/a.pyo", ".#a.py", "#a.py#", "a.py~", ".a.py.swp", "4913", "a.py___jb_tmp___", "sedAbC123",
		".goutputstream-X1Y2Z3", "service.log", "db.sqlite3-journal", "..data", "..2026_01_02_03_04_05.678", ".DS_Store"} {
		if ig.ignored(p, false) == notIgnored {
			t.Errorf("%q is not ignored", p)
		}
	}
	for _, p := range []string{"__pycache__", "x/node_modules", ".venv", "a.egg-info", ".git", "x/.git", ".mypy_cache"} {
		if ig.ignored(p, true) == notIgnored {
			t.Errorf("directory %q is not ignored", p)
		}
	}
	for _, p := range []string{"a.py", "sedate.py", "#a", "log", "login.py", ".env", ".gitignore", "Makefile", "..env", "a.pyi", "node_modules", "4913.py"} {
		if ig.ignored(p, false) != notIgnored {
			t.Errorf("%q is ignored", p)
		}
	}
}

// TestInclude: each case is the patterns, then paths with what becomes of them.
func TestInclude(t *testing.T) {
	for _, c := range []struct{ includes, paths string }{
		{"build/gen/**", "build=only build/gen=only build/gen/a.py=yes build/gen/x/b.py=yes build/other=no build/a.py=no"},
		{"build/gen/*.py", "build/gen/a.py=yes build/gen/a.pyc=no build/gen/x=no"},
		{"secret.env", "secret.env=yes sub/secret.env=yes other.env=no"},
		{"/secret.env", "secret.env=yes"},
		{"**", "secret.env=no a.pyc=no build=no"},
		{"**/*.py", "build=no node_modules=no a.py=yes"},
		{"src/**", "src/a.env=yes src/a.pyc=no src/__pycache__=no src/.git=no"},
		{"src/a.pyc", "src/a.pyc=yes src/b.pyc=no"},
		{".git/HEAD", ".git=no"},
		{"node_modules/x/*.js", "node_modules=only node_modules/x=only node_modules/x/a.js=yes node_modules/y=no"},
		{"./conf/app.env", "conf/app.env=yes"},
	} {
		ig := newIgnore(t.TempDir(), []string{"build", "*.env"}, strings.Fields(c.includes), "")
		for _, expect := range strings.Fields(c.paths) {
			p, want, _ := strings.Cut(expect, "=")
			if got := included(ig, p); got != want {
				t.Errorf("include %s: %s is %s, want %s", c.includes, p, got, want)
			}
		}
	}
}

// included walks to p and says what becomes of it there. Names with a dot
// inside are files.
func included(ig *ignore, p string) string {
	m := whole
	for i, c := range p {
		if c == '/' {
			m = ig.dir(m, p[:i])
		}
	}
	if strings.Contains(strings.TrimPrefix(path.Base(p), "."), ".") {
		return map[bool]string{true: "yes", false: "no"}[ig.file(m, p)]
	}
	return map[mode]string{skipped: "no", includedOnly: "only", whole: "whole"}[ig.dir(m, p)]
}

// TestRulesAbove: the project may be a part of a larger work tree.
func TestRulesAbove(t *testing.T) {
	top := t.TempDir()
	put(t, top, ".git/HEAD", "")
	put(t, top, ".git/info/exclude", "/services/api/local\n")
	put(t, top, ".gitignore", "*.out\n/services/*/dist\n")
	put(t, top, "services/.gitignore", "!kept.out\n")
	ig := newIgnore(filepath.Join(top, "services", "api"), nil, nil, "")
	for p, want := range map[string]bool{"a.out": true, "x/a.out": true, "kept.out": false, "dist": true, "x/dist": false,
		"local": true, "../worker/dist": true, "../../dist": false, "../../a.out": true, "../../../a.out": false} {
		if got := ig.ignored(p, true) != notIgnored; got != want {
			t.Errorf("%q ignored: %v, want %v", p, got, want)
		}
	}
}

func TestWildmatchTime(t *testing.T) {
	if wildmatch(strings.Repeat("*a", 30)+"b", strings.Repeat("a", 300)) {
		t.Error("matches")
	}
}

func FuzzWildmatch(f *testing.F) {
	for _, p := range []string{"a/**/b", "[[:alpha:]-z]", `\`, "[", "**", "*a*b*c", "a/**", "[!]a-]", "[a-"} {
		f.Add(p, "a/x/b")
	}
	f.Fuzz(func(t *testing.T, glob, s string) {
		if len(glob)+len(s) > 1000 {
			return
		}
		wildmatch(glob, s)
		// What has no special letter matches itself alone.
		if !strings.ContainsAny(glob, `*?[\`) && wildmatch(glob, s) != (glob == s) {
			t.Errorf("wildmatch(%q, %q) is wrong", glob, s)
		}
		// Everything escaped, it matches itself.
		escaped := make([]byte, 0, 2*len(s))
		for i := range len(s) {
			escaped = append(escaped, '\\', s[i])
		}
		if !wildmatch(string(escaped), s) {
			t.Errorf("%q does not match %q", escaped, s)
		}
	})
}
