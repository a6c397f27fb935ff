package pyruntime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/shlex"
)

// ErrNoInterpreter is the error of Interpreter when there is no Python.
var ErrNoInterpreter = errors.New("no Python found")

// Python is an interpreter as a command starts it.
type Python struct {
	// Path is that of the program, absolute if the command's directory is.
	// Symbolic links in it are kept: through them a Python knows its virtual
	// environment. A version manager's shim is named as it is.
	Path string
	// Flags are the options that the command gives it and that change where
	// modules are looked for: of -E, -I, -P, -S and -s.
	Flags []string
	// Env is its environment, "KEY=value" each and sorted, and Dir its working
	// directory.
	Env []string
	Dir string
	// Assumed says that the command does not tell: it is the Python one gets by
	// typing python3.
	Assumed bool
}

// Interpreter returns the Python that would run a command in dir with an
// environment of "KEY=value" entries; a nil env is this process's own.
//
// It looks through `env`, `sh -c` and their like, at a script's #! line, and
// for `uv run` and other project runners at the project's .venv. For a command
// that tells nothing it is the Python of VIRTUAL_ENV, else python3 or python
// on PATH.
//
// The answer is read from the disk and nothing is run, so it holds until the
// disk changes. The error wraps ErrNoInterpreter.
func Interpreter(argv, env []string, dir string) (Python, error) {
	if env == nil {
		env = os.Environ()
	}
	s := search{dir: dir, env: map[string]string{}}
	for _, entry := range env {
		if key, value, ok := strings.Cut(entry, "="); ok {
			s.env[key] = value
		}
	}
	found, err := s.command(argv, 0)
	if err != nil {
		return Python{}, fmt.Errorf("cannot tell the Python of %q: %w", strings.Join(argv, " "), err)
	}
	return found, nil
}

// search is where to look: the directory and the environment of a command.
type search struct {
	dir string
	env map[string]string
}

// deepest bounds how many commands may stand in front of a Python. A script
// can name itself as its interpreter.
const deepest = 8

var (
	pythonName = regexp.MustCompile(`^(python|pypy)([0-9]+(\.[0-9]+)*[dt]?)?$`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// command returns the Python of a command; depth counts what stood before it.
func (s search) command(argv []string, depth int) (Python, error) {
	if len(argv) == 0 || depth > deepest {
		return s.fallback()
	}
	name, args := filepath.Base(argv[0]), argv[1:]
	switch {
	case pythonName.MatchString(name):
		if found := s.look(argv[0]); found != "" {
			return s.python(found, pathFlags(args)...), nil
		}
		return Python{}, fmt.Errorf("%w: there is no %s", ErrNoInterpreter, s.place(argv[0]))
	case name == "env":
		inner, rest := s.throughEnv(args)
		return inner.command(rest, depth+1)
	case name == "exec" || name == "nohup" || name == "setsid":
		return s.command(args, depth+1)
	case (name == "sh" || name == "bash" || name == "dash" || name == "zsh") && len(args) > 1 && args[0] == "-c":
		inner, rest := s.throughShell(args[1])
		return inner.command(rest, depth+1)
	case len(args) > 0 && args[0] == "run" && isRunner(name):
		return s.project(name)
	}
	script := s.look(argv[0])
	if script == "" {
		return s.fallback()
	}
	line := interpreterLine(script)
	if line == nil {
		return s.fallback()
	}
	return s.command(line, depth+1)
}

// isRunner reports whether `name run COMMAND` runs a command in the virtual
// environment of the project.
func isRunner(name string) bool {
	switch name {
	case "uv", "poetry", "pdm", "rye", "pipenv", "hatch":
		return true
	}
	return false
}

// project returns the Python that a project runner takes: uv and rye look at
// the project and not at the active environment, the others the other way.
func (s search) project(runner string) (Python, error) {
	ownFirst := runner == "uv" || runner == "rye"
	if !ownFirst {
		if found := s.activated(); found != "" {
			return s.python(found), nil
		}
	}
	venv := ".venv"
	if named := s.env["UV_PROJECT_ENVIRONMENT"]; named != "" && runner == "uv" {
		venv = named
	}
	for dir := s.dir; ; dir = filepath.Dir(dir) {
		if found := executable(filepath.Join(within(dir, venv), "bin", "python")); found != "" {
			return s.python(found), nil
		}
		if dir == filepath.Dir(dir) {
			return s.fallback()
		}
	}
}

// fallback returns the Python one gets by typing python3.
func (s search) fallback() (Python, error) {
	found := s.activated()
	for _, name := range []string{"python3", "python"} {
		if found == "" {
			found = s.look(name)
		}
	}
	if found != "" {
		python := s.python(found)
		python.Assumed = true
		return python, nil
	}
	return Python{}, fmt.Errorf("%w: there is no %s", ErrNoInterpreter, s.place("python3"))
}

// python returns the Python at path as this search has found it.
func (s search) python(path string, flags ...string) Python {
	env := make([]string, 0, len(s.env)) // not nil, which would be this process's
	for key, value := range s.env {
		env = append(env, key+"="+value)
	}
	slices.Sort(env)
	return Python{Path: path, Flags: flags, Env: env, Dir: s.dir}
}

// pathFlags returns the options of an interpreter, in its arguments, that
// change where modules are looked for.
func pathFlags(args []string) (flags []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--check-hash-based-pycs" {
			i++
			continue
		}
		if len(arg) < 2 || arg[0] != '-' {
			return flags // the script
		}
		if arg[1] == '-' {
			continue
		}
		for j := 1; j < len(arg); j++ {
			switch arg[j] {
			case 'E', 'I', 'P', 'S', 's':
				flags = append(flags, "-"+arg[j:j+1])
				continue
			case 'c', 'm':
				return flags
			case 'W', 'X': // with a value: the rest of the word, or the next
				if j == len(arg)-1 {
					i++
				}
			default:
				continue
			}
			break
		}
	}
	return flags
}

