// Package git tells what git is doing to a work tree, what it has just done,
// and what differs between two revisions.
//
// Whether git is at work is read from its files; no process is started and the
// index is never locked. [Repos] has the methods of the watcher's Gate.
package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoRepository is wrapped by Open for a directory in no work tree.
var ErrNoRepository = errors.New("not in a git work tree")

// A Repo is the repository of one work tree. It is not safe for concurrent
// use: the watcher's goroutine owns it.
type Repo struct {
	// Cap ends a hold that lasts longer than this; default 10 minutes.
	Cap time.Duration
	// Note, when not nil, is told what a person should know.
	Note func(text string)

	top    string // of the work tree
	dir    string // .git of this work tree: index, HEAD
	common string // what it shares with others: refs
	now    func() time.Time

	log   logMark
	head  string // commit at HEAD when last asked
	stale staleLock
	told  bool // of a lock that was left behind
	seen  map[string]sighting
}

// Open finds the repository whose work tree dir is in. It follows the .git
// files of submodules and of work trees added by git worktree, and as git does
// GIT_DIR and GIT_WORK_TREE, when they are both set and speak of dir.
func Open(dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the repository of %q: %w", dir, err)
	}
	top, gitDir, err := locate(abs)
	if err != nil {
		return nil, fmt.Errorf("cannot find the repository of %q: %w", abs, err)
	}
	return open(top, gitDir), nil
}

// locate finds the top of the work tree that dir, absolute, is in, and its
// repository.
func locate(dir string) (top, gitDir string, err error) {
	if top, gitDir := os.Getenv("GIT_WORK_TREE"), os.Getenv("GIT_DIR"); filepath.IsAbs(top) && filepath.IsAbs(gitDir) && inside(dir, top) {
		return filepath.Clean(top), filepath.Clean(gitDir), nil
	}
	for top := dir; ; top = filepath.Dir(top) {
		gitDir, err := gitDirOf(top)
		if err == nil {
			return top, gitDir, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", "", err
		}
		if filepath.Dir(top) == top {
			return "", "", ErrNoRepository
		}
	}
}

func open(top, gitDir string) *Repo {
	r := &Repo{Cap: 10 * time.Minute, top: top, dir: gitDir, common: commonDirOf(gitDir), now: time.Now, seen: make(map[string]sighting)}
	r.Cause() // what happened before is not news
	return r
}

// inside reports whether dir is top or below it.
func inside(dir, top string) bool {
	rel, err := filepath.Rel(top, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Top is the top directory of the work tree.
func (r *Repo) Top() string { return r.top }

// gitDirOf resolves the .git entry in top.
func gitDirOf(top string) (string, error) {
	name := filepath.Join(top, ".git")
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(name, "HEAD")); err != nil {
			return "", err // an empty .git directory is none
		}
		return name, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(string(text), "gitdir:")
	if !ok {
		return "", fmt.Errorf("cannot read %q: no gitdir: line", name)
	}
	return resolve(top, target), nil
}

// commonDirOf returns where a work tree's refs are: a linked one names the
// main one's directory.
func commonDirOf(gitDir string) string {
	text, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err != nil {
		return gitDir
	}
	return resolve(gitDir, string(text))
}

func resolve(base, name string) string {
	name = strings.TrimSpace(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(base, name)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
