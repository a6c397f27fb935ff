package decider

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Entry is where a process of a service starts: a module that is imported or
// run by -m, or a file that is run.
type Entry struct {
	Module string
	File   string
	// Roots are the directories that the process puts in front of sys.path, in
	// order: that of the script, or the working directory for -m and most
	// servers, then those of PYTHONPATH and of the command's own options.
	Roots []string
}

// Inference is what a command says of the process it starts. Its paths are
// relative to the working directory of the command; see [Inference.In].
type Inference struct {
	// Entries are in the order they were found; none when Unknown is set.
	Entries []Entry
	// Interpreter is the python that the command names, or the one beside the
	// tool it names (".venv/bin/python" of ".venv/bin/uvicorn"); "" when the
	// command names none, or leaves it to uv, poetry and their like.
	Interpreter string
	// Unknown says why the entries cannot be told, and which line to add; ""
	// when they can.
	Unknown string
	// Reloads is the word that makes the command restart by itself when files
	// change, such as "--reload"; "" for none. It restarts for every file, and
	// races whoever restarts it for a reason.
	Reloads string
	// Missing says, one line each, what the process loads besides that could
	// not be told.
	Missing []string
}

// Tree is the files that a command may name.
type Tree interface {
	// Exists reports whether there is a file, not a directory, at path, which
	// is absolute or relative to the working directory of the command.
	Exists(path string) bool
	// Read returns the bytes of that file.
	Read(path string) ([]byte, error)
}

// In returns the inference with its relative paths taken from dir.
func (i Inference) In(dir string) Inference {
	in := func(p string) string {
		if p == "" || path.IsAbs(p) {
			return p
		}
		return path.Join(dir, p)
	}
	i.Entries = slices.Clone(i.Entries)
	for n, e := range i.Entries {
		e.File = in(e.File)
		e.Roots = slices.Clone(e.Roots)
		for m := range e.Roots {
			e.Roots[m] = in(e.Roots[m])
		}
		i.Entries[n] = e
	}
	if strings.Contains(i.Interpreter, "/") { // else a name to be found in PATH
		i.Interpreter = in(i.Interpreter)
	}
	return i
}

// Infer reads from a command what its process starts from. It sees through
// wrappers such as env, exec, tini and "uv run", and through shell strings of
// plain words; env is the environment of the service, "KEY=value" each, of
// which PYTHONPATH and the variables that name an application matter.
//
// Files are read to follow what a command only implies: the settings of
// Django, the configuration of gunicorn, the scripts of pyproject.toml. They
// are read for literals and not evaluated.
func Infer(argv []string, tree Tree, env ...string) Inference {
	c := &command{tree: tree, dir: ".", env: make(map[string]string)}
	for _, assignment := range env {
		c.assign(assignment)
	}
	if err := c.run(argv); err != nil {
		return Inference{
			Interpreter: c.interpreter,
			Reloads:     reloads(c.words),
			Unknown:     err.Error() + "; say what it starts from: " + entryLine,
		}
	}
	c.follow()
	return Inference{Entries: c.entries, Interpreter: c.interpreter, Reloads: reloads(c.words), Missing: c.missing}
}

// entryLine is the line of a service that makes inference needless.
const entryLine = "entry: [package.module]"

// EntryLine returns the line of a service that names its entries, and has room
// for what is Missing: a line that names some takes the place of what is
// inferred.
func (i Inference) EntryLine() string {
	var b strings.Builder
	b.WriteString("entry: [")
	for _, e := range i.Entries {
		b.WriteString(e.Module + e.File + ", ")
	}
	b.WriteString("package.module]")
	return b.String()
}

// command is a command while it is being read, from the outer wrapper to what
// it runs in the end.
type command struct {
	tree Tree
	// dir is the working directory, relative to where the command starts.
	dir string
	env map[string]string
	// words are what was read last: in the end the command without wrappers.
	words []string

	entries     []Entry
	interpreter string
	// environment says that a wrapper chooses what "python" is.
	environment bool
	missing     []string
	depth       int
}

// maxDepth ends commands that name themselves, as a script in pyproject.toml
// may do.
const maxDepth = 20

var errEmpty = errors.New("there is no command")

