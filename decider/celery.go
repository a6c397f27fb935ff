package decider

import (
	"fmt"
	"regexp"
	"strings"
)

// celery adds the implied PACKAGE.celery as its find_app does, and what the
// command includes besides.
func celery(c *command, args []string) error {
	if dir := last(option(args, "--workdir"), ""); dir != "" {
		c.dir = c.path(dir)
	}
	app := last(option(args, "-A", "--app"), c.env["APP"])
	if app == "" {
		return errNoApp("celery")
	}
	module, _, named := strings.Cut(app, ":")
	roots := c.sysPath(".")
	if !named && c.find(module, roots) == "" {
		if i := strings.LastIndexByte(module, '.'); i > 0 && c.find(module[:i], roots) != "" {
			module = module[:i]
		}
	}
	if err := c.module(module, "."); err != nil {
		return err
	}
	if !named && c.find(module+".celery", roots) != "" {
		if err := c.module(module+".celery", "."); err != nil {
			return err
		}
	}
	for _, list := range append(option(args, "-I", "--include"), option(args, "--config")...) {
		for name := range strings.SplitSeq(list, ",") {
			if err := c.module(strings.TrimSpace(name), "."); err != nil {
				return fmt.Errorf("celery includes what is no module: %w", err)
			}
		}
	}
	return nil
}

// What an application of Celery says of the modules that have its tasks.
var (
	celeryConfig   = regexp.MustCompile(`config_from_object\(\s*["']([\pL\pN_.]+)["']`)
	celeryIncludes = regexp.MustCompile(`(?i)\b(?:celery_)?(?:include|imports)\s*=\s*[\[(]`)
	autodiscover   = regexp.MustCompile(`autodiscover_tasks\(\s*(?:packages\s*=\s*)?[\[(]`)
	autodiscovers  = regexp.MustCompile(`autodiscover_tasks\(`)
	relatedName    = regexp.MustCompile(`autodiscover_tasks\([^)]*related_name\s*=\s*["']([\pL\pN_]+)["']`)
)

// celeryApp adds what the source of an application of Celery names, and
// returns the name of the module that it looks for in each application of
// Django; "" if it does not.
func (c *command) celeryApp(file, src string, roots []string, django bool) (tasks string) {
	if !strings.Contains(src, "celery") && !strings.Contains(src, "Celery") {
		return ""
	}
	add := func(module string) {
		if c.find(module, roots) != "" {
			c.add(Entry{Module: module, Roots: roots})
		}
	}
	all := src
	for _, m := range celeryConfig.FindAllStringSubmatch(src, -1) {
		add(m[1])
		if config := c.find(m[1], roots); config != "" {
			all += "\n" + c.read(config)
		}
	}
	for _, module := range literals(all, celeryIncludes) {
		add(module)
	}
	if !autodiscovers.MatchString(src) {
		return ""
	}
	tasks = "tasks"
	if m := relatedName.FindStringSubmatch(src); m != nil {
		tasks = m[1]
	}
	packages := literals(src, autodiscover)
	for _, pkg := range packages {
		add(pkg + "." + tasks)
	}
	if len(packages) == 0 && !django {
		c.miss("%s calls autodiscover_tasks for packages that it does not list", file)
	}
	return tasks
}
