package decider

import (
	"errors"
	"path"
	"regexp"
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
		c.miss("%s does not name its settings module; add it to entry", file)
		return nil
	}
	if err := c.module(settings, roots...); err != nil {
		return err
	}
	c.django(settings, c.sysPath(roots...), false)
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
	c.django(settings, c.sysPath(roots...), false)
	return nil
}

// django adds what a settings module names: the applications with the modules
// that Django looks for in each, the URLs, the middleware, the servers'
// application. tasks adds the tasks of each application, as Celery's
// autodiscover_tasks does.
func (c *command) django(settings string, roots []string, tasks bool) {
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
	apps, found := listed(src, "INSTALLED_APPS")
	if !found {
		c.miss("INSTALLED_APPS of %s is not a list of literals; add the applications to entry", settings)
	}
	parts := []string{"apps", "models", "admin"}
	if tasks {
		parts = append(parts, "tasks")
	}
	for _, app := range apps {
		pkg := app
		if i := strings.LastIndex(app, ".apps."); i > 0 { // the class of a configuration
			pkg = app[:i]
		}
		add(pkg)
		for _, part := range parts {
			add(pkg + "." + part)
		}
	}
	middleware, _ := listed(src, "MIDDLEWARE")
	for _, name := range middleware {
		object(name)
	}
	if urls := assigned(src, "ROOT_URLCONF"); urls != "" {
		add(urls)
	}
	for _, key := range []string{"WSGI_APPLICATION", "ASGI_APPLICATION"} {
		object(assigned(src, key))
	}
}

var starImport = regexp.MustCompile(`(?m)^from[ \t]+(\.*[\pL\pN_.]*)[ \t]+import[ \t]+\*`)

// settings returns the text of a settings module and of those it takes all
// names from, its own first.
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
	for _, m := range starImport.FindAllStringSubmatch(src, -1) {
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

// listed returns the strings of all lists that are assigned or added to a name
// at the left margin, and whether there are any such lists.
func listed(src, name string) ([]string, bool) {
	opens := regexp.MustCompile(`(?m)^` + name + `\s*(?::[^=\n]+)?\+?=\s*[\[(]`)
	return literals(src, opens), opens.MatchString(src)
}

var autodiscover = regexp.MustCompile(`autodiscover_tasks\(\s*[\[(]`)

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
