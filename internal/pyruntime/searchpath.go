package pyruntime

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed searchpath.py
var searchScript string

// SearchPath is where a Python looks for modules besides its own library and
// the packages that were copied into its site-packages: what PYTHONPATH, .pth
// files and editable installs lead to.
type SearchPath struct {
	// Ahead are the places of modules that are found there before sys.path is
	// looked at, and Places those that come behind what the command puts in
	// front of sys.path, in the order in which an import asks for them.
	Ahead, Places []Place
	// Sites are the directories that packages are installed in, in the order in
	// which an import looks there. They need not exist.
	Sites []string
	// Library is the directory of Python's own library.
	Library string
	// Implementation and Version say which Python it is, as in [Build]; "" where
	// nothing was started.
	Implementation, Version string
	// Unknown says, one line each, what could not be told: an editable install
	// that is half there.
	Unknown []string

	// state is what the answer was taken from: the directories of installed
	// packages and their .pth files. It is nil if they changed meanwhile.
	state []stamp
}

// Place is one place to look for modules.
type Place struct {
	// Module is the one module that is found there, in dots; "" stands for a
	// directory of sys.path, where any may be.
	Module string
	// Path is absolute. Of a module it is the directory, for a package, or the
	// file without its extension.
	Path string
	// Installed says that an editable install put it there, and not whoever
	// starts the process or laid a link.
	Installed bool
}

// stamp is what is known of a file by looking at it.
type stamp struct {
	path    string
	there   bool
	size    int64
	written time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{path: path}
	}
	return stamp{path, true, info.Size(), info.ModTime()}
}

// Current reports whether the answer still holds as far as files tell: nothing
// was installed or removed since. It costs a few looks at the disk.
func (s *SearchPath) Current() bool {
	return s.state != nil && !slices.ContainsFunc(s.state, func(was stamp) bool { return stampOf(was.path) != was })
}

// SearchPath asks the Python where it looks for modules, as a process that a
// command starts with it would find them, but for what the command itself puts
// in front: the directory of the script, or the working directory.
//
// For that the interpreter is started as the command starts it, in its own
// process group, and runs what it runs at every start: .pth lines and
// sitecustomize. It imports nothing more and writes no bytecode. Of a command
// that says -S, which runs none of these, the answer is empty and nothing is
// started. Callers bound the time by ctx; it takes about as long as the
// interpreter's start.
func (p Python) SearchPath(ctx context.Context) (*SearchPath, error) {
	if slices.Contains(p.Flags, "-S") {
		return &SearchPath{state: []stamp{}}, nil
	}
	asked := time.Now()
	fields, err := p.ask(ctx, "where it looks for modules", searchScript)
	if err != nil {
		return nil, err
	}
	path, files := parseSearchPath(fields)
	path.state = settled(files, asked)
	return path, nil
}

// ask runs a script of ours with the Python as the command starts it, in its
// own process group, and returns the fields of the answer. what says in words
// what is asked.
func (p Python) ask(ctx context.Context, what, script string, words ...string) ([]string, error) {
	// -B keeps bytecode of finders from being written, -W keeps warnings about
	// them from being errors.
	args := append(slices.Clone(p.Flags), "-B", "-W", "ignore", "-c", script)
	cmd := exec.CommandContext(ctx, p.Path, append(args, words...)...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	killGroup(cmd)
	cmd.WaitDelay = time.Second

	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the interpreter %s: %w", p.Path, err)
	}
	err := cmd.Wait()
	fields, told := answerIn(stdout.Bytes())
	switch {
	case told:
		// An interpreter that fails to end after it takes nothing back.
		return fields, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s does not say %s: %w", p.Path, what, context.Cause(ctx))
	case err == nil:
		err = errors.New("it said nothing")
	}
	return nil, fmt.Errorf("%s does not say %s: %w%s", p.Path, what, err, lastLine(stderr.String()))
}

// answerMark is around what the script says.
const answerMark = "\x00bounce looks for modules\x00"

// answerIn cuts the script's fields out of all that the interpreter printed,
// and reports whether they are complete.
func answerIn(printed []byte) (fields []string, ok bool) {
	before, last := bytes.LastIndex(printed, []byte(answerMark)), 0
	if before < 0 {
		return nil, false
	}
	before, last = bytes.LastIndex(printed[:before], []byte(answerMark)), before
	if before < 0 {
		return nil, false
	}
	fields = strings.Split(string(printed[before+len(answerMark):last]), "\x00")
	return fields[:len(fields)-1], true
}

var dotted = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)

// parseSearchPath reads the fields, and returns the files that the answer
// depends on.
func parseSearchPath(fields []string) (path *SearchPath, files []string) {
	path = &SearchPath{}
	for kind := range slices.Chunk(fields, 3) {
		if len(kind) < 3 {
			break
		}
		kind, name, place := kind[0], kind[1], kind[2]
		switch {
		case kind == "unknown":
			path.Unknown = append(path.Unknown, name+": "+place)
		case kind == "python":
			path.Implementation, path.Version = name, place
		case !filepath.IsAbs(place):
			// The key of a path hook, or what no import would find either.
		case kind == "library":
			path.Library = filepath.Clean(place)
		case kind == "site":
			path.Sites = append(path.Sites, filepath.Clean(place))
			files = append(files, place)
		case kind == "state":
			files = append(files, place)
		case kind == "given" || kind == "added":
			path.Places = with(path.Places, Place{Path: filepath.Clean(place), Installed: kind == "added"})
		case !dotted.MatchString(name):
			// No import statement says it.
		case kind == "ahead":
			path.Ahead = with(path.Ahead, Place{Module: name, Path: filepath.Clean(place), Installed: true})
		case kind == "module" || kind == "link":
			path.Places = with(path.Places, Place{Module: name, Path: filepath.Clean(place), Installed: kind == "module"})
		}
	}
	return path, files
}

// with adds a place unless an earlier one says the same.
func with(all []Place, p Place) []Place {
	if slices.ContainsFunc(all, func(o Place) bool { return o.Module == p.Module && o.Path == p.Path }) {
		return all
	}
	return append(all, p)
}

// coarse is more than the times of files lag behind the clock.
const coarse = 50 * time.Millisecond

// settled returns the stamps of files; nil if one was written since a time, or
// so shortly before that a later write could have left the same stamp: then
// the interpreter may have seen either.
func settled(files []string, since time.Time) []stamp {
	now := time.Now()
	stamps := make([]stamp, 0, len(files))
	for _, file := range files {
		s := stampOf(file)
		if s.written.After(since.Add(-coarse)) && s.written.Before(now.Add(coarse)) {
			return nil
		}
		stamps = append(stamps, s)
	}
	return stamps
}
