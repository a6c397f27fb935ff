package decider

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// tool reads the arguments of a program that imports what it is told to.
type tool func(c *command, args []string) error

// toolNamed returns the tool of a name, as a command or after -m; nil when it
// is not known.
func toolNamed(name string) tool {
	switch name {
	case "uvicorn":
		return uvicorn
	case "hypercorn":
		return hypercorn
	case "granian":
		return granian
	case "gunicorn", "gunicorn.app.wsgiapp":
		return gunicorn
	case "daphne":
		return daphne
	case "waitress-serve", "waitress":
		return waitress
	case "uwsgi":
		return uwsgi
	case "celery":
		return celery
	case "flask":
		return flask
	case "quart":
		return quart
	case "litestar":
		return litestar
	case "fastapi", "fastapi_cli":
		return fastapi
	case "streamlit":
		return streamlit
	case "django-admin", "django":
		return djangoAdmin
	case "dramatiq", "dramatiq-gevent":
		return dramatiq
	case "huey_consumer", "huey_consumer.py", "huey.bin.huey_consumer":
		return huey
	case "arq":
		return arq
	case "taskiq":
		return taskiq
	case "rq", "rqworker":
		return rq
	case "faust":
		return faust
	case "nameko":
		return nameko
	case "pytest", "py.test":
		return pytest
	}
	if w, ok := runners[name]; ok {
		return func(c *command, args []string) error { return c.runner(name, w, args) }
	}
	return nil
}

// positional returns the arguments that are no options, where every option
// but flags takes a value.
func positional(args []string, flags string) []string {
	known := strings.Fields(flags)
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...)
		case !strings.HasPrefix(arg, "-") || arg == "-":
			rest = append(rest, arg)
		case strings.Contains(arg, "=") || slices.Contains(known, arg):
		case !strings.HasPrefix(arg, "--") && len(arg) > 2: // -w4
		case len(args) > 0:
			args = args[1:]
		}
	}
	return rest
}

// option returns the values of an option that goes by any of names, wherever
// it stands.
func option(args []string, names ...string) []string {
	var values []string
	for i, arg := range args {
		if arg == "--" {
			break
		}
		for _, name := range names {
			long := strings.HasPrefix(name, "--")
			switch {
			case arg == name && i+1 < len(args):
				values = append(values, args[i+1])
			case long && strings.HasPrefix(arg, name+"="):
				values = append(values, arg[len(name)+1:])
			case !long && len(name) == 2 && len(arg) > 2 && strings.HasPrefix(arg, name):
				values = append(values, arg[2:])
			}
		}
	}
	return values
}

// last returns the last value of an option, which is the one that counts, or
// otherwise.
func last(values []string, otherwise string) string {
	if len(values) == 0 {
		return otherwise
	}
	return values[len(values)-1]
}

func errNoApp(tool string) error { return fmt.Errorf("%s is given no application", tool) }

func uvicorn(c *command, args []string) error {
	apps := positional(args, `--reload --access-log --no-access-log --use-colors --no-use-colors --http2
		--proxy-headers --no-proxy-headers --server-header --no-server-header --date-header
		--no-date-header --reset-contextvars --factory --version --help`)
	if len(apps) == 0 && c.env["UVICORN_APP"] != "" {
		apps = []string{c.env["UVICORN_APP"]}
	}
	if len(apps) == 0 {
		return errNoApp("uvicorn")
	}
	return c.object(apps[0], last(option(args, "--app-dir"), "."))
}

func hypercorn(c *command, args []string) error {
	apps := positional(args, "--debug --reload -D --daemon -h --help --version")
	if len(apps) == 0 {
		return errNoApp("hypercorn")
	}
	config := last(option(args, "-c", "--config"), "")
	if module, ok := strings.CutPrefix(config, "python:"); ok {
		if err := c.module(module, "."); err != nil {
			return err
		}
	}
	app, _, _ := strings.Cut(apps[0], ":")
	var err error
	if strings.HasSuffix(app, ".py") {
		err = c.importFile(app)
	} else {
		err = c.object(apps[0], path.Dir(app))
	}
	if config = strings.TrimPrefix(config, "file:"); err == nil && strings.HasSuffix(config, ".py") {
		err = c.file(config, ".")
	}
	return err
}

