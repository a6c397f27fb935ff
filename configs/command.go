package configs

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// FromCommand makes a configuration with one service, argv, run in dir, with
// the defaults of dev. The service is called after what argv runs: uvicorn,
// or worker for python -m shop.worker.
func FromCommand(argv []string, dir string) (*Config, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("cannot run an empty command: write it after --, as in bounce up -- python -m shop.worker")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot run in %s: %w", printable(dir), err)
	}
	def := defaultsOf(Dev)
	c := def.config
	c.Dir, c.at = abs, places{}
	s := def.service
	s.Name, s.Run = commandName(argv), Command{Words: append([]string(nil), argv...)}
	c.Services = map[string]Service{s.Name: s}
	return &c, nil
}

var (
	interpreter = regexp.MustCompile(`^(python|pypy)[0-9.]*$`)
	notInNames  = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
)

// commandName names a service after its command.
func commandName(argv []string) string {
	name := filepath.Base(argv[0])
	if interpreter.MatchString(name) {
		if what := pythonProgram(argv[1:]); what != "" {
			name = what
		}
	}
	name = strings.Trim(notInNames.ReplaceAllString(strings.TrimSuffix(name, ".py"), "-"), "-_.")
	if len(name) > 63 {
		name = name[:63]
	}
	if name == "" {
		return "app"
	}
	return name
}

// pythonProgram returns the module or script that an interpreter's arguments
// name, "" for none.
func pythonProgram(args []string) string {
	for i, arg := range args {
		switch {
		case arg == "-m" && i+1 < len(args):
			module := strings.TrimSuffix(args[i+1], ".__main__")
			return module[strings.LastIndexByte(module, '.')+1:]
		case arg == "-c":
			return ""
		case !strings.HasPrefix(arg, "-") && (i == 0 || args[i-1] != "-W" && args[i-1] != "-X"):
			return filepath.Base(arg)
		}
	}
	return ""
}
