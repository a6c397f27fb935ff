package configs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Load reads a configuration file: bounce.yaml, its JSON, or the
// restart-rules.yaml of smart-restart; or, by its name, a Procfile such as
// Procfile or Procfile.dev. A file with mistakes gives [Errors].
func Load(path string) (*Config, error) {
	if name := filepath.Base(path); name == "Procfile" || strings.HasPrefix(name, "Procfile.") {
		return FromProcfile(path)
	}
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot load %s: %w", printable(path), err)
	}
	return Parse(path, data)
}

// readFile reads a file, one byte more than allowed at most.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	return data, reason(err)
}

// reason is err without the path, which the caller names.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// Parse reads the bytes of a configuration file. name is what mistakes call
// the file; relative paths are relative to its directory.
func Parse(name string, data []byte) (*Config, error) {
	file, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("cannot load %s: %w", printable(name), err)
	}
	root, errs := parseTree(data)
	if root == nil {
		return nil, in(name, errs)
	}
	profile := Dev
	if n := root.get("profile"); n != nil && n.text == string(Prod) {
		profile = Prod
	}
	def := defaultsOf(profile)
	c := def.config
	c.File, c.Sum, c.Dir = file, sha256.Sum256(data), filepath.Dir(file)
	d := decoder{errs: errs, at: places{}, fresh: map[reflect.Type]reflect.Value{
		reflect.TypeFor[Service]():    reflect.ValueOf(def.service),
		reflect.TypeFor[Dependency](): reflect.ValueOf(def.dependency),
		reflect.TypeFor[Unit]():       reflect.ValueOf(def.unit),
		reflect.TypeFor[Group]():      reflect.ValueOf(def.group),
		reflect.TypeFor[Action]():     reflect.ValueOf(def.action),
	}}
	if root.null() {
		d.fail(root.pos, "the file is empty", `write at least {} or "services:"`)
	}
	d.structure(root, reflect.ValueOf(&c).Elem(), "")
	for name, s := range c.Services {
		s.Name = name
		c.Services[name] = s
	}
	c.at = d.at
	c.escalate()
	errs, warnings := validate(&c, d.errs)
	if len(errs) > 0 {
		return nil, in(name, errs)
	}
	c.Warnings = in(name, warnings)
	return &c, nil
}

// in sorts errs and puts the file's name into them.
func in(name string, errs Errors) Errors {
	for i := range errs {
		errs[i].File = name
	}
	return errs.sorted()
}

// fileNames are the names of configuration files, the best first.
var fileNames = []string{"bounce.yaml", "bounce.yml", "bounce.json", "restart-rules.yaml"}

// Found is where a project is and what describes it.
type Found struct {
	// Dir is the project directory, absolute.
	Dir string
	// File is the configuration file; Procfile is set only where there is
	// none. Both are absolute, and "" when there is no such file.
	File, Procfile string
}

// Find looks for the project that dir belongs to: the nearest directory, from
// dir upwards, that has a configuration file, or else dir itself.
func Find(dir string) (Found, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return Found{}, fmt.Errorf("cannot find the project of %s: %w", printable(dir), err)
	}
	if info, err := os.Stat(start); err != nil {
		return Found{}, fmt.Errorf("cannot find the project of %s: %w", printable(dir), reason(err))
	} else if !info.IsDir() {
		return Found{}, fmt.Errorf("cannot find the project of %s: not a directory", printable(dir))
	}
	for at := start; ; at = filepath.Dir(at) {
		for _, name := range fileNames {
			if file := filepath.Join(at, name); isFile(file) {
				return Found{Dir: at, File: file}, nil
			}
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	found := Found{Dir: start}
	if file := filepath.Join(start, "Procfile"); isFile(file) {
		found.Procfile = file
	}
	return found, nil
}

// Load reads what was found. When that is nothing, the error is [ErrNone].
func (f Found) Load() (*Config, error) {
	switch {
	case f.File != "":
		return Load(f.File)
	case f.Procfile != "":
		return Load(f.Procfile)
	}
	return nil, fmt.Errorf("cannot load a configuration: %w in %s or above it (write bounce.yaml or a Procfile, or give a command after --)", ErrNone, printable(f.Dir))
}

// isFile reports whether path is there and no directory. What cannot be
// looked at counts: reading it will say why.
func isFile(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)
	}
	return !info.IsDir()
}
