package observe

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Report is what a generation has told.
type Report struct {
	// Pythons are the versions of the Pythons that run the hook. Without one
	// nothing is known: that no file was told does not mean that none was
	// executed.
	Pythons []string
	// Executed are the project's modules, in the order in which they were.
	Executed []File
	// Opened are other files of the project: those with code that was executed,
	// as of a configuration, an archive, or bytecode without a source, and those
	// that were opened for reading, if that was asked for.
	Opened []Opened
	// Written are the paths of those of both that a process of the service has
	// itself opened for writing, or put in their place.
	Written []string
	// Installed are the places, absolute, of packages below a site-packages or
	// dist-packages of which code was executed, in that order: the outermost
	// directory with an __init__.py, or the file of a module that is in none. Like
	// files they are told before. What only runs at the start of every Python is
	// left out.
	Installed []string
	// Modules are those that are not the project's, in the order in which they
	// were first imported.
	Modules []Module
	// Altered are what a process has done to itself since its start, in the order
	// in which that was seen: when modules that are not the project's were told.
	Altered []Altered
	// Unheard are Pythons that were started so that they tell nothing.
	Unheard []Unheard
	// Incomplete says that a process could not tell all.
	Incomplete bool
}

// Hash is the SHA-256 of what a file held.
type Hash = [32]byte

// File is a module that was executed.
type File struct {
	// Path is absolute, as the Python named it.
	Path string
	// Hash is that of what was executed; zero where it cannot be told, since the
	// file was being written.
	Hash Hash
}

// Opened is a file that was opened, whoever did that.
type Opened struct {
	File // a zero hash: it is large, or was written at about that time
	// Written and Size are what it had then.
	Written time.Time
	Size    int64
}

// Module is a module that is not the project's.
type Module struct {
	Name string
	// File is where it is from: "built-in", "frozen" or "-" for no file.
	File string
}

// Unheard is a Python, or a script for one, that was started and does not run the
// hook. Why is in words.
type Unheard struct {
	Program, Why string
}

// Altered is something in which a process differs from what it was at its start,
// and by which other modules may be loaded otherwise than they would have been,
// or do something else.
type Altered struct {
	Kind Alteration
	Name string
	// After is how many of Report.Modules were told before that, and so were loaded
	// without it.
	After int
}

// Alteration is a kind of alteration.
type Alteration string

const (
	// Patch: something else is in the place of a function or class of the standard
	// library, as "time.time", or the module of that name has patched it.
	Patch Alteration = "patch"
	// Environ: a variable of the environment was set, changed or removed, perhaps
	// by a library when that was imported.
	Environ Alteration = "environ"
	// MetaPath and PathHooks: a finder, or a hook that makes finders, was added.
	// The name is that of its class or function.
	MetaPath  Alteration = "meta_path"
	PathHooks Alteration = "path_hooks"
	// Path: an entry was added to sys.path, as that of the script always is.
	Path Alteration = "path"
)

// mostLine bounds a line: a path has at most 4096 bytes, each written as three.
const mostLine = 16 << 10

// add takes in lines. Those that are damaged are left out.
func (r *Report) add(lines []byte) {
	for line := range bytes.Lines(lines) {
		if len(line) <= mostLine {
			r.line(strings.TrimSuffix(string(line), "\n"))
		}
	}
}

func (r *Report) line(line string) {
	fields := strings.Split(line, "\t")
	for i, field := range fields {
		plain, err := url.PathUnescape(field)
		if err != nil || strings.Contains(plain, "\x00") {
			return
		}
		fields[i] = plain
	}
	switch {
	case fields[0] == "h" && len(fields) == 2 && fields[1] != "":
		r.Pythons = append(r.Pythons, fields[1])
	case fields[0] == "f" && len(fields) == 3:
		if f, ok := fileOf(fields[1], fields[2]); ok {
			r.Executed = append(r.Executed, f)
		}
	case fields[0] == "d" && len(fields) == 5:
		f, ok := fileOf(fields[1], fields[4])
		written, err := strconv.ParseInt(fields[2], 10, 64)
		size, bad := strconv.ParseInt(fields[3], 10, 64)
		if ok && err == nil && bad == nil && size >= 0 {
			r.Opened = append(r.Opened, Opened{File: f, Written: time.Unix(0, written), Size: size})
		}
	case fields[0] == "w" && len(fields) == 2 && filepath.IsAbs(fields[1]):
		r.Written = append(r.Written, filepath.Clean(fields[1]))
	case fields[0] == "p" && len(fields) == 2 && filepath.IsAbs(fields[1]):
		r.Installed = append(r.Installed, filepath.Clean(fields[1]))
	case fields[0] == "u" && len(fields) == 3 && fields[1] != "" && fields[2] != "":
		r.Unheard = append(r.Unheard, Unheard{Program: fields[1], Why: fields[2]})
	case fields[0] == "a" && len(fields) == 3 && fields[2] != "":
		switch kind := Alteration(fields[1]); kind {
		case Patch, Environ, MetaPath, PathHooks, Path:
			r.Altered = append(r.Altered, Altered{Kind: kind, Name: fields[2], After: len(r.Modules)})
		}
	case fields[0] == "m" && len(fields) == 3 && fields[1] != "" && fields[2] != "":
		r.Modules = append(r.Modules, Module{Name: fields[1], File: fields[2]})
	}
}

// fileOf returns a file of a line; false if the line makes no sense.
func fileOf(hash, path string) (f File, ok bool) {
	if hash != "-" {
		if len(hash) != 2*len(f.Hash) {
			return f, false
		}
		if _, err := hex.Decode(f.Hash[:], []byte(hash)); err != nil {
			return f, false
		}
	}
	f.Path = filepath.Clean(path)
	return f, filepath.IsAbs(path)
}

// escape writes a path as a field of a line.
func escape(path string) string {
	return strings.NewReplacer("%", "%25", "\t", "%09", "\n", "%0A", "\r", "%0D").Replace(path)
}
