package observe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spool is where the processes of one generation tell what they execute. It is
// for one goroutine at a time.
type Spool struct {
	Service    string
	Generation int
	// Began is when the spool was made, right before the generation was started.
	Began     time.Time
	dir, hook string
	read      map[string]int64 // of each file, how much was taken in
}

// Bounds of what is read: how many files there may be, how many users a service
// runs as, and how much each may tell. The hook stops a little above that.
const (
	mostNames = 1024
	mostUsers = 64
	mostTold  = 16<<20 + 1<<20
)

// Environ returns the variables that have the processes of an environment
// observed, as "KEY=value": they take the place of others of their names.
func (s *Spool) Environ(env []string) []string {
	path := s.hook
	for _, entry := range slices.Backward(env) {
		// An empty one is none, and what follows the colon would be the
		// working directory.
		if before, ok := strings.CutPrefix(entry, envPath+"="); ok {
			if before != "" {
				path += string(filepath.ListSeparator) + before
			}
			break
		}
	}
	return []string{envSpool + "=" + s.dir, envPath + "=" + path}
}

// Anew returns the same spool for another goroutine, with nothing read yet.
func (s *Spool) Anew() *Spool {
	return &Spool{Service: s.Service, Generation: s.Generation, Began: s.Began, dir: s.dir, hook: s.hook}
}

// Read returns what was told since it was last called. It is complete as of the
// time of the call, but for a process that is just telling more.
func (s *Spool) Read() (Report, error) {
	var r Report
	names, err := s.names()
	if err != nil {
		return r, fmt.Errorf("cannot read what %s has told: %w", s.Service, err)
	}
	users := 0
	for _, name := range names {
		user, silenced := strings.CutSuffix(name, silencedSuffix)
		if _, err := strconv.ParseUint(user, 10, 32); err != nil {
			continue
		}
		if silenced {
			r.Incomplete = true
			continue
		}
		if users++; users > mostUsers {
			r.Incomplete = true
			break
		}
		if err := s.take(name, &r); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, fmt.Errorf("cannot read what %s has told: %w", s.Service, err)
		}
	}
	return r, nil
}

// silencedSuffix ends the name of the file by which the hook says that a process
// of a user has given up.
const silencedSuffix = ".incomplete"

// told is the directory that users write to.
func (s *Spool) told() string { return filepath.Join(s.dir, toldName) }

// names returns what is there of that users have written.
func (s *Spool) names() ([]string, error) {
	dir, err := os.Open(s.told())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(mostNames)
	if err != nil && err != io.EOF {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// openRegular is openTold for what is to be a file.
func openRegular(name string) (*os.File, fs.FileInfo, error) {
	f, err := openTold(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// take adds to a report what a user has told.
func (s *Spool) take(name string, r *Report) error {
	f, info, err := openRegular(filepath.Join(s.told(), name))
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Mode().Perm()&0o200 == 0 {
		r.Incomplete = true // the hook's other sign, where there is no room for a file
	}
	from := s.read[name]
	if info.Size() < from {
		from = 0 // it was written by somebody else
	}
	data, err := io.ReadAll(io.NewSectionReader(f, from, mostTold-from))
	if err != nil {
		return err
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	r.add(whole)
	if s.read == nil {
		s.read = map[string]int64{}
	}
	s.read[name] = from + int64(len(whole))
	return nil
}

// Remove removes the spool. Processes that still run tell nothing from then on.
func (s *Spool) Remove() error { return os.RemoveAll(s.dir) }
