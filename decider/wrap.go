package decider

import (
	"fmt"
	"slices"
	"strings"
)

// wrapper is a program that runs the command it is given.
type wrapper struct {
	// valued are the options that take the next word as their value.
	valued string
	// sub is the word that must follow, such as "run".
	sub string
	// skip is how many words come before the command, such as a user's name.
	skip int
	// assigns says that KEY=value words may come before the command.
	assigns bool
	// dir are the options that name the command's working directory.
	dir string
	// python says that a file or -m may stand where the command should.
	python bool
	// environment says that it chooses the interpreter.
	environment bool
	// scripts says that the command may be a script of pyproject.toml whose
	// value is a command line, of the tool's own.
	scripts bool
}

var wrappers = map[string]wrapper{
	"exec":    {valued: "-a"},
	"command": {},
	"nohup":   {},
	"setsid":  {},
	"nice":    {valued: "-n --adjustment"},
	"ionice":  {valued: "-c --class -n --classdata"},
	"chrt":    {valued: "-T -P -D", skip: 1},
	"taskset": {skip: 1},
	"time":    {valued: "-f --format -o --output"},
	"timeout": {valued: "-k --kill-after -s --signal", skip: 1},
	"stdbuf":  {valued: "-i --input -o --output -e --error"},
	"env":     {valued: "-u --unset -C --chdir", assigns: true, dir: "-C --chdir"},
	"sudo":    {valued: "-u --user -g --group -C -D --chdir -h -p -R -T -U", assigns: true, dir: "-D --chdir"},
	"gosu":    {skip: 1},
	"su-exec": {skip: 1},
	"chpst":   {valued: "-u -U -b -e -/ -C -n -l -L -P -0 -1 -2 -m -d -o -p -f -c -r -t", dir: "-C"},
	"setpriv": {valued: "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set"},

	"dumb-init": {valued: "-r --rewrite"},
	"tini":      {valued: "-p -e"},
	"catatonit": {},

	"uv": {sub: "run", environment: true, python: true, dir: "--directory", valued: `-p --python --with --with-editable
		--with-requirements --extra --no-extra --group --no-group --only-group --env-file --package
		--directory --project --index --default-index -i --index-url --extra-index-url -f --find-links
		-w --config-file --cache-dir --color --resolution --prerelease --python-platform -P --upgrade-package
		--refresh-package --reinstall-package --no-build-package --no-binary-package -C --config-setting`},
	"poetry":     {sub: "run", environment: true, dir: "-C --directory", valued: "-C --directory -P --project"},
	"pipenv":     {sub: "run", environment: true, valued: "--python"},
	"hatch":      {sub: "run", environment: true, scripts: true, valued: "-e --env -p --project --data-dir --cache-dir --config"},
	"pdm":        {sub: "run", environment: true, scripts: true, valued: "-c --config -p --project --venv"},
	"rye":        {sub: "run", environment: true, valued: "--pyproject"},
	"pixi":       {sub: "run", environment: true, valued: "-e --environment --manifest-path"},
	"conda":      {sub: "run", environment: true, dir: "--cwd", valued: "-n --name -p --prefix --cwd"},
	"mamba":      {sub: "run", environment: true, dir: "--cwd", valued: "-n --name -p --prefix --cwd"},
	"micromamba": {sub: "run", environment: true, dir: "--cwd", valued: "-n --name -p --prefix --cwd"},

	"dotenv":                   {sub: "run", valued: "-f --file -q --quote -e --export"},
	"doppler":                  {sub: "run", valued: "-p --project -c --config -t --token --mount"},
	"ddtrace-run":              {},
	"newrelic-admin":           {sub: "run-program"},
	"opentelemetry-instrument": {valued: "--traces_exporter --metrics_exporter --logs_exporter --service_name --exporter_otlp_endpoint"},
}

// runners are Python programs that run the program they are given: the words
// are those of an interpreter.
var runners = map[string]wrapper{
	"coverage":     {sub: "run", valued: "--source --omit --include --rcfile --context --data-file --concurrency"},
	"debugpy":      {valued: "--listen --connect --log-to --configure-subProcess"},
	"cProfile":     {valued: "-o -s"},
	"profile":      {valued: "-o -s"},
	"pdb":          {valued: "-c"},
	"memray":       {sub: "run", valued: "-o --output -p --live-port"},
	"pyinstrument": {valued: "-o --outfile -r --renderer -i --interval"},
	"viztracer":    {valued: "-o --output_file --tracer_entries"},
}

