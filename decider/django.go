package decider

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Django names what a process loads in strings of its settings module. They
// are read as literals: a list that is computed is said to be missing, and
// "from .base import *" is followed.

var settingsDefault = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*[,\]]\s*=?\s*["']([\pL\pN_.]+)["']`)

// manage is manage.py of a project.
func (c *command) manage(file, dir string, args []string) error {
	if err := c.file(file, dir); err != nil {
		return err
	}
	settings := last(option(args, "--settings"), c.env["DJANGO_SETTINGS_MODULE"])
	if m := settingsDefault.FindStringSubmatch(c.read(c.path(file))); m != nil && settings == "" {
		settings = m[1]
	}
	roots := append(option(args, "--pythonpath"), dir)
	if settings == "" {
		c.miss("%s does not name its settings module", file)
		return nil
	}
	if err := c.module(settings, roots...); err != nil {
		return err
	}
	c.django(settings, c.sysPath(roots...))
	return nil
}

// djangoAdmin is django-admin, which has no file to take a default from.
func djangoAdmin(c *command, args []string) error {
	settings := last(option(args, "--settings"), c.env["DJANGO_SETTINGS_MODULE"])
	if settings == "" {
		return errors.New("django-admin is given no settings module")
	}
	roots := append(option(args, "--pythonpath"), ".")
	if err := c.module(settings, roots...); err != nil {
		return err
	}
	// Where manage.py says so itself, nothing here imports what runs commands,
	// which is what the graph takes for a way to all of them.
	var own []string
	switch name := subcommand(args); {
	case name == "":
	case slices.Contains(migrating, name):
		c.miss("django-admin %s loads the migrations of the applications", name)
	default:
		own = []string{"management.commands." + name}
	}
	c.django(settings, c.sysPath(roots...), own...)
	return nil
}

// migrating are the commands of Django that load migrations.
var migrating = []string{
	"makemigrations", "migrate", "optimizemigration", "runserver", "showmigrations", "sqlmigrate", "squashmigrations", "test",
	"testserver",
}

// subcommand returns the first word that is neither an option nor the value of
// one; "" if there is none.
func subcommand(args []string) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--settings" || arg == "--pythonpath" || arg == "-v" || arg == "--verbosity":
			i++
		case !strings.HasPrefix(arg, "-"):
			return arg
		}
	}
	return ""
}

// django adds what a settings module names: the applications with the modules
// that Django looks for in each, the URLs, the middleware, the servers'
// application. More are the names of other modules of each application that
// are loaded, such as those that Celery's autodiscover_tasks looks for.
func (c *command) django(settings string, roots []string, more ...string) {
	src := c.settings(settings, roots, make(map[string]bool))
	if src == "" {
		c.miss("the settings module %s is not in the tree", settings)
		return
	}
	add := func(module string) bool {
		if c.find(module, roots) == "" {
			return false
		}
		c.add(Entry{Module: module, Roots: roots})
		return true
	}
	object := func(name string) {
		if i := strings.LastIndexByte(name, '.'); i > 0 && !add(name[:i]) {
			add(name)
		}
	}
	add(settings)
	apps, whole := listed(src, "INSTALLED_APPS")
	if !whole {
		c.miss("INSTALLED_APPS of %s is not a list of literals", settings)
	}
	parts := append([]string{"apps", "models", "admin"}, more...)
	for _, app := range apps {
		pkg := c.application(app, roots, add)
		add(pkg)
		for _, part := range parts {
			add(pkg + "." + part)
		}
	}
	middleware, whole := listed(src, "MIDDLEWARE")
	if !whole && strings.Contains(src, "MIDDLEWARE") {
		c.miss("MIDDLEWARE of %s is not a list of literals", settings)
	}
	for _, name := range middleware {
		object(name)
	}
	c.urls(assigned(src, "ROOT_URLCONF"), roots, make(map[string]bool))
	for _, key := range []string{"WSGI_APPLICATION", "ASGI_APPLICATION"} {
		object(assigned(src, key))
	}
}

