package installed

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the cases")

// TestEnvironment reads the directories of testdata/installed. In each archive
// are the files of one or more directories, site/ the first and user/ the
// second, and as they are later, below later/; asks has questions, one a line:
//
//	find MODULE      the distributions that have it
//	program NAME     those that install it
//	all NAME...      these and all that they may load
//	users NAME       those that may load it, and by what
//
// and want what is said: of each distribution, of each question, of each
// half-installed thing, and of what changed later.
func TestEnvironment(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "installed", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, ar)
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
			switch {
			case i < 0:
				t.Fatal("there is no want")
			case *update:
				ar.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			case string(ar.Files[i].Data) != got:
				t.Errorf("got\n%s\nwant\n%s", got, ar.Files[i].Data)
			}
		})
	}
}

// tell says what an archive wants to know.
func tell(t *testing.T, ar *txtar.Archive) string {
	top := t.TempDir()
	for _, f := range ar.Files {
		put(t, filepath.Join(top, f.Name), strings.ReplaceAll(string(f.Data), "$TOP", top))
	}
	sites := func(dir string, was ...*Directory) (all []*Directory) {
		for i, name := range []string{"site", "user"} {
			var old *Directory
			if len(was) > 0 {
				old = &Directory{Path: filepath.Join(dir, name), infos: was[i].infos}
			}
			all = append(all, Read(filepath.Join(dir, name), old))
		}
		return all
	}
	var b strings.Builder
	dirs := sites(top)
	e := NewEnvironment(dirs...)
	var names []string
	for name := range e.dists {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d := e.Get(name)
		fmt.Fprintf(&b, "%s %s", d.Name, d.Version)
		for _, list := range []struct {
			what  string
			words []string
		}{{"modules", d.Modules}, {"scripts", d.Scripts}, {"groups", d.Groups}, {"needs", e.Needs(name)}} {
			if len(list.words) > 0 {
				fmt.Fprintf(&b, "; %s %s", list.what, strings.Join(list.words, " "))
			}
		}
		if d.AtStart {
			b.WriteString("; at every start")
		}
		b.WriteString("\n")
	}
	for _, f := range ar.Files {
		if f.Name == "asks" {
			for line := range strings.Lines(string(f.Data)) {
				fmt.Fprintf(&b, "%s: %s\n", strings.TrimSpace(line), strings.Join(answer(t, e, strings.Fields(line)), " "))
			}
		}
	}
	for _, d := range dirs {
		for _, name := range d.Unsettled {
			fmt.Fprintf(&b, "unsettled %s\n", name)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "later")); err == nil {
		later := sites(filepath.Join(top, "later"), dirs...)
		fmt.Fprintf(&b, "later: %s\n", Words(Changes(e, NewEnvironment(later...))))
		for _, d := range later {
			for _, name := range d.Unsettled {
				fmt.Fprintf(&b, "later unsettled %s\n", name)
			}
		}
	}
	return b.String()
}