func (c *command) run(argv []string) error {
	if len(argv) == 0 {
		return errEmpty
	}
	if c.depth++; c.depth > maxDepth {
		return fmt.Errorf("%q leads back to itself", argv[0])
	}
	c.words = argv
	word, args := argv[0], argv[1:]
	name := path.Base(word)
	if w, ok := wrappers[name]; ok {
		rest, err := c.unwrap(name, w, args)
		if err != nil {
			return err
		}
		return c.run(rest)
	}
	switch {
	case isPython(name):
		switch {
		case strings.Contains(word, "/"):
			c.interpreter = c.path(word)
		case !c.environment:
			c.interpreter = word
		}
		return c.python(args)
	case isShell(name):
		return c.shell(name, args)
	case name == "manage.py":
		return c.script(word, args)
	}
	if tool := toolNamed(name); tool != nil {
		c.beside(word)
		return tool(c, args)
	}
	if strings.HasSuffix(name, ".py") {
		return c.script(word, args)
	}
	if run, err := c.consoleScript(name); run || err != nil {
		c.beside(word)
		return err
	}
	if strings.Contains(word, "/") {
		return c.executable(word, args)
	}
	return fmt.Errorf("cannot tell which Python files %q loads", name)
}

func (c *command) path(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(c.dir, p)
}

// beside takes the interpreter from where a tool of a virtual environment is.
func (c *command) beside(tool string) {
	if c.interpreter == "" && strings.Contains(tool, "/") {
		c.interpreter = c.path(path.Join(path.Dir(tool), "python"))
	}
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// assign takes a "KEY=value" and reports whether it was one.
func (c *command) assign(word string) bool {
	if !assignment.MatchString(word) {
		return false
	}
	name, value, _ := strings.Cut(word, "=")
	c.env[name] = value
	return true
}

// module adds a module as entry, found in the first of roots or what follows
// them in sys.path.
func (c *command) module(name string, roots ...string) error {
	if !isModule(name) {
		return fmt.Errorf("%q is no name of a module", name)
	}
	c.add(Entry{Module: name, Roots: c.sysPath(roots...)})
	return nil
}

// object adds the module of "package.module:object", where the object may be
// a call or missing.
func (c *command) object(s string, roots ...string) error {
	module, _, _ := strings.Cut(s, ":")
	return c.module(module, roots...)
}

// attribute adds the module of "package.module.object".
func (c *command) attribute(s string, roots ...string) error {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || strings.Contains(s, ":") {
		return c.object(s, roots...)
	}
	return c.module(s[:i], roots...)
}

// file adds a file that is run, with its roots.
func (c *command) file(name string, roots ...string) error {
	if strings.ContainsAny(name, "$`") {
		return fmt.Errorf("the shell decides what %q is", name)
	}
	c.add(Entry{File: c.path(name), Roots: c.sysPath(roots...)})
	return nil
}

func (c *command) add(e Entry) {
	for _, have := range c.entries {
		if have.Module == e.Module && have.File == e.File {
			return
		}
	}
	c.entries = append(c.entries, e)
}

func (c *command) miss(format string, args ...any) {
	c.missing = append(c.missing, fmt.Sprintf(format, args...))
}

// sysPath returns what is put in front of sys.path: roots, seen from the
// working directory, and PYTHONPATH.
func (c *command) sysPath(roots ...string) []string {
	var all []string
	for _, root := range roots {
		all = append(all, c.path(root))
	}
	for _, root := range strings.Split(c.env["PYTHONPATH"], ":") {
		if root != "" && !strings.Contains(root, "$") {
			all = append(all, c.path(root))
		}
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(all, func(root string) bool {
		dup := seen[root]
		seen[root] = true
		return dup
	})
}

// find returns the file of a module in roots, or in the usual directories
// that an installed project adds; "" if there is none.
func (c *command) find(module string, roots []string) string {
	rel := strings.ReplaceAll(module, ".", "/")
	for _, root := range append(slices.Clone(roots), ".", "src") {
		for _, file := range []string{rel + "/__init__.py", rel + ".py"} {
			if file = path.Join(root, file); c.tree.Exists(file) {
				return file
			}
		}
	}
	return ""
}

// read returns the text of a file, "" if it cannot be read: a missing file
// implies nothing.
func (c *command) read(file string) string {
	src, err := c.tree.Read(file)
	if err != nil {
		return ""
	}
	return string(src)
}

// source returns the file of an entry, "" if it is not in the tree.
func (c *command) source(e Entry) string {
	if e.File != "" {
		return e.File
	}
	return c.find(e.Module, e.Roots)
}

// follow adds what the files of the entries imply.
func (c *command) follow() {
	for _, e := range slices.Clone(c.entries) {
		file := c.source(e)
		if file == "" {
			continue
		}
		src := c.read(file)
		settings := c.env["DJANGO_SETTINGS_MODULE"]
		m := settingsDefault.FindStringSubmatch(src)
		if m != nil && settings == "" {
			settings = m[1]
		}
		tasks := c.celeryApp(file, src, e.Roots, m != nil)
		switch {
		case m == nil:
		case tasks == "":
			c.django(settings, e.Roots)
		default:
			c.django(settings, e.Roots, tasks)
		}
	}
}

var identifier = `[\pL_][\pL\pN_]*`

var moduleName = regexp.MustCompile(`^` + identifier + `(\.` + identifier + `)*$`)

func isModule(s string) bool { return moduleName.MatchString(s) }

var pythonName = regexp.MustCompile(`^(python|pypy)[0-9.]*t?$`)

func isPython(name string) bool { return pythonName.MatchString(name) }

// python reads the arguments of an interpreter.
func (c *command) python(args []string) error {
	isolated, safe := false, false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-":
			return errors.New("the program comes on standard input")
		case arg == "--check-hash-based-pycs":
			i++
			continue
		case strings.HasPrefix(arg, "--"):
			continue
		case !strings.HasPrefix(arg, "-"):
			if isolated {
				delete(c.env, "PYTHONPATH")
			}
			return c.pythonFile(arg, args[i+1:], safe)
		}
		for j := 1; j < len(arg); j++ {
			// An option with a value takes the rest of the word, or the next.
			value, rest := arg[j+1:], args[i+1:]
			if value == "" && len(rest) > 0 {
				value, rest = rest[0], rest[1:]
			}
			switch arg[j] {
			case 'I':
				isolated, safe = true, true
				continue
			case 'E':
				isolated = true
				continue
			case 'P':
				safe = true
				continue
			case 'm':
				if isolated {
					delete(c.env, "PYTHONPATH")
				}
				return c.pythonModule(value, rest, safe)
			case 'c':
				return errors.New("the program is given with -c")
			case 'W', 'X':
				i = len(args) - len(rest) - 1
			default:
				continue
			}
			break
		}
	}
	return errors.New("the interpreter is given no program")
}