func granian(c *command, args []string) error {
	apps := positional(args, `--ws --no-ws --http1-keep-alive --no-http1-keep-alive --http1-pipeline-flush
		--no-http1-pipeline-flush --http2-adaptive-window --no-http2-adaptive-window --log --no-log
		--access-log --no-access-log --ssl-client-verify --no-ssl-client-verify --factory --no-factory
		--respawn-failed-workers --no-respawn-failed-workers --reload --no-reload --metrics --no-metrics
		--reload-ignore-worker-failure --no-reload-ignore-worker-failure --version --help`)
	if len(apps) == 0 {
		return errNoApp("granian")
	}
	if dir := last(option(args, "--working-dir"), ""); dir != "" {
		c.dir = c.path(dir)
	}
	app, _, _ := strings.Cut(apps[0], ":")
	return c.importFile(app)
}

var gunicornFlags = `--reload --spew --check-config --print-config --preload --no-sendfile --reuse-port
	-D --daemon --initgroups --disable-redirect-access-to-syslog --capture-output --log-syslog -R
	--enable-stdio-inheritance --enable-backlog-metric --suppress-ragged-eofs
	--do-handshake-on-connect --permit-obsolete-folding --strip-header-spaces --proxy-protocol
	--permit-unconventional-http-method --permit-unconventional-http-version
	--casefold-http-method -v --version -h --help`

// gunicorn takes its settings from a Python file, then the environment, then
// the command line.
func gunicorn(c *command, args []string) error {
	if more := c.env["GUNICORN_CMD_ARGS"]; more != "" {
		words, err := splitShell(more, c.env)
		if err != nil || len(words) != 1 {
			return fmt.Errorf("cannot read GUNICORN_CMD_ARGS=%q", more)
		}
		args = append(words[0], args...)
	}
	config := last(option(args, "-c", "--config"), "")
	if config == "" && c.tree.Exists(c.path("gunicorn.conf.py")) {
		config = "gunicorn.conf.py"
	}
	src := ""
	if module, ok := strings.CutPrefix(config, "python:"); ok {
		if err := c.module(module, "."); err != nil {
			return err
		}
		src = c.read(c.find(module, c.sysPath(".")))
	} else if config = strings.TrimPrefix(config, "file:"); config != "" {
		src = c.read(c.path(config))
	}
	settings := c.path(config) // before the directory changes
	if dir := last(option(args, "--chdir"), assigned(src, "chdir")); dir != "" {
		c.dir = c.path(dir)
	}
	roots := []string{"."}
	for dir := range strings.SplitSeq(last(option(args, "--pythonpath"), assigned(src, "pythonpath")), ",") {
		if dir != "" {
			roots = append([]string{dir}, roots...)
		}
	}
	app := assigned(src, "wsgi_app")
	if apps := positional(args, gunicornFlags); len(apps) > 0 {
		app = apps[0]
	}
	switch {
	case app == "" && len(option(args, "--paste", "--paster")) > 0:
		return errors.New("gunicorn takes its application from a paste file")
	case app == "":
		return errNoApp("gunicorn")
	}
	if err := c.object(app, roots...); err != nil {
		return err
	}
	if config != "" && !strings.HasPrefix(config, "python:") {
		c.add(Entry{File: settings, Roots: c.sysPath(roots...)})
	}
	return nil
}

func daphne(c *command, args []string) error {
	apps := positional(args, "--proxy-headers --no-server-name -h --help")
	if len(apps) == 0 {
		return errNoApp("daphne")
	}
	return c.object(apps[0], ".")
}

func waitress(c *command, args []string) error {
	app := last(option(args, "--app"), "")
	if apps := positional(args, `--call --expose-tracebacks --no-expose-tracebacks --ipv4 --no-ipv4 --ipv6
		--no-ipv6 --log-untrusted-proxy-headers --no-log-untrusted-proxy-headers --help
		--clear-untrusted-proxy-headers --no-clear-untrusted-proxy-headers
		--asyncore-use-poll --no-asyncore-use-poll`); app == "" && len(apps) > 0 {
		app = apps[0]
	}
	if app == "" {
		return errNoApp("waitress-serve")
	}
	return c.object(app, ".")
}