func answer(t *testing.T, e *Environment, words []string) (names []string) {
	switch words[0] {
	case "find":
		return e.Find(words[1])
	case "program":
		return e.Program(words[1])
	case "all":
		for name := range e.All(words[1:]...) {
			names = append(names, name)
		}
	case "users":
		for name, next := range e.Users(words[1]) {
			names = append(names, strings.TrimSuffix(name+">"+next, ">"))
		}
	default:
		t.Fatalf("cannot ask %q", words)
	}
	slices.Sort(names)
	return names
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// age gives files a time that no later write can have.
func age(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		then := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

// A look at what has not changed reads nothing and returns the same; what has
// is read again, whether its directory gave a sign or not.
func TestReadAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site-packages")
	if d := Read(dir, nil); d.There || len(d.infos) > 0 {
		t.Fatalf("of no directory: %+v", d)
	}
	info := filepath.Join(dir, "lib-1.0.dist-info")
	put(t, filepath.Join(info, "METADATA"), "Name: lib\nVersion: 1.0\n")
	put(t, filepath.Join(info, "RECORD"), "lib.py,sha256=a,1\n")
	age(t, dir, filepath.Join(info, "METADATA"), filepath.Join(info, "RECORD"))
	first := Read(dir, nil)
	if !first.There || first.Stirred() || Read(dir, first) != first {
		t.Error("the same is not the same")
	}

	put(t, filepath.Join(info, "RECORD"), "lib.py,sha256=b,1\n")
	second := Read(dir, first)
	if first.Stirred() {
		t.Error("a file inside gives a sign")
	}
	if changes := Changes(NewEnvironment(first), NewEnvironment(second)); Words(changes) != "lib 1.0 rebuilt" {
		t.Errorf("changed is %q", Words(changes))
	}

	put(t, filepath.Join(dir, "~ib-1.0.dist-info", "RECORD"), "")
	if !second.Stirred() {
		t.Error("a new entry gives no sign")
	}
	third := Read(dir, second)
	if !slices.Equal(third.Unsettled, []string{"~ib-1.0.dist-info"}) || len(Changes(NewEnvironment(second), NewEnvironment(third))) > 0 {
		t.Errorf("unsettled is %q", third.Unsettled)
	}

	// It comes without a list of its files, and then with one.
	put(t, filepath.Join(dir, "new-1.dist-info", "METADATA"), "Name: new\nVersion: 1\n")
	if fourth := Read(dir, third); !slices.Contains(fourth.Unsettled, "new-1.dist-info") {
		t.Errorf("unsettled is %q", fourth.Unsettled)
	} else if again := Read(dir, fourth); !slices.Contains(again.Unsettled, "new-1.dist-info") {
		t.Errorf("it is settled by a second look")
	} else {
		put(t, filepath.Join(dir, "new-1.dist-info", "RECORD"), "new.py,sha256=a,1\n")
		if last := Read(dir, again); slices.Contains(last.Unsettled, "new-1.dist-info") {
			t.Errorf("unsettled is %q", last.Unsettled)
		}
	}
}

// What cannot be read is not gone: what was known of it holds, and it is read
// once that works. A link to itself cannot be opened by anybody.
func TestUnreadable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site-packages")
	info := filepath.Join(dir, "lib-1.0.dist-info")
	for file, text := range map[string]string{
		filepath.Join(info, "METADATA"): "Name: lib\nVersion: 1.0\n",
		filepath.Join(info, "RECORD"):   "lib.py,sha256=a,1\nlib.pth,,\n",
		filepath.Join(dir, "lib.pth"):   "src\n",
	} {
		put(t, file, text)
	}
	first := Read(dir, nil)
	for _, name := range []string{dir, info, filepath.Join(info, "METADATA"), filepath.Join(info, "RECORD"), filepath.Join(info, "entry_points.txt")} {
		aside := filepath.Join(t.TempDir(), "aside")
		_, err := os.Stat(name)
		was := err == nil
		if was {
			if err := os.Rename(name, aside); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(name, name); err != nil {
			t.Fatal(err)
		}
		if !was { // nothing says that it has come
			put(t, filepath.Join(info, "METADATA"), "Name: lib\nVersion: 1.0\nA: b\n")
		}
		failed := Read(dir, first)
		if changes := Changes(NewEnvironment(first), NewEnvironment(failed)); len(changes) > 0 || !failed.There {
			t.Errorf("%s cannot be read: %s", name, Words(changes))
		}
		if len(failed.Unsettled) != 1 || !failed.Stirred() && name == dir {
			t.Errorf("%s cannot be read, and %q is unsettled", name, failed.Unsettled)
		}
		if again := Read(dir, failed); again.There != failed.There || !slices.Equal(again.Unsettled, failed.Unsettled) || name == dir && again != failed {
			t.Errorf("%s cannot be read: the second look differs", name)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if was {
			if err := os.Rename(aside, name); err != nil {
				t.Fatal(err)
			}
		}
		back := Read(dir, failed)
		if changes := Changes(NewEnvironment(first), NewEnvironment(back)); len(changes) > 0 || len(back.Unsettled) > 0 {
			t.Errorf("%s can be read again: %s, unsettled %q", name, Words(changes), back.Unsettled)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if last := Read(dir, first); last.There || len(last.infos) > 0 {
		t.Errorf("of what is gone: %+v", last)
	}

	// Where nothing was known, what can be read counts.
	put(t, filepath.Join(info, "METADATA"), "Name: lib\nVersion: 1.0\n")
	put(t, filepath.Join(info, "RECORD"), "lib.py,sha256=a,1\n")
	points := filepath.Join(info, "entry_points.txt")
	if err := os.Symlink(points, points); err != nil {
		t.Fatal(err)
	}
	part := Read(dir, nil)
	if NewEnvironment(part).Get("lib") == nil || len(part.Unsettled) != 1 {
		t.Errorf("of a part: %+v", part)
	}
	if err := os.Remove(points); err != nil {
		t.Fatal(err)
	}
	put(t, points, "[console_scripts]\nrun = lib:main\n")
	if whole := Read(dir, part); NewEnvironment(whole).Program("run") == nil || len(whole.Unsettled) > 0 {
		t.Errorf("of the whole: %+v", whole)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("lib/__init__.py,sha256=a,1\nlib/x.py,sha256=b,2\nlib-1.dist-info/RECORD,,\n"))
	f.Add([]byte("\"a,b.py\",sha256=a,1\n../../../bin/run,sha256=c,3\nx.pth,,\n"))
	f.Add([]byte("a.py\n,,\n\"\n/,,\n../,,\n//,,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := parseRecord(data)
		for _, module := range r.modules {
			for part := range strings.SplitSeq(module, ".") {
				if !identifier.MatchString(part) {
					t.Errorf("module %q cannot be imported", module)
				}
			}
		}
		// The order of lines, and how they end, mean nothing.
		lines := strings.Split(strings.ReplaceAll(string(data), "\r", ""), "\n")
		slices.Reverse(lines)
		if again := parseRecord([]byte(strings.Join(lines, "\r\n"))); again.sum != r.sum && !strings.Contains(string(data), "\r") {
			t.Errorf("another order has another sum")
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Metadata-Version: 2.1\nName: lib\nVersion: 1\nRequires-Dist: a[b] (>=1) ; extra == 'x'\n\nText: no\n"))
	f.Add([]byte("[x:python_version<'3']\nfoo>=1\n[console_scripts]\nrun = a:b\nimport x\n/a/b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parseMetadata(data)
		for _, r := range append(m.requires, parseRequires(data)...) {
			if r.Name == "" || Name(r.Name) != r.Name {
				t.Errorf("requires %q, which is no name as names are spelt", r.Name)
			}
		}
		parseEntryPoints(data)
		parsePaths(data)
	})
}