// pythonFile is "python FILE ARGS"; the directory of the file is in front of
// sys.path unless safe.
func (c *command) pythonFile(file string, args []string, safe bool) error {
	if main := path.Join(file, "__main__.py"); !strings.HasSuffix(file, ".py") && c.tree.Exists(c.path(main)) {
		return c.file(main, file)
	}
	name := path.Base(file)
	if !strings.HasSuffix(name, ".py") {
		// A tool of a virtual environment, started through its interpreter.
		if tool := toolNamed(name); tool != nil {
			return tool(c, args)
		}
	}
	if safe {
		return c.file(file)
	}
	return c.script(file, args)
}

// script is a file that Python runs.
func (c *command) script(file string, args []string) error {
	dir := path.Dir(file)
	if path.Base(file) == "manage.py" {
		return c.manage(file, dir, args)
	}
	return c.file(file, dir)
}

// pythonModule is "python -m MODULE ARGS"; the working directory is in front
// of sys.path unless safe.
func (c *command) pythonModule(module string, args []string, safe bool) error {
	roots := []string{"."}
	if safe {
		roots = nil
	}
	if file := c.find(module, c.sysPath(roots...)); file == "" {
		if tool := toolNamed(module); tool != nil {
			return tool(c, args)
		}
	}
	if c.find(module+".__main__", c.sysPath(roots...)) != "" {
		module += ".__main__"
	}
	return c.module(module, roots...)
}

// executable is a file given by its path: a Python script if its first line
// says so.
func (c *command) executable(file string, args []string) error {
	src := c.read(c.path(file))
	first, rest, _ := strings.Cut(src, "\n")
	if !strings.HasPrefix(first, "#!") || !strings.Contains(first, "python") {
		return fmt.Errorf("cannot tell which Python files %q loads: it is no Python script", file)
	}
	// pip and uv write console scripts that import one function.
	if m := installedScript.FindStringSubmatch(rest); m != nil && strings.Contains(path.Dir(file), "bin") {
		c.beside(file)
		return c.module(m[1])
	}
	return c.script(file, args)
}

var installedScript = regexp.MustCompile(`(?m)^from (` + identifier + `(?:\.` + identifier + `)*) import `)
