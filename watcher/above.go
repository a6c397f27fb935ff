package watcher

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// above has the ignore files that apply to the project directory and lie
// outside of it: those of the directories between the top of the git work tree
// and the project, innermost first, then .git/info/exclude, then excludes.
// Outside a work tree there are none.
type above struct {
	dir, excludes string
	files         []aboveFile
}

// aboveFile is one of them; it need not exist.
type aboveFile struct {
	name     string // absolute
	prefix   string // from the directory that its patterns are relative to, to the project
	text     string
	patterns []pattern
}

// reload reads the files again and reports whether a rule changed.
func (a *above) reload() (changed bool) {
	files := aboveFiles(a.dir, a.excludes)
	for i, f := range files {
		files[i].text = readText(f.name)
		files[i].patterns = parsePatterns(files[i].text)
	}
	same := slices.EqualFunc(files, a.files, func(x, y aboveFile) bool { return x.name == y.name && x.text == y.text })
	a.files = files
	return !same
}

// has reports whether the file is one of them.
func (a *above) has(name string) bool {
	return slices.ContainsFunc(a.files, func(f aboveFile) bool { return f.name == name })
}

// dirs returns the directories that they are in.
func (a *above) dirs() map[string]bool {
	dirs := make(map[string]bool)
	for _, f := range a.files {
		dirs[filepath.Dir(f.name)] = true
	}
	return dirs
}

// aboveFiles names the files that apply to dir.
func aboveFiles(dir, excludes string) []aboveFile {
	var files []aboveFile
	prefix := ""
	for d := dir; ; {
		if d != dir {
			files = append(files, aboveFile{name: filepath.Join(d, ".gitignore"), prefix: prefix})
		}
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			files = append(files, aboveFile{name: excludeFile(d), prefix: prefix})
			if excludes != "" {
				files = append(files, aboveFile{name: excludes, prefix: prefix})
			}
			return files
		}
		up := filepath.Dir(d)
		if up == d {
			return nil
		}
		prefix = path.Join(filepath.Base(d), prefix)
		d = up
	}
}

// excludeFile returns the info/exclude file of the work tree at top. Work
// trees added by git worktree share that of the main one.
func excludeFile(top string) string {
	gitDir := filepath.Join(top, ".git")
	if text := readText(gitDir); text != "" {
		gitDir = resolve(top, strings.TrimPrefix(text, "gitdir:"))
		if text := readText(filepath.Join(gitDir, "commondir")); text != "" {
			gitDir = resolve(gitDir, text)
		}
	}
	return filepath.Join(gitDir, "info", "exclude")
}

// readText returns the text of a file; "" when there is none.
func readText(name string) string {
	text, err := ReadFile(name)
	if err != nil {
		return ""
	}
	return string(text)
}

func resolve(base, name string) string {
	name = strings.TrimSpace(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(base, name)
}

// reloadRules reads the ignore files outside the tree, and walks the tree when
// they say something new.
func (w *Watcher) reloadRules(now time.Time) {
	if w.rules.reloadAbove() {
		w.watchAside(forRules, w.rules.above.dirs())
		w.rescan(now)
	}
}
