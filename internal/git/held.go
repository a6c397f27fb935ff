package git

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// staleAfter is when an index.lock that no process has open is taken for what
// a killed git left behind.
const staleAfter = time.Minute

// staleLock remembers for a while that a lock is in use: finding out takes a
// walk over all processes.
type staleLock struct {
	inUse bool
	asked time.Time
}

// sighting is when a file was first seen with the time that it has.
type sighting struct {
	written time.Time
	at      time.Time
}

// operations are the multi-step ones. began is a file that is written once, at
// their start: by its age the cap counts, also when we come late. Whoever wants
// to see each step of one running, as in a bisection, says once that it is not
// to hold.
var operations = []struct{ marker, began, what string }{
	{"rebase-merge", "rebase-merge/head-name", "git rebase"},
	{"rebase-apply/applying", "rebase-apply/applying", "git am"},
	{"rebase-apply", "rebase-apply/head-name", "git rebase"},
	{"MERGE_HEAD", "MERGE_HEAD", "git merge"},
	{"CHERRY_PICK_HEAD", "CHERRY_PICK_HEAD", "git cherry-pick"},
	{"REVERT_HEAD", "REVERT_HEAD", "git revert"},
	{"sequencer", "sequencer/head", "git cherry-pick"}, // or revert, as its list says
	{"BISECT_LOG", "BISECT_START", "git bisect"},
}

// Dirs returns the directories in which something happens whenever Held or
// Cause may answer differently.
func (r *Repo) Dirs() []string {
	dirs := []string{r.dir}
	if logs := filepath.Join(r.dir, "logs"); exists(logs) {
		dirs = append(dirs, logs) // a fast-forward changes nothing else last
	}
	return dirs
}

// Held says what git is in the middle of: a multi-step operation, such as "git
// rebase", and "git at work" while it holds the index lock. An operation open
// for longer than Cap does not count, nor does a lock left by a killed git.
func (r *Repo) Held() []string {
	var held []string
	if what := r.operation(); what != "" {
		held = append(held, what)
	}
	if r.locked() {
		held = append(held, "git at work")
	}
	return held
}

// operation is the multi-step one that is open, "" when none is.
func (r *Repo) operation() string {
	for _, op := range operations {
		if !exists(filepath.Join(r.dir, op.marker)) {
			continue
		}
		if age, ok := r.age(op.began); ok && age > r.Cap {
			continue
		}
		if op.marker == "sequencer" && r.reverting() {
			return "git revert"
		}
		return op.what
	}
	if r.cloning() {
		return "git clone"
	}
	return ""
}

// reverting reports whether the commits of a series are reverted rather than
// picked.
func (r *Repo) reverting() bool {
	list, err := os.ReadFile(filepath.Join(r.dir, "sequencer", "todo"))
	return err == nil && bytes.HasPrefix(list, []byte("revert "))
}

// cloning reports whether the repository has yet to be filled: it knows where
// from, has no index, and either there is nothing in its work tree or a fetch
// is under way. One that a person has just made, and given a remote, looks
// the same but for that. git writes files into the work tree only while it
// holds the index lock, also where there is no index yet.
func (r *Repo) cloning() bool {
	if age, ok := r.age("HEAD"); !ok || age > r.Cap || exists(filepath.Join(r.dir, "index")) {
		return false
	}
	config, err := os.ReadFile(filepath.Join(r.common, "config"))
	return err == nil && bytes.Contains(config, []byte("[remote ")) && (r.unfilled() || r.fetching())
}

// unfilled reports whether there is nothing in the work tree but the repository.
func (r *Repo) unfilled() bool {
	f, err := os.Open(r.top)
	if err != nil {
		return false
	}
	defer f.Close()
	names, err := f.Readdirnames(2)
	return (err == nil || err == io.EOF) && (len(names) == 0 || len(names) == 1 && names[0] == ".git")
}

// fetching reports whether objects are being received.
func (r *Repo) fetching() bool {
	entries, _ := os.ReadDir(filepath.Join(r.common, "objects", "pack")) // what was read counts
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "tmp_") })
}

// locked reports whether git holds the index lock.
func (r *Repo) locked() bool {
	lock := filepath.Join(r.dir, "index.lock")
	age, ok := r.age("index.lock")
	switch {
	case !ok:
		return false
	case age <= r.Cap && (age <= staleAfter || r.inUse(lock)):
		return true
	}
	if !r.told {
		r.told = true
		r.note(fmt.Sprintf("%s was left behind by a git that was killed, and holds nothing any more; git itself will ask to remove it", lock))
	}
	return false
}

func (r *Repo) note(text string) {
	if r.Note != nil {
		r.Note(text)
	}
}

// age is how long ago a file in the git directory was written, and no less
// than since it was first seen: the time that it has may be to come, by a clock
// that was wrong or another machine's.
func (r *Repo) age(name string) (time.Duration, bool) {
	info, err := os.Lstat(filepath.Join(r.dir, filepath.FromSlash(name)))
	if err != nil {
		delete(r.seen, name)
		return 0, false
	}
	now, first := r.now(), r.seen[name]
	if !first.written.Equal(info.ModTime()) {
		first = sighting{info.ModTime(), now}
		r.seen[name] = first
	}
	return max(now.Sub(first.written), now.Sub(first.at)), true
}

// inUse asks at most every five seconds.
func (r *Repo) inUse(lock string) bool {
	if now := r.now(); now.Sub(r.stale.asked) >= 5*time.Second {
		r.stale = staleLock{isOpen(lock), now}
	}
	return r.stale.inUse
}
