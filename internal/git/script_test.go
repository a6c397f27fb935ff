package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/git/*.txtar against the installed git. Beside the
// commands of testscript:
//
//	open DIR           open the repository; what follows asks it
//	held [WHAT]        Held must answer WHAT, joined by commas
//	cause [PATTERN]    Cause must match PATTERN; without one it must be ""
//	age FILE DURATION  make the file that old; it may be less than nothing
//	later DURATION     what was opened takes it to be that much later
//	changed DIR A [B]  print Changed, one change a line, or "nothing"
//	range DIR TEXT     print the two subjects that Range finds
//	show DIR REV       print the files of Show, each with its size
//	cat-rev DIR REV PATH  print one file of it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "git"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				e.Setenv("GIT_"+who+"_NAME", "Test")
				e.Setenv("GIT_"+who+"_EMAIL", "test@example.com")
			}
			e.Values[repoKey{}] = new(Repo)
			return os.WriteFile(filepath.Join(e.WorkDir, ".gitconfig"),
				[]byte("[init]\n\tdefaultBranch = main\n[core]\n\tautocrlf = false\n[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n"), 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"open":    cmdOpen,
			"held":    cmdHeld,
			"cause":   cmdCause,
			"age":     cmdAge,
			"later":   cmdLater,
			"changed": cmdChanged,
			"range":   cmdRange,
			"show":    cmdShow,
			"cat-rev": cmdCat,
		},
	})
}

type repoKey struct{}

func repo(ts *testscript.TestScript) *Repo { return ts.Value(repoKey{}).(*Repo) }

func cmdOpen(ts *testscript.TestScript, neg bool, args []string) {
	r, err := Open(ts.MkAbs(args[0]))
	if neg {
		if !errors.Is(err, ErrNoRepository) {
			ts.Fatalf("open: %v, want ErrNoRepository", err)
		}
		return
	}
	ts.Check(err)
	*repo(ts) = *r
}

func cmdHeld(ts *testscript.TestScript, neg bool, args []string) {
	if got, want := strings.Join(repo(ts).Held(), ", "), strings.Join(args, " "); got != want {
		ts.Fatalf("held: %q, want %q", got, want)
	}
}

func cmdCause(ts *testscript.TestScript, neg bool, args []string) {
	got := repo(ts).Cause()
	want := strings.Join(args, " ")
	if !regexp.MustCompile("^(" + want + ")$").MatchString(got) {
		ts.Fatalf("cause: %q, want %q", got, want)
	}
}

func cmdAge(ts *testscript.TestScript, neg bool, args []string) {
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	at := time.Now().Add(-d)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), at, at))
}

func cmdLater(ts *testscript.TestScript, neg bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	r := repo(ts)
	before := r.now
	r.now = func() time.Time { return before().Add(d) }
}

func cmdChanged(ts *testscript.TestScript, neg bool, args []string) {
	to := ""
	if len(args) > 2 {
		to = args[2]
	}
	changes, err := Changed(context.Background(), ts.MkAbs(args[0]), args[1], to)
	if neg {
		if err == nil {
			ts.Fatalf("changed: no error")
		}
		fmt.Fprintln(ts.Stdout(), err)
		return
	}
	ts.Check(err)
	if len(changes) == 0 {
		fmt.Fprintln(ts.Stdout(), "nothing")
	}
	for _, c := range changes {
		fmt.Fprintln(ts.Stdout(), strings.Join(strings.Fields(fmt.Sprintf("%v %s %s %s", c.Status, c.Path, c.OldPath, c.Unknown)), " "))
	}
}

func cmdRange(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	from, to, err := Range(context.Background(), dir, args[1])
	if neg {
		if err == nil {
			ts.Fatalf("range: no error")
		}
		fmt.Fprintln(ts.Stdout(), err)
		return
	}
	ts.Check(err)
	for _, id := range []string{from, to} {
		if id == "" {
			fmt.Fprintln(ts.Stdout(), "work tree")
			continue
		}
		subject, err := run(context.Background(), dir, "log", "-1", "--format=%s", id)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s", subject)
	}
}

func cmdShow(ts *testscript.TestScript, neg bool, args []string) {
	tree, err := Show(context.Background(), ts.MkAbs(args[0]), args[1])
	if neg {
		if err == nil {
			ts.Fatalf("show: no error")
		}
		fmt.Fprintln(ts.Stdout(), err)
		return
	}
	ts.Check(err)
	defer tree.Close()
	for _, p := range tree.Files() {
		data, err := tree.Read(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			ts.Fatalf("show: %v", err)
		}
		if err != nil {
			fmt.Fprintln(ts.Stdout(), p, "-")
			continue
		}
		fmt.Fprintln(ts.Stdout(), p, len(data))
	}
}

func cmdCat(ts *testscript.TestScript, neg bool, args []string) {
	tree, err := Show(context.Background(), ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	defer tree.Close()
	data, err := tree.Read(args[2])
	if neg {
		if !errors.Is(err, fs.ErrNotExist) {
			ts.Fatalf("cat-rev: %v, want fs.ErrNotExist", err)
		}
		return
	}
	ts.Check(err)
	_, err = ts.Stdout().Write(data)
	ts.Check(err)
}
