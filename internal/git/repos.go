package git

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// Repos are the repositories of a tree: the one whose work tree it is in, if
// any, and those with work trees inside it, such as submodules. They come, go
// and move while we watch: whoever asks is answered by what is there then.
// Like a Repo it is owned by one goroutine.
type Repos struct {
	dir  string
	note func(text string)
	// tops has them by the top of their work tree; nil where there is a .git
	// and no repository, as at the very beginning of a clone.
	tops map[string]*Repo
	// around is the top of the work tree that dir is in; "" for none.
	around string
}

// OpenAll finds the repository of dir; it is no error that there is none.
// Those inside are told of by WorkTree. note, when not nil, is told what a
// person should know.
func OpenAll(dir string, note func(text string)) (*Repos, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	rs := &Repos{dir: dir, note: note, tops: make(map[string]*Repo)}
	if err := rs.enclose(); err != nil && !errors.Is(err, ErrNoRepository) {
		return rs, fmt.Errorf("cannot find the repository of %q: %w", dir, err)
	}
	return rs, nil
}

// WorkTree says that there is a .git in top.
func (rs *Repos) WorkTree(top string) {
	if rs.tops[top] == nil {
		rs.tops[top] = nil
		rs.find()
	}
}

// find looks again for the repositories: for those that were not there yet,
// that are gone, and that are elsewhere by now.
func (rs *Repos) find() {
	_ = rs.enclose() // as good as none; OpenAll has said so
	for top := range rs.tops {
		if top == rs.around {
			continue
		}
		gitDir, err := gitDirOf(top)
		switch {
		case err == nil:
			rs.set(top, gitDir)
		case exists(top):
			rs.tops[top] = nil
		default:
			delete(rs.tops, top) // WorkTree tells when it comes again
		}
	}
}

// enclose finds the repository whose work tree the tree is in.
func (rs *Repos) enclose() error {
	top, gitDir, err := locate(rs.dir)
	if rs.around != top && !inside(rs.around, rs.dir) {
		delete(rs.tops, rs.around) // nobody tells of what is outside the tree
	}
	if rs.around = top; err != nil {
		return err
	}
	rs.set(top, gitDir)
	return nil
}

// set says which repository the work tree at top has.
func (rs *Repos) set(top, gitDir string) {
	if repo := rs.tops[top]; repo != nil && repo.dir == gitDir {
		return
	}
	repo := open(top, gitDir)
	repo.Note = rs.note
	rs.tops[top] = repo
}

// Dirs returns the directories in which something happens whenever Held or
// Cause may answer differently.
func (rs *Repos) Dirs() []string {
	rs.find()
	var dirs []string
	for top, repo := range rs.tops {
		if repo != nil {
			dirs = append(dirs, repo.Dirs()...)
		} else {
			dirs = append(dirs, filepath.Join(top, ".git"))
		}
	}
	return dirs
}

// Held says what git is in the middle of, as [Repo.Held] does; of a work tree
// inside it says which.
func (rs *Repos) Held() []string {
	rs.find()
	var held []string
	for _, repo := range rs.sorted() {
		for _, what := range repo.Held() {
			held = append(held, what+rs.where(repo))
		}
	}
	return held
}

// Cause says what git has done since it was last asked, as [Repo.Cause] does:
// in the outermost work tree in which it did anything.
func (rs *Repos) Cause() string {
	cause := ""
	for _, repo := range rs.sorted() {
		if c := repo.Cause(); c != "" && cause == "" {
			cause = c + rs.where(repo)
		}
	}
	return cause
}

// sorted returns the repositories, outer ones first.
func (rs *Repos) sorted() []*Repo {
	var repos []*Repo
	for _, top := range slices.Sorted(maps.Keys(rs.tops)) {
		if repo := rs.tops[top]; repo != nil {
			repos = append(repos, repo)
		}
	}
	return repos
}

// where names a work tree inside the tree.
func (rs *Repos) where(repo *Repo) string {
	rel, err := filepath.Rel(rs.dir, repo.top)
	if err != nil || !inside(repo.top, rs.dir) || rel == "." {
		return ""
	}
	return " in " + filepath.ToSlash(rel)
}
