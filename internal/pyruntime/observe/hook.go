package observe

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed hook.py
var hookScript []byte

// hookName is the module that every Python imports at its start.
const hookName = "sitecustomize.py"

// Variables of a service that is observed.
const (
	envSpool = "BOUNCE_OBSERVE"
	envPath  = "PYTHONPATH"
)

// Hook is the start-up hook in a place where Pythons find it.
type Hook struct {
	base string // directory of spools
	dir  string // that of the script
	open bool   // other users may write to spools
}

// Open puts the hook below the first of some directories where that works, which
// it makes if need be. Their names are absolute. Each must belong to this user,
// and nobody else may write to it.
//
// If this user is root, services of other users can be observed in a directory
// that they can enter.
func Open(bases ...string) (*Hook, error) {
	var errs []error
	for _, base := range bases {
		h := &Hook{base: base, open: os.Geteuid() == 0}
		err := h.install()
		if err == nil {
			return h, nil
		}
		errs = append(errs, fmt.Errorf("not in %s: %w", base, err))
	}
	return nil, fmt.Errorf("cannot put the start-up hook anywhere: %w", errors.Join(errs...))
}

// install writes the script, into a directory whose name tells it from that of
// another version, whose services may still run.
func (h *Hook) install() error {
	if strings.ContainsRune(h.base, filepath.ListSeparator) {
		return fmt.Errorf("%s cannot have a %q in a name", envPath, filepath.ListSeparator)
	}
	if err := makeDir(h.base, h.mode(0o700, 0o711)); err != nil {
		return err
	}
	sum := sha256.Sum256(hookScript)
	h.dir = filepath.Join(h.base, "hook-"+hex.EncodeToString(sum[:8]))
	// Pythons list it.
	if err := makeDir(h.dir, h.mode(0o700, 0o755)); err != nil {
		return err
	}
	script := filepath.Join(h.dir, hookName)
	if there, err := os.ReadFile(script); err == nil && string(there) == string(hookScript) {
		return nil
	}
	return replace(script, hookScript, h.mode(0o600, 0o644))
}

// mode returns one of two modes: for this user alone, or for others too.
func (h *Hook) mode(private, open fs.FileMode) fs.FileMode {
	if h.open {
		return open
	}
	return private
}

// makeDir makes a directory that only this user can write to.
func makeDir(name string, mode fs.FileMode) error {
	if err := os.MkdirAll(name, mode); err != nil {
		return err
	}
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", name)
	case !owned(info) || info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s belongs to another user, or others may write to it", name)
	}
	return os.Chmod(name, mode)
}

// replace writes a file as a whole: a Python may be about to read it.
func replace(name string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Dir is the directory that services get in front of their PYTHONPATH.
func (h *Hook) Dir() string { return h.dir }

// Options say what a generation is to tell.
type Options struct {
	// Roots are the directories, absolute, whose files are the project's, but for
	// what lies in a site-packages or dist-packages there.
	Roots []string
	// Files has files told that are opened for reading and are no modules.
	Files bool
}

// What a spool has. Users write to the directory alone, each to the file that is
// named by the user's number, and nobody can remove that of another.
const (
	rootsName = "roots"
	ownerName = "of"
	toldName  = "told"
)

// mostOwner bounds what is read of whose spool it is, in bytes.
const mostOwner = 4 << 10

// Spool returns a new spool for a generation of a service.
func (h *Hook) Spool(service string, generation int, o Options) (*Spool, error) {
	var secret [16]byte // others may write there who know its name
	_, _ = rand.Read(secret[:])
	s := &Spool{Service: service, Generation: generation, Began: time.Now(), dir: filepath.Join(h.base, "spool-"+hex.EncodeToString(secret[:])), hook: h.dir}
	err := os.Mkdir(s.dir, 0o700)
	if err == nil {
		err = errors.Join(
			replace(filepath.Join(s.dir, rootsName), o.encode(), h.mode(0o600, 0o644)),
			replace(filepath.Join(s.dir, ownerName), fmt.Appendf(nil, "%d %s", generation, service), 0o600),
			os.Mkdir(s.told(), 0o700),
			os.Chmod(s.told(), h.mode(0o700, 0o733|fs.ModeSticky)),
			os.Chmod(s.dir, h.mode(0o700, 0o711)),
		)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot have %s observed: %w", service, err), s.Remove())
	}
	return s, nil
}

func (o Options) encode() []byte {
	var b strings.Builder
	b.WriteString("code\n")
	if o.Files {
		b.Reset()
		b.WriteString("files\n")
	}
	for _, root := range o.Roots {
		b.WriteString(escape(root))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// Left returns the spools that an earlier agent has left, and removes what it
// left unfinished.
func (h *Hook) Left() ([]*Spool, error) {
	dirs, err := filepath.Glob(filepath.Join(h.base, "spool-*"))
	if err != nil {
		return nil, err
	}
	var left []*Spool
	var errs []error
	for _, dir := range dirs {
		s := &Spool{dir: dir, hook: h.dir}
		if err := s.owned(filepath.Join(dir, ownerName)); err != nil {
			errs = append(errs, s.Remove())
			continue
		}
		left = append(left, s)
	}
	return left, errors.Join(errs...)
}

// owned reads whose a spool is.
func (s *Spool) owned(name string) error {
	f, info, err := openRegular(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !owned(info) || info.Size() > mostOwner {
		return fmt.Errorf("%s is not what was written", name)
	}
	of, err := io.ReadAll(io.LimitReader(f, mostOwner))
	if err != nil {
		return err
	}
	number, service, ok := strings.Cut(string(of), " ")
	if !ok {
		return fmt.Errorf("%s holds no number and name: %q", name, of)
	}
	s.Service, s.Began = service, info.ModTime()
	s.Generation, err = strconv.Atoi(number)
	return err
}

// Close removes the hook if no spool is left: then no process needs it.
func (h *Hook) Close() {
	left, err := filepath.Glob(filepath.Join(h.base, "spool-*"))
	if err == nil && len(left) == 0 {
		_ = os.RemoveAll(h.base)
	}
}
