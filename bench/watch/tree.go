//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is the generated project.
type tree struct {
	dir   string
	dirs  []string
	files []string
	made  int // revisions written, for contents that differ
}

// body makes modules of a usual size.
var body = strings.Repeat("def function(argument):\n    return argument + 1\n\n\n", 60)

func newTree(dir string, files, dirs int) (*tree, error) {
	t := &tree{dir: dir}
	for i := range dirs {
		d := filepath.Join(dir, fmt.Sprintf("pkg%02d", i%20), fmt.Sprintf("sub%03d", i))
		t.dirs = append(t.dirs, d)
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	old := time.Now().Add(-time.Hour) // nobody has worked here lately
	for i := range files {
		name := filepath.Join(t.dirs[i%dirs], fmt.Sprintf("mod%05d.py", i))
		t.files = append(t.files, name)
		if err := os.WriteFile(name, fmt.Appendf(nil, "REV = %08d\n%s", i, body), 0o644); err != nil {
			return nil, err
		}
		if err := os.Chtimes(name, old, old); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// edit writes a new revision of file i in place and returns when it was closed.
func (t *tree) edit(i int) (time.Time, error) {
	t.made++
	err := os.WriteFile(t.files[i], fmt.Appendf(nil, "REV = %08d\n%s", 50000000+t.made, body), 0o644)
	return time.Now(), err
}

// revise writes the revision of file i alone, which is faster.
func (t *tree) revise(i int) (time.Time, error) {
	f, err := os.OpenFile(t.files[i], os.O_WRONLY, 0)
	if err != nil {
		return time.Time{}, err
	}
	t.made++
	_, err = f.WriteAt(fmt.Appendf(nil, "REV = %08d\n", 50000000+t.made), 0)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return time.Now(), err
}

// walks are what it takes to go through the tree without watching it.
type walks struct{ stat, read, cold measure.Figures }

// rounds is how often each walk is timed.
const rounds = 5

func measureWalks(t *tree) (walks, error) {
	var w walks
	for range rounds {
		for _, m := range []struct {
			into   *measure.Figures
			before func() error
			each   func(string) error
		}{
			{&w.stat, nil, func(name string) error { _, err := os.Lstat(name); return err }},
			{&w.read, nil, func(name string) error { _, err := os.ReadFile(name); return err }},
			{&w.cold, t.forget, func(name string) error { _, err := os.ReadFile(name); return err }},
		} {
			if m.before != nil {
				if err := m.before(); err != nil {
					return w, err
				}
			}
			began := time.Now()
			err := filepath.WalkDir(t.dir, func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				return m.each(name)
			})
			if err != nil {
				return w, err
			}
			*m.into = append(*m.into, time.Since(began))
		}
	}
	return w, nil
}

// forget has the kernel drop the contents of the files from its cache.
func (t *tree) forget() error {
	unix.Sync() // what is dirty is kept
	for _, name := range t.files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w walks) print() {
	fmt.Printf("\nWalking the tree in one thread, ms, median of %d: %s with a stat of each file, %s reading it, %s reading it from disk\n",
		rounds, measure.MS(w.stat.At(0.5)), measure.MS(w.read.At(0.5)), measure.MS(w.cold.At(0.5)))
}