// activated returns the Python of the activated virtual environment; "" when
// there is none.
func (s search) activated() string {
	if venv := s.env["VIRTUAL_ENV"]; venv != "" {
		return executable(filepath.Join(within(s.dir, venv), "bin", "python"))
	}
	return ""
}

// look finds a program as execvp does, relative to the command's directory; ""
// when there is none.
func (s search) look(program string) string {
	if strings.ContainsRune(program, '/') {
		return executable(within(s.dir, program))
	}
	for _, dir := range filepath.SplitList(s.path()) {
		if found := executable(filepath.Join(within(s.dir, dir), program)); found != "" {
			return found
		}
	}
	return ""
}

func (s search) path() string {
	if path, ok := s.env["PATH"]; ok {
		return path
	}
	return "/usr/local/bin:/usr/bin:/bin"
}

// place says in words where look looked.
func (s search) place(program string) string {
	if strings.ContainsRune(program, '/') {
		return within(s.dir, program)
	}
	return program + " on PATH " + s.path()
}

// throughEnv reads the arguments of env(1): the command it runs, and where.
func (s search) throughEnv(args []string) (search, []string) {
	s.env = copied(s.env)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return s, args
		case arg == "-i" || arg == "-" || arg == "--ignore-environment":
			s.env = map[string]string{}
		case arg == "-S" || arg == "--split-string":
			// What follows is one word of a #! line, or the rest of one.
			words, err := shlex.Split(strings.Join(args, " "))
			if err != nil {
				return s, nil
			}
			args = words
		case strings.HasPrefix(arg, "-S"):
			args = append(strings.Fields(arg[2:]), args...)
		case (arg == "-u" || arg == "--unset") && len(args) > 0:
			delete(s.env, args[0])
			args = args[1:]
		case (arg == "-C" || arg == "--chdir") && len(args) > 0:
			s.dir = within(s.dir, args[0])
			args = args[1:]
		case strings.HasPrefix(arg, "-"):
			// An option that names no program.
		case assignment.MatchString(arg):
			key, value, _ := strings.Cut(arg, "=")
			s.env[key] = value
		default:
			return s, append([]string{arg}, args...)
		}
	}
	return s, nil
}

// throughShell reads the first simple command of a shell's text. Anything that
// needs a shell to understand leaves no command, and so the fallback.
func (s search) throughShell(text string) (search, []string) {
	if strings.ContainsAny(text, "$`;|&<>()\n") {
		return s, nil
	}
	words, err := shlex.Split(text)
	if err != nil {
		return s, nil
	}
	s.env = copied(s.env)
	for len(words) > 0 && assignment.MatchString(words[0]) {
		key, value, _ := strings.Cut(words[0], "=")
		s.env[key] = value
		words = words[1:]
	}
	return s, words
}

// copied returns a map that its caller may change.
func copied(env map[string]string) map[string]string {
	c := make(map[string]string, len(env))
	for key, value := range env {
		c[key] = value
	}
	return c
}

// within returns path as seen from dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// executable returns path if a program is there, else "".
func executable(path string) string {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return ""
	}
	return path
}

// interpreterLine returns the command that a script's first lines name; nil
// for a file that names none.
func interpreterLine(script string) []string {
	file, err := os.Open(script)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Mode()&fs.ModeType != 0 {
		return nil
	}
	// Linux reads 256 bytes of a #! line; the second line, which installers
	// use for longer ones, may take a path of 4096.
	head, err := io.ReadAll(io.LimitReader(file, 8192))
	if err != nil {
		return nil
	}
	return parseInterpreterLine(head, script)
}

// execLine is what pip and uv write into a script whose Python has a path that
// does not fit a #! line, in a form that sh and Python both accept. uv names a
// Python beside the script by dirname and realpath.
var execLine = regexp.MustCompile(`^'''exec' (?:"\$\(dirname -- "\$\(realpath -- "\$0"\)"\)"/)?(?:'([^']+)'|"([^"$]+)"|([^\s"'$]+)) "\$0"`)

// parseInterpreterLine returns the command that the head of a script names.
func parseInterpreterLine(head []byte, script string) []string {
	rest, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return nil
	}
	first, rest, _ := bytes.Cut(rest, []byte("\n"))
	words := strings.Fields(string(first))
	if len(words) == 0 {
		return nil
	}
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	if found := execLine.FindSubmatch(second); found != nil {
		python := string(found[1]) + string(found[2]) + string(found[3])
		if bytes.Contains(second, []byte("realpath")) {
			if real, err := filepath.EvalSymlinks(script); err == nil {
				script = real
			}
			python = filepath.Join(filepath.Dir(script), python)
		}
		return []string{python}
	}
	return words
}
