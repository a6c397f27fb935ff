package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// chance makes up rule files, trees and lists of paths.
type chance struct{ *rand.Rand }

func (c *chance) pick(list ...string) string { return list[c.IntN(len(list))] }

// one reports true once in n times.
func (c *chance) one(n int) bool { return c.IntN(n) == 0 }

func (c *chance) several(most int, one func() string) []string {
	list := []string{}
	for range c.IntN(most + 1) {
		list = append(list, one())
	}
	return list
}

var actionNames = []string{"api", "worker", "pip_install", "Z", "é", "a'b", `q"`, "tab\tx", "\u2028", "😀"}

func (c *chance) pattern() string {
	if c.one(2) {
		return c.pick("src/**", "**/*.py", "**/m1.py", "src/a/*", "**/*.md", "**/a/**", "src/*.py")
	}
	return strings.Join(c.several(5, func() string {
		return c.pick("**/", "**", "*", "?", "/", "a", ".py", ".md", "src", "é", "[a]", "{b,c}", "m", "***", ".")
	}), "")
}

// rules writes a rule file that both programs take, in the JSON that is YAML
// too. Imports for type checkers count, as they do for smart-restart, which
// does not know the key.
func (c *chance) rules() string {
	type rule struct {
		Pattern string   `json:"pattern"`
		Actions []string `json:"actions"`
	}
	actions := map[string]map[string]int{}
	for range 1 + c.IntN(6) {
		name := c.pick(actionNames...)
		actions[name] = map[string]int{}
		if !c.one(3) {
			actions[name]["order"] = c.IntN(4)*50 - 50
		}
	}
	declared := slices.Sorted(maps.Keys(actions))
	action := func() string { return c.pick(declared...) }
	rules := []rule{}
	for range c.IntN(7) {
		if p := c.pattern(); p != "" {
			rules = append(rules, rule{p, c.several(3, action)})
		}
	}
	fallback := any(c.pick("none", "all"))
	if c.one(3) {
		fallback = c.several(2, action)
	}
	text, err := json.Marshal(map[string]any{"actions": actions, "rules": rules, "fallback": fallback, "typing": "follow"})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// oddRules writes a rule file with all that YAML 1.1 has, and with mistakes.
func (c *chance) oddRules() string {
	if c.one(2) {
		return c.rules()
	}
	if c.one(20) {
		return c.pick("", "[]", "x", "a: [", "\tx: 1", "a: 1\n---\nb: 2", "\xff", "a: \xc3\n", "é: \xe2\x82", "\xed\xa0\x80: 1", "- a\n- b\n", "~", "{}", "a: !!python/none x")
	}
	names := []string{"api", "worker", "yes", "no", "on", "Off", "1", "01", "0x1F", "1_0", "1:30", "1.0", "1.5", "1e3", "1.0e+3", "-.inf",
		"~", "null", "2024-01-01", "2024-02-30", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", `"10"`, "'yes'", "a'b", "é", "[a]", "{a: 1}",
		"!!str 5", "0b11", "08", "+1", "-5", "=", "<<", "true", "!!int '7'", "!!float 1", "! 12", "190:20:30", "1__0", "0o7", "1.", ".5", "6.02e23", "1e400", "12345678901234567890"}
	used := c.several(5, func() string { return c.pick(names...) })
	used = append(used, "api")
	name := func() string {
		if c.one(12) {
			return c.pick(names...)
		}
		return c.pick(used...)
	}
	spec := func() string {
		return c.pick("", "{}", "{order: "+c.pick("1", "5", "100", "-50", "010", "0x10", "1:30", "1.9", "yes", `"10"`, `" 7 "`, `"1_0"`, "'٣'", "1_000")+"}",
			"{order: "+c.pick("1", "50", "2", "x", "~", "[]", ".nan", ".inf", "''", "1e3", "2024-01-01", "99999999999999999999")+"}", c.pick("{order: 3}", "{order: 3, order: 4}", "{other: 1}", "now", "[]", "5"))
	}
	scalarPattern := func() string {
		if c.one(8) {
			return c.pick("~", "5", "yes", "''", "[]", "[a]", "{}", "0", "2024-01-01", "1.5")
		}
		q, err := json.Marshal(c.pattern())
		if err != nil {
			panic(err)
		}
		return string(q)
	}
	actions := func() string {
		switch c.IntN(12) {
		case 0:
			return c.pick("~", "", "api", "0", "5", "{api: 1}", "yes", "''", "[[api]]", "1.5")
		case 1:
			return "*all"
		}
		return "[" + strings.Join(c.several(3, name), ", ") + "]"
	}
	var b strings.Builder
	b.WriteString("all: &all [" + strings.Join(c.several(2, name), ", ") + "]\n")
	b.WriteString("some: &some {extra: {order: 7}, api: {order: 60}}\n")
	if c.one(20) {
		b.WriteString("actions: " + c.pick("~", "[]", "x", "5", "{}", "''", "0") + "\n")
	} else {
		b.WriteString("actions:\n")
		if c.one(4) {
			b.WriteString("  <<: *some\n")
		}
		for _, u := range used {
			b.WriteString("  " + u + ": " + spec() + "\n")
		}
	}
	if c.one(20) {
		b.WriteString("rules: " + c.pick("~", "{}", "x", "0", "[x]", "[~]", "{a: b}", "[[]]") + "\n")
	} else {
		b.WriteString("rules:\n")
		for range c.IntN(5) {
			switch c.IntN(10) {
			case 0:
				b.WriteString("  - {actions: " + actions() + "}\n")
			case 1:
				b.WriteString("  - " + c.pick("x", "~", "[]", "{}", "5") + "\n")
			case 2:
				b.WriteString("  - {pattern: " + scalarPattern() + "}\n")
			default:
				b.WriteString("  - pattern: " + scalarPattern() + "\n    actions: " + actions() + "\n")
			}
		}
	}
	switch c.IntN(4) {
	case 0:
		b.WriteString("fallback: " + c.pick("none", "all", "nothing", "yes", "~", "5", "*all", "{}", "''", "ALL", "[~]") + "\n")
	case 1:
		b.WriteString("fallback: [" + strings.Join(c.several(2, name), ", ") + "]\n")
	case 2:
		b.WriteString("fallback: " + c.pick("all", "none") + "\n")
	}
	return b.String()
}

// args chooses flags; odd ones name roots that make no sense.
func (c *chance) args(odd bool) []string {
	var args []string
	if c.IntN(4) > 0 {
		root := c.pick("src", ".", "./src/")
		if odd && c.one(2) {
			root = c.pick("$DIR/src", "$DIR", "$DIR/../", "src/../src", "nowhere", "restart-rules.yaml", "src/a", "src//a/.", "", "..", "src/build", "link")
		}
		args = append(args, "--root="+root)
		if odd && c.one(10) {
			args = append(args, "--root", "src")
		}
	}
	if c.IntN(4) > 0 {
		args = append(args, "--show-unmatched")
	}
	if c.IntN(4) > 0 {
		args = append(args, "--show-expanded")
	}
	if odd && c.one(15) {
		args = append(args, "-r", c.pick("nowhere.yaml", "./src/../restart-rules.yaml", ".//none", "src", "$DIR/restart-rules.yaml", "/nowhere//x", "."))
	}
	if odd && c.one(50) {
		args = append(args, c.pick("--nonsense", "extra"))
	}
	return args
}

// paths lists changed files, as they come on standard input.
func (c *chance) paths(files map[string]string) string {
	known := slices.Sorted(maps.Keys(files))
	segments := []string{"src", "a", "b", "m1", "m2", "é", "x y", "[a]", "{b,c}", "!d", ".env", "e+", "(f)", "$", `\w`, "^"}
	line := func() string {
		switch c.IntN(8) {
		case 0, 1, 2, 3:
			return c.pick(known...)
		case 4:
			return c.pick("README.md", "src/notes.md", "", " ", "\u00a0", "\ufeffa")
		}
		words := append(c.several(3, func() string { return c.pick(segments...) }), c.pick("y.md", "z", "a b.md", "[a].txt"))
		return strings.Join(words, "/")
	}
	var b strings.Builder
	for range c.IntN(7) {
		b.WriteString(c.pick("", "", " ", "\t", "\x1f") + line() + c.pick("\n", "\n", "\n", "\r\n", "\r", "\v", "\x1c", "\u0085", "\u2029", "  \n", "\x1f\n"))
	}
	return b.String()
}

// kind is what a tree may have.
type kind int

const (
	flat       kind = iota // modules in one directory, plain imports
	importable             // packages, and all ways to import what is there
	anything               // and what smart-restart alone follows
)

// tree makes up a small tree below src.
func (c *chance) tree(k kind) map[string]string {
	dirs, modules := []string{""}, []string{"m1", "m2", "m3", "é"}
	switch k {
	case importable:
		dirs, modules = []string{"", "a/", "a/b/"}, []string{"m1", "m2", "__init__"}
	case anything:
		dirs = []string{"", "a/", "a/", "a/b/", "a/b/", "build/", ".h/", "a/venv/", "x.py/"}
		modules = []string{"m1", "m1", "m2", "__init__", "a", "é", "a.m1", "my-mod"}
	}
	names := map[string]bool{}
	for range 3 + c.IntN(7) {
		names[c.pick(dirs...)+c.pick(modules...)+".py"] = true
	}
	all := slices.Sorted(maps.Keys(names))
	files := map[string]string{"src/notes.md": "import m1\n"}
	for _, name := range all {
		files["src/"+name] = c.source(k, name, all)
	}
	return files
}

// source makes up a Python file of a tree with the files all.
func (c *chance) source(k kind, name string, all []string) string {
	var b strings.Builder
	for range c.IntN(5) {
		b.WriteString(c.statement(k, name, all))
	}
	src := b.String()
	if k == flat {
		return src
	}
	switch c.IntN(40) {
	case 0:
		return "\ufeff" + src
	case 1:
		return "# caf\xe9\n" + src
	case 2:
		return src + c.pick("x = (\n", "def f(:\n    pass\n", "print 'x'\n", "  x = 1\n", "'open\n", "if x\n", "x = = 1\n", "exec 'a'\n", "class\n")
	case 3:
		return strings.ReplaceAll(src, "\n", "\r\n")
	case 4:
		return strings.ReplaceAll(src, "\n", "\r")
	}
	return src
}

// statement makes up a line that imports something, or looks like it.
func (c *chance) statement(k kind, name string, all []string) string {
	if k == flat {
		return c.pick("import m1\n", "import m2\n", "import m3, os\n", "import m1 as x\n", "import é\n", "from m2 import *\n", "from m3 import x\n", "x = 1\n",
			"def f():\n    import m1\n", "try:\n    import m2\nexcept ImportError:\n    import m3\n", "# import m1\n", "import m1; import m2\n", "if x:\n    from m1 import (y,\n        z)\n")
	}
	module := func() string {
		if c.one(3) {
			return c.pick("os", "a", "a.b", "a.m1", "a.b.m2", "x")
		}
		file := strings.TrimSuffix(strings.TrimSuffix(c.pick(all...), ".py"), "/__init__")
		if strings.ContainsAny(file, ".-") {
			return "a.m1"
		}
		return strings.ReplaceAll(file, "/", ".")
	}
	names := func() string {
		return strings.Join(append(c.several(2, func() string { return c.pick("m1", "m2", "b", "x as y", "m2 as m") }), c.pick("m1", "b", "m2", "x")), ", ")
	}
	dots := c.pick(".", ".", "..", "...")
	if k == importable {
		// In a package smart-restart goes one too high, and above the top too.
		dots = dots[:min(len(dots), strings.Count(name, "/"))]
		if path.Base(name) == "__init__.py" {
			dots = ""
		}
	}
	stmt := ""
	switch c.IntN(7) {
	case 0:
		stmt = "import " + module()
	case 1:
		stmt = "import " + module() + " as x, " + module()
	case 2:
		stmt = "from " + module() + " import " + names()
	case 3:
		stmt = "from " + module() + " import *"
	case 4:
		stmt = "from " + module() + " import (" + names() + ",\n    " + names() + ")"
	default:
		stmt = "from " + dots + c.pick("", "m1", "b", "b.m1", "m2", "a") + " import " + names()
		if strings.HasPrefix(stmt, "from  ") {
			stmt = "from a import " + names()
		}
	}
	if !strings.Contains(stmt, "\n") && c.one(6) {
		stmt = strings.Replace(stmt, " import ", c.pick(" \\\n  import ", "  import\t"), 1)
	}
	switch c.IntN(12) {
	case 0:
		return "def f():\n    " + stmt + "\n"
	case 1:
		return "try:\n    " + stmt + "\nexcept ImportError:\n    pass\n"
	case 2:
		return "if TYPE_CHECKING:\n    " + stmt + "\n"
	case 3:
		return fmt.Sprintf("x = %q\n", "import m1")
	case 4:
		return "\"\"\"\n" + stmt + "\n\"\"\"\n"
	case 5:
		return c.pick("import importlib\nimportlib.import_module('a.m1')\n", "__import__('m1')\n", "# import m1\n", "x = 'a.m1'\n", "class C:\n    import m2\n", "x = 1; import m1\n")
	}
	return stmt + "\n"
}
