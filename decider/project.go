package decider

import (
	"fmt"
	"path"
	"regexp"

	"github.com/BurntSushi/toml"
	"github.com/joho/godotenv"
)

// project is what matters to a command in a pyproject.toml. A script is a
// string, or a table that has one under a key of the tool's own.
type project struct {
	Project struct {
		Scripts map[string]any `toml:"scripts"`
		GUI     map[string]any `toml:"gui-scripts"`
	} `toml:"project"`
	Tool struct {
		Poetry struct {
			Scripts map[string]any `toml:"scripts"`
		} `toml:"poetry"`
		PDM struct {
			Scripts map[string]any `toml:"scripts"`
		} `toml:"pdm"`
		Hatch struct {
			Envs map[string]struct {
				Scripts map[string]any `toml:"scripts"`
			} `toml:"envs"`
		} `toml:"hatch"`
		FastAPI struct {
			Entrypoint string `toml:"entrypoint"`
		} `toml:"fastapi"`
	} `toml:"tool"`
}

// project reads the pyproject.toml of the directory that the command runs in.
// Without one it is empty.
func (c *command) project() (p project, err error) {
	if _, err := toml.Decode(c.read(path.Join(c.dir, "pyproject.toml")), &p); err != nil {
		return p, fmt.Errorf("cannot read pyproject.toml: %w", err)
	}
	return p, nil
}

// script returns the object that a console script calls.
func (p project) script(name string) (object string, ok bool, err error) {
	for _, table := range []map[string]any{p.Project.Scripts, p.Project.GUI, p.Tool.Poetry.Scripts} {
		if value, found := table[name]; found {
			if text, ok := text(value, "reference", "callable"); ok {
				return text, true, nil
			}
			return "", false, fmt.Errorf("cannot read the script %s of pyproject.toml: it is neither a string nor a table with a reference", name)
		}
	}
	return "", false, nil
}

// oldScript returns the object that a console script of setup.cfg or setup.py
// calls: NAME = MODULE:OBJECT, a line of the one and a string of the other.
func (c *command) oldScript(name string) (object string, ok bool) {
	for _, where := range []struct {
		file string
		form *regexp.Regexp
	}{{"setup.cfg", scriptLine}, {"setup.py", scriptString}} {
		for _, m := range where.form.FindAllStringSubmatch(c.read(path.Join(c.dir, where.file)), -1) {
			if m[1] == name {
				return m[2], true
			}
		}
	}
	return "", false
}

var (
	scriptForm   = `([^\s="']+)\s*=\s*(` + identifier + `(?:\.` + identifier + `)*:[\pL\pN_.]+)`
	scriptLine   = regexp.MustCompile(`(?m)^[ \t]+` + scriptForm)
	scriptString = regexp.MustCompile(`["']\s*` + scriptForm)
)

// command returns the command line of a script that belongs to a tool.
func (p project) command(tool, name string) (string, bool) {
	scripts := p.Tool.PDM.Scripts
	if tool == "hatch" {
		scripts = p.Tool.Hatch.Envs["default"].Scripts
	}
	return text(scripts[name], "cmd", "call")
}

// text returns a string, or the one that a table has under the first of keys
// it knows.
func text(value any, keys ...string) (string, bool) {
	if s, ok := value.(string); ok {
		return s, true
	}
	table, _ := value.(map[string]any)
	for _, key := range keys {
		if s, ok := table[key].(string); ok {
			return s, true
		}
	}
	return "", false
}

// dotenv returns a variable of a file of KEY=value lines; "" if it has none, or
// if the file cannot be read, as the tools that load it do.
func dotenv(src, name string) string {
	vars, err := godotenv.Unmarshal(src)
	if err != nil {
		return ""
	}
	return vars[name]
}
