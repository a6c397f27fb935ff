package runner

import (
	"regexp"
	"strconv"
	"strings"
)

// A Python program that dies of an exception says so at the end of its
// standard error: indented lines with files and code, then one line that
// begins with the class. Notes and the rest of a message may follow, and so
// may what a server has to say about its worker; so the last line of that
// shape counts, not the last line.

var (
	// "ModuleNotFoundError: No module named 'x'", "shop.errors.Bad", and
	// with the margin of an exception group.
	classLine = regexp.MustCompile(`^(?:[ |+-]*\| )?([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)(?:: .*|:)?$`)
	// `  File "shop/db.py", line 3, in <module>`
	fileLine = regexp.MustCompile(`^[ |]*File "(.+)", line ([0-9]+)`)
)

// noModule are what python -m says, without a traceback, of a module that is
// not there: "/usr/bin/python3: No module named shop.cron", "...: Error while
// finding module specification for 'shop.cron' (ModuleNotFoundError: ...)".
var noModule = regexp.MustCompile(`^\S*python\S*: (?:No module named |Error while finding module specification for .*\(ModuleNotFoundError)`)

// traceback is what the end of a Python program's standard error tells.
type traceback struct {
	class string // "SyntaxError", without its module
	text  string // the whole line
	file  string // the innermost file, as Python printed it
	line  int
}

// parseTraceback finds the last traceback in lines; false if there is none.
func parseTraceback(lines []string) (traceback, bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		if noModule.MatchString(lines[i]) {
			return traceback{class: "ModuleNotFoundError", text: lines[i]}, true
		}
		m := classLine.FindStringSubmatch(lines[i])
		if m == nil || i == 0 || !indented(lines[i-1]) {
			continue
		}
		t := traceback{text: strings.TrimLeft(lines[i], "|+- "), class: m[1]}
		if dot := strings.LastIndexByte(t.class, '.'); dot >= 0 {
			t.class = t.class[dot+1:]
		}
		for j := i - 1; j >= 0 && indented(lines[j]); j-- {
			if f := fileLine.FindStringSubmatch(lines[j]); f != nil {
				t.file = f[1]
				t.line, _ = strconv.Atoi(f[2]) // digits; too many of them say 0
				break
			}
		}
		if t.file == "" {
			// Indented lines that name no file are no traceback.
			continue
		}
		return t, true
	}
	return traceback{}, false
}

func indented(line string) bool {
	line = strings.TrimLeft(line, "|+-")
	return strings.HasPrefix(line, "  ")
}