// unwrap returns the command that a wrapper runs.
func (c *command) unwrap(name string, w wrapper, args []string) ([]string, error) {
	valued := strings.Fields(w.valued)
	sub := w.sub
	c.environment = c.environment || w.environment
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			args = args[1:]
			if sub != "" {
				continue
			}
			return c.inner(name, w, args)
		case sub == "" && w.python && (arg == "-m" || arg == "--module"):
			return append([]string{"python", "-m"}, args[1:]...), nil
		case sub == "" && w.python && (arg == "-s" || arg == "--script"):
			return append([]string{"python"}, args[1:]...), nil
		case name == "env" && (arg == "-S" || strings.HasPrefix(arg, "--split-string")):
			return nil, fmt.Errorf("cannot read %q of env", arg)
		case strings.HasPrefix(arg, "-"):
			var option, value string
			option, value, args = takeOption(args, valued)
			if value != "" && slices.Contains(strings.Fields(w.dir), option) {
				c.dir = c.path(value)
			}
		case sub != "":
			if arg != sub {
				return nil, fmt.Errorf("cannot tell which Python files \"%s %s\" loads", name, arg)
			}
			sub, args = "", args[1:]
		case w.assigns && c.assign(arg):
			args = args[1:]
		default:
			return c.inner(name, w, args)
		}
	}
	return nil, fmt.Errorf("%q is given no command", name)
}

// inner is what a wrapper runs, after its options.
func (c *command) inner(name string, w wrapper, args []string) ([]string, error) {
	if len(args) <= w.skip {
		return nil, fmt.Errorf("%q is given no command", name)
	}
	args = args[w.skip:]
	if w.scripts {
		word := args[0]
		if name == "hatch" { // ENVIRONMENT:COMMAND
			if _, after, ok := strings.Cut(word, ":"); ok {
				word = after
			}
			args = append([]string{word}, args[1:]...)
		}
		p, err := c.project()
		if err != nil {
			return nil, err
		}
		if line, ok := p.command(name, word); ok {
			commands, err := splitShell(line, c.env)
			if err != nil || len(commands) != 1 {
				return nil, fmt.Errorf("the script %q of pyproject.toml is no plain command", word)
			}
			return append(commands[0], args[1:]...), nil
		}
	}
	return args, nil
}

// runner reads the arguments of a program that runs another in its own
// interpreter.
func (c *command) runner(name string, w wrapper, args []string) error {
	valued := strings.Fields(w.valued)
	sub := w.sub
	for len(args) > 0 {
		switch arg := args[0]; {
		case sub != "" && !strings.HasPrefix(arg, "-"):
			if arg != sub {
				return fmt.Errorf("cannot tell which Python files \"%s %s\" loads", name, arg)
			}
			sub, args = "", args[1:]
		case arg == "-m" || arg == "--module" || !strings.HasPrefix(arg, "-"):
			if arg == "--module" {
				args = append([]string{"-m"}, args[1:]...)
			}
			return c.python(args)
		default:
			_, _, args = takeOption(args, valued)
		}
	}
	return fmt.Errorf("%q is given no program", name)
}

// takeOption takes one option, and its value if it has one, off a command line.
func takeOption(args []string, valued []string) (option, value string, rest []string) {
	arg, rest := args[0], args[1:]
	if name, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "--") {
		return name, value, rest
	}
	if slices.Contains(valued, arg) {
		if len(rest) == 0 {
			return arg, "", nil
		}
		return arg, rest[0], rest[1:]
	}
	if len(arg) > 2 && arg[1] != '-' && slices.Contains(valued, arg[:2]) {
		return arg[:2], arg[2:], rest // -n10
	}
	return arg, "", rest
}

func isShell(name string) bool {
	switch name {
	case "sh", "bash", "dash", "ash", "zsh", "ksh":
		return true
	}
	return false
}

// shell reads the arguments of a shell. The commands of "a && b" are all taken
// to be part of the service; "cd DIR" moves those that follow.
func (c *command) shell(name string, args []string) error {
	text, given := "", false
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, "c") {
			if i+1 < len(args) {
				text, given = args[i+1], true
			}
			break
		}
		if !strings.HasPrefix(arg, "-") {
			break
		}
	}
	if !given {
		return fmt.Errorf("cannot tell which Python files a script of %s loads", name)
	}
	commands, err := splitShell(text, c.env)
	if err != nil {
		return err
	}
	for _, words := range commands {
		for len(words) > 0 && c.assign(words[0]) {
			words = words[1:]
		}
		switch {
		case len(words) == 0 || words[0] == "export" || words[0] == "set":
			for _, word := range words {
				c.assign(word)
			}
		case (words[0] == "." || words[0] == "source") && len(words) == 2 && strings.HasSuffix(words[1], "/bin/activate"):
			c.beside(words[1])
		case words[0] == "cd" && len(words) == 2:
			if strings.ContainsAny(words[1], "$~") {
				return fmt.Errorf("the shell decides what %q is", words[1])
			}
			c.dir = c.path(words[1])
		default:
			dir := c.dir
			if err := c.run(words); err != nil {
				return err
			}
			c.dir = dir
		}
	}
	if len(c.entries) == 0 {
		return errEmpty
	}
	return nil
}

// consoleScript reads a script that the project declares, in pyproject.toml,
// setup.cfg or setup.py, and reports whether there is one of that name.
func (c *command) consoleScript(name string) (bool, error) {
	p, err := c.project()
	if err != nil {
		return false, err
	}
	object, ok, err := p.script(name)
	if err != nil {
		return false, err
	}
	if !ok {
		object, ok = c.oldScript(name)
	}
	if !ok {
		return false, nil
	}
	return true, c.object(object)
}