// urls adds a module of URLs and those that it includes by name.
func (c *command) urls(module string, roots []string, seen map[string]bool) {
	file := c.find(module, roots)
	if file == "" || seen[module] {
		return
	}
	seen[module] = true
	c.add(Entry{Module: module, Roots: roots})
	for _, m := range included.FindAllStringSubmatch(c.read(file), -1) {
		c.urls(m[1], roots, seen)
	}
}

// included is include("package.urls") or include(("package.urls", "name")).
var included = regexp.MustCompile(`\binclude\(\s*\(?\s*["']([\pL\pN_.]+)["']`)

// application returns the package of an application, which may be given by the
// class of its configuration: that says which package it is about, or else it
// is the one that the class is in.
func (c *command) application(app string, roots []string, add func(string) bool) string {
	if c.find(app, roots) != "" {
		return app
	}
	module := parent(app)
	file := c.find(module, roots)
	if file == "" && !strings.HasSuffix(module, ".apps") {
		return app
	}
	add(module)
	for _, class := range classes.FindAllStringSubmatch(c.read(file), -1) {
		if m := configName.FindStringSubmatch(class[2]); m != nil && module+"."+class[1] == app {
			return m[1]
		}
	}
	return parent(module)
}

var (
	// classes are those at the left margin: the name, and what is indented.
	classes = regexp.MustCompile(`(?m)^class[ \t]+([\pL_][\pL\pN_]*)(.*(?:\n(?:[ \t].*)?)*)`)
	// configName is the line of a configuration that names its package.
	configName = regexp.MustCompile(`(?m)^[ \t]+name\s*=\s*["']([\pL\pN_.]+)["']`)
)

// settingsImport takes names from another module; what they are is its second
// group.
var settingsImport = regexp.MustCompile(`(?m)^from[ \t]+(\.*[\pL\pN_.]*)[ \t]+import[ \t]+(\*|\([^)]*\)|[^\n#]*)`)

var settingsNames = regexp.MustCompile(`\*|\b(INSTALLED_APPS|MIDDLEWARE|ROOT_URLCONF)\b`)

// settings returns the text of a settings module and of those it takes
// settings from, its own first.
func (c *command) settings(module string, roots []string, seen map[string]bool) string {
	file := c.find(module, roots)
	if file == "" || seen[file] {
		return ""
	}
	seen[file] = true
	src := c.read(file)
	pkg := module
	if path.Base(file) != "__init__.py" {
		pkg = parent(module)
	}
	for _, m := range settingsImport.FindAllStringSubmatch(src, -1) {
		if !settingsNames.MatchString(m[2]) {
			continue
		}
		name := strings.TrimLeft(m[1], ".")
		if dots := len(m[1]) - len(name); dots > 0 {
			base := pkg
			for range dots - 1 {
				base = parent(base)
			}
			name = strings.Trim(base+"."+name, ".")
		}
		src += "\n" + c.settings(name, roots, seen)
	}
	return src
}

func parent(module string) string {
	if i := strings.LastIndexByte(module, '.'); i >= 0 {
		return module[:i]
	}
	return ""
}

// literals returns the strings within the brackets that opens ends with, up to
// where those close; strings in nested brackets are part of it, comments are
// not.
func literals(src string, opens *regexp.Regexp) []string {
	var all []string
	for _, at := range opens.FindAllStringIndex(src, -1) {
		depth := 1
		for i := at[1]; i < len(src) && depth > 0; i++ {
			switch b := src[i]; b {
			case '[', '(', '{':
				depth++
			case ']', ')', '}':
				depth--
			case '#':
				if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
					i += n
				} else {
					i = len(src)
				}
			case '"', '\'':
				n := strings.IndexByte(src[i+1:], b)
				if n < 0 {
					return all
				}
				all = append(all, src[i+1:i+1+n])
				i += n + 1
			}
		}
	}
	return all
}
