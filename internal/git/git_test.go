package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRelative(t *testing.T) {
	for _, c := range []struct{ prefix, path, want string }{
		{"", "a/b", "a/b"},
		{"a/", "a/b", "b"},
		{"a/", "b", "../b"},
		{"a/b/", "a/c/d", "../c/d"},
		{"a/b/", "x", "../../x"},
		{"a/", "ab", "../ab"},
	} {
		if got := relative(c.prefix, c.path); got != c.want {
			t.Errorf("relative(%q, %q) = %q, want %q", c.prefix, c.path, got, c.want)
		}
	}
}

func TestVerb(t *testing.T) {
	for message, want := range map[string]string{
		"checkout: moving from main to topic":   "checkout",
		"pull: Fast-forward":                    "pull",
		"pull --rebase origin main (start): x":  "pull",
		"merge topic: Fast-forward":             "merge",
		"rebase (finish): returning to refs/x":  "rebase",
		"reset: moving to HEAD~1":               "reset",
		"commit: a message: with a colon":       "",
		"commit (amend): x":                     "",
		"commit (initial): x":                   "",
		"commit (merge): Merge branch 'topic'":  "merge",
		"commit (cherry-pick): x":               "cherry-pick",
		"clone: from https://example.com/x.git": "clone",
		"revert: Revert \"x\"":                  "revert",
		"am: x":                                 "am",
		"commit":                                "",
		"":                                      "",
	} {
		if got := verb(message); got != want {
			t.Errorf("verb(%q) = %q, want %q", message, got, want)
		}
	}
}

// TestLockInUse: a lock that some process has open is never stale, but for the cap.
func TestLockInUse(t *testing.T) {
	top := t.TempDir()
	if err := os.MkdirAll(filepath.Join(top, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, ".git", "HEAD"), []byte("ref: refs/heads/main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Open(top)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(top, ".git", "index.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	now := time.Now()
	r.now = func() time.Time { return now }
	held := func() string { return strings.Join(r.Held(), ", ") }
	if got := held(); got != "git at work" {
		t.Errorf("held by a new lock: %q", got)
	}
	now = now.Add(2 * time.Minute)
	if got := held(); got != "git at work" {
		t.Errorf("held by an old lock that is open: %q", got)
	}
	lock.Close()
	now = now.Add(10 * time.Second) // past the memory of who has it open
	if got := held(); got != "" && openIsKnown() {
		t.Errorf("held by a stale lock: %q", got)
	}
	now = now.Add(10 * time.Minute)
	if got := held(); got != "" {
		t.Errorf("held past the cap: %q", got)
	}
}

func openIsKnown() bool { return !isOpen(os.DevNull + "/no such file") }

// repository makes one with one commit.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.py"), []byte("x = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "."},
		{"-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "one"},
	} {
		if _, err := run(context.Background(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestInsideHook: git sets these for its hooks, relative to another directory.
func TestInsideHook(t *testing.T) {
	dir := repository(t)
	t.Setenv("GIT_DIR", "/nonexistent")
	t.Setenv("GIT_INDEX_FILE", "/nonexistent/index")
	changes, err := Changed(context.Background(), dir, "HEAD", "HEAD")
	if err != nil || len(changes) != 0 {
		t.Errorf("Changed = %v, %v; want nothing", changes, err)
	}
}

// TestNamedByEnvironment: a repository may be anywhere, as that of somebody's
// dot files, when its work tree is named with it.
func TestNamedByEnvironment(t *testing.T) {
	tree, elsewhere := repository(t), filepath.Join(t.TempDir(), "repo.git")
	if err := os.Rename(filepath.Join(tree, ".git"), elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(tree); !errors.Is(err, ErrNoRepository) {
		t.Fatalf("without the variables: %v", err)
	}
	t.Setenv("GIT_DIR", elsewhere)
	if _, err := Open(tree); !errors.Is(err, ErrNoRepository) {
		t.Errorf("with GIT_DIR alone: %v", err)
	}
	t.Setenv("GIT_WORK_TREE", tree)
	if _, err := Open(filepath.Dir(tree)); !errors.Is(err, ErrNoRepository) {
		t.Errorf("outside the work tree: %v", err)
	}
	rs, err := OpenAll(tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(rs.Dirs(), elsewhere) || len(rs.Held()) != 0 {
		t.Errorf("dirs %q, held %q", rs.Dirs(), rs.Held())
	}
	lock := filepath.Join(elsewhere, "index.lock")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := rs.Held(); !slices.Equal(got, []string{"git at work"}) {
		t.Errorf("with its index locked: %q", got)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "checkout", "-q", "--detach")
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := rs.Cause(); !strings.HasPrefix(got, "git checkout ") {
		t.Errorf("after a checkout: %q", got)
	}
}

func TestTreeAfterClose(t *testing.T) {
	tree, err := Show(context.Background(), repository(t), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	paths := tree.Files()
	if len(paths) == 0 {
		t.Fatal("HEAD has no files")
	}
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tree.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := tree.Read(paths[0]); !errors.Is(err, errTreeClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func FuzzRaw(f *testing.F) {
	const head = ":100644 100644 1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 "
	f.Add([]byte(head + "M\x00a\x00" + head + "R90\x00b\x00c\x00"))
	f.Add([]byte("\x00"))
	f.Add([]byte(head + "R\x00a\x00"))
	f.Add([]byte(":160000 000000 1 0 D\x00a\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		changes, err := parseRaw(out)
		if err == nil && len(out) > 0 && len(changes) == 0 {
			t.Errorf("%q: no change and no error", out)
		}
	})
}