func uwsgi(c *command, args []string) error {
	if dir := last(option(args, "--chdir"), ""); dir != "" {
		c.dir = c.path(dir)
	}
	roots := append(option(args, "--pythonpath", "--python-path", "--pp"), ".")
	if app := last(option(args, "-w", "--module", "--wsgi"), ""); app != "" {
		return c.object(app, roots...)
	}
	if file := last(option(args, "--wsgi-file", "--file"), ""); file != "" {
		return c.file(file, roots...)
	}
	return errors.New("uwsgi takes its application from a file of its own")
}

func flask(c *command, args []string) error {
	app := last(option(args, "-A", "--app"), c.env["FLASK_APP"])
	for _, file := range []string{".env", ".flaskenv"} {
		if app == "" {
			app = dotenv(c.read(c.path(file)), "FLASK_APP")
		}
	}
	for _, file := range []string{"wsgi.py", "app.py"} {
		if app == "" && c.tree.Exists(c.path(file)) {
			app = file
		}
	}
	if app == "" {
		return errors.New("flask is given no application, and there is no wsgi.py or app.py")
	}
	app, _, _ = strings.Cut(app, ":")
	return c.importFile(app)
}

func quart(c *command, args []string) error {
	app := last(option(args, "-A", "--app"), c.env["QUART_APP"])
	if app == "" {
		app = "app.py"
	}
	app, _, _ = strings.Cut(app, ":")
	return c.importFile(app)
}

func litestar(c *command, args []string) error {
	app := last(option(args, "--app"), c.env["LITESTAR_APP"])
	if app == "" {
		return errNoApp("litestar")
	}
	return c.object(app, last(option(args, "--app-dir"), "."))
}

func fastapi(c *command, args []string) error {
	words := positional(args, `--reload --no-reload --proxy-headers --no-proxy-headers --verbose --no-verbose
		-v --version --help`)
	if len(words) == 0 || words[0] != "dev" && words[0] != "run" {
		return errors.New("fastapi runs an application with dev or run only")
	}
	if len(words) > 1 {
		return c.importFile(words[1])
	}
	app := last(option(args, "-e", "--entrypoint"), "")
	if app == "" {
		p, err := c.project()
		if err != nil {
			return err
		}
		app = p.Tool.FastAPI.Entrypoint
	}
	if app != "" {
		return c.object(app, ".")
	}
	for _, file := range []string{"main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"} {
		if c.tree.Exists(c.path(file)) {
			return c.importFile(file)
		}
	}
	return errors.New("fastapi is given no application, and there is no main.py or app.py")
}

func streamlit(c *command, args []string) error {
	words := positional(args, "--help --version")
	if len(words) < 2 || words[0] != "run" {
		return errors.New("streamlit runs an application with run FILE only")
	}
	dir := path.Dir(words[1])
	if c.tree.Exists(c.path(path.Join(dir, "pages/__init__.py"))) {
		return errors.Join(c.file(words[1], dir), c.module("pages", dir))
	}
	return c.file(words[1], dir)
}

func dramatiq(c *command, args []string) error {
	var modules, roots []string
	list := &modules
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg {
		case "-P", "--path":
			list = &roots
		case "-Q", "--queues":
			list = new([]string)
		case "-v", "--verbose", "--use-spawn", "--skip-logging", "--watch-use-polling":
			list = &modules
		case "-f", "--fork-function":
			list = &modules
			if i++; i < len(args) {
				modules = append(modules, args[i])
			}
		default:
			if !strings.HasPrefix(arg, "-") {
				*list = append(*list, arg)
				continue
			}
			list = &modules
			if !strings.Contains(arg, "=") && (len(arg) == 2 || strings.HasPrefix(arg, "--")) {
				i++
			}
		}
	}
	if len(modules) == 0 {
		return errors.New("dramatiq is given no modules")
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, module := range modules {
		if err := c.object(module, roots...); err != nil {
			return err
		}
	}
	return nil
}

