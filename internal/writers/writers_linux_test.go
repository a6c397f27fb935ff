package writers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestLast(t *testing.T) {
	w, err := Open(strconv.Itoa)
	if errors.Is(err, ErrUnknown) {
		t.Skipf("cannot run here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	name := filepath.Join(dir, "a.py")
	write := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(cmd.ProcessState.Pid())
	}
	write("echo 1 >a.py")
	if who, ok := w.Last(name); ok {
		t.Errorf("written by %s before the directory was added", who)
	}
	for range 2 {
		if err := w.Add(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range []string{"echo 2 >a.py", "echo 3 >>a.py", "echo 4 >new; mv new a.py"} {
		want := write(script)
		late := time.After(10 * time.Second)
		for who := ""; who != want; who, _ = w.Last(name) {
			select {
			case <-late:
				t.Fatalf("%s: written by %s, want %s", script, who, want)
			default:
			}
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if who, ok := w.Last(name); ok {
		t.Errorf("gone, and written by %s", who)
	}
	if err := w.Add(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestWritersAreForgotten: of files that are replaced for days, the newest are
// known.
func TestWritersAreForgotten(t *testing.T) {
	w := &Watch{last: make(map[file]string)}
	for i := range uint64(10 * kept) {
		w.note(file{1, i}, strconv.FormatUint(i, 10))
		if n := len(w.last) + len(w.older); n > 2*kept {
			t.Fatalf("%d are known", n)
		}
	}
	for i := uint64(9 * kept); i < 10*kept; i++ {
		f := file{1, i}
		if who := w.last[f] + w.older[f]; who != strconv.FormatUint(i, 10) {
			t.Fatalf("%d of %d was written by %q", i, 10*kept, who)
		}
	}
}
