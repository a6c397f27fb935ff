package decider

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Of pyproject.toml we need a few tables of strings. They are read line by
// line: a [table] header, then KEY = "value", the key bare or quoted, the value
// a string on that line. Inline tables are read for the one string that a
// script can be in. What a line says otherwise is an error where it is the
// line asked for, and is passed over where it is not; text that only looks
// like a table, within a string of several lines, is taken for one.

var (
	tableHeader = regexp.MustCompile(`^\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$`)
	keyValue    = regexp.MustCompile(`^\s*(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_.-]+))\s*=\s*(.*?)\s*$`)
	tomlString  = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$`)
	inlineCall  = regexp.MustCompile(`^\{.*\b(?:reference|callable|cmd|call)\s*=\s*(?:"([^"\\]*)"|'([^']*)').*\}`)
)

// projectLine returns what stands behind KEY = in a table.
func projectLine(src, table, key string) (value string, ok bool) {
	in := ""
	for line := range strings.Lines(src) {
		line = strings.TrimRight(line, "\r\n")
		if m := tableHeader.FindStringSubmatch(line); m != nil {
			in = strings.NewReplacer(`"`, "", " ", "").Replace(m[1])
			continue
		}
		m := keyValue.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if name := m[1] + m[2] + m[3]; in == table && name == key ||
			m[3] != "" && in+"."+name == table+"."+key { // [project] scripts.NAME = ...
			return m[4], true
		}
	}
	return "", false
}

// projectValue returns the string of a key, "" if it is not there or no string
// on one line.
func projectValue(src, table, key string) string {
	value, _ := projectLine(src, table, key)
	if m := tomlString.FindStringSubmatch(value); m != nil {
		return m[1] + m[2]
	}
	return ""
}

// projectScript returns the object that a console script calls.
func projectScript(src, name string) (object string, ok bool, err error) {
	for _, table := range []string{"project.scripts", "project.gui-scripts", "tool.poetry.scripts"} {
		value, found := projectLine(src, table, name)
		if !found {
			continue
		}
		for _, form := range []*regexp.Regexp{tomlString, inlineCall} {
			if m := form.FindStringSubmatch(value); m != nil {
				return m[1] + m[2], true, nil
			}
		}
		return "", false, fmt.Errorf("cannot read %s = %s in [%s] of pyproject.toml", name, value, table)
	}
	return "", false, nil
}

// projectCommand returns the command line of a script that belongs to a tool.
func (c *command) projectCommand(tool, name string) (string, bool) {
	tables := []string{"tool.hatch.envs.default.scripts"}
	if tool == "pdm" {
		tables = []string{"tool.pdm.scripts"}
	}
	src := c.read(path.Join(c.dir, "pyproject.toml"))
	for _, table := range tables {
		value, ok := projectLine(src, table, name)
		if !ok {
			continue
		}
		for _, form := range []*regexp.Regexp{tomlString, inlineCall} {
			if m := form.FindStringSubmatch(value); m != nil {
				return m[1] + m[2], true
			}
		}
	}
	return "", false
}

// dotenv returns a variable of a file of KEY=value lines; "" if it has none.
func dotenv(src, name string) string {
	for line := range strings.Lines(src) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