func huey(c *command, args []string) error {
	words := positional(args, "-C --disable-health-check -f --flush-locks -n --no-periodic -v --verbose -q --quiet -S --simple -h --help")
	if len(words) == 0 {
		return errNoApp("huey_consumer")
	}
	return c.attribute(words[0], ".")
}

func arq(c *command, args []string) error {
	words := positional(args, "--burst --no-burst --check -v --verbose -V --version --help")
	if len(words) == 0 {
		return errors.New("arq is given no settings")
	}
	return c.attribute(words[0], ".")
}

func taskiq(c *command, args []string) error {
	words := positional(args, `-fsd --fs-discover --no-parse --no-propagate-errors -r --reload
		--do-not-use-gitignore --no-configure-logging --use-process-pool --skip-first-run --version --help`)
	if len(words) < 2 || words[0] != "worker" && words[0] != "scheduler" {
		return errors.New("taskiq loads tasks with worker or scheduler only")
	}
	dir := last(option(args, "-d", "--app-dir"), ".")
	if slices.Contains(args, "-fsd") || slices.Contains(args, "--fs-discover") {
		c.miss("taskiq --fs-discover loads every %s of the tree", last(option(args, "-tp", "--tasks-pattern"), "tasks.py"))
	}
	for _, module := range words[1:] {
		if err := c.object(module, dir); err != nil {
			return err
		}
	}
	return nil
}

func rq(*command, []string) error {
	return errors.New("rq imports what the jobs in its queue name")
}

func faust(c *command, args []string) error {
	app := last(option(args, "-A", "--app"), "")
	if app == "" {
		return errNoApp("faust")
	}
	return c.object(app, ".")
}

func nameko(c *command, args []string) error {
	words := positional(args, "--help")
	if len(words) < 2 || words[0] != "run" {
		return errors.New("nameko runs services with run only")
	}
	for _, module := range words[1:] {
		if err := c.object(module, "."); err != nil {
			return err
		}
	}
	return nil
}

// pytest runs files with the directory above their package in front of
// sys.path, and the conftest.py of every directory on the way there.
func pytest(c *command, args []string) error {
	var files []string
	for _, word := range positional(args, `-v -vv -q -x -s -l --lf --ff --sw --pdb --exitfirst --verbose --quiet
		--showlocals --last-failed --failed-first --strict-markers --no-header --help --version`) {
		file, _, _ := strings.Cut(word, "::")
		if !strings.HasSuffix(file, ".py") {
			return fmt.Errorf("pytest looks for tests in %q itself", file)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return errors.New("pytest looks for tests itself")
	}
	for _, file := range files {
		_, root := c.topPackage(file)
		if err := c.file(file, root); err != nil {
			return err
		}
		for dir := path.Dir(file); ; dir = path.Dir(dir) {
			conftest := path.Join(dir, "conftest.py")
			if c.tree.Exists(c.path(conftest)) {
				_, root := c.topPackage(conftest)
				if err := c.file(conftest, root); err != nil {
					return err
				}
			}
			if dir == "." || dir == "/" || dir == ".." {
				break
			}
		}
	}
	return nil
}

// importFile adds the module of a file, given as a path, with or without .py,
// or as a dotted name: servers go up to the directory above the outermost
// package and import from there.
func (c *command) importFile(file string) error {
	if !strings.Contains(file, "/") && isModule(file) && !strings.HasSuffix(file, ".py") {
		return c.module(file, ".")
	}
	module, root := c.topPackage(strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__") + ".py")
	return c.module(module, root)
}

// topPackage returns the module name of a file and the directory that its
// outermost package is in.
func (c *command) topPackage(file string) (module, root string) {
	module = strings.TrimSuffix(path.Base(file), ".py")
	root = path.Dir(file)
	for root != "." && root != "/" && c.tree.Exists(c.path(path.Join(root, "__init__.py"))) {
		module = path.Base(root) + "." + module
		root = path.Dir(root)
	}
	return module, root
}

// assigned returns the string that a line of Python, at the left margin,
// assigns to a name; "" if none does.
func assigned(src, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `\s*(?::\s*\w+\s*)?=\s*["']([^"'\\]*)["']`).FindStringSubmatch(src)
	if m == nil {
		return ""
	}
	return m[1]
}
