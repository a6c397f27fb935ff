//go:build unix

package git

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestStrangersTree: root works in somebody else's repository, which git by
// itself refuses.
func TestStrangersTree(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("cannot run here: only root can give files away")
	}
	const uid = 12345
	dir := repository(t)
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o001 == 0 { // the test's own directories
			if err := os.Chmod(up, info.Mode().Perm()|0o011); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.py"), []byte("x = 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	changes, err := Changed(context.Background(), dir, "HEAD", "")
	if err != nil || len(changes) != 1 || changes[0].Path != "a.py" {
		t.Errorf("Changed = %v, %v", changes, err)
	}
	if name := Excludes(context.Background(), dir); name != "" {
		t.Errorf("Excludes = %q, want none: it would be root's", name)
	}
	repos, err := OpenAll(dir, nil)
	if err != nil || len(repos.Held()) != 0 {
		t.Errorf("OpenAll: %v", err)
	}
}
