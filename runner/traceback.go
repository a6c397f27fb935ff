package runner

import (
	"regexp"
	"strconv"
	"strings"
)

// A Python program that dies of an exception says so at the end of its
// standard error: indented lines with files and code, then one line that
// begins with the class. Indented lines of its message may follow, and so may
// what Python says while it ends, and what a server has to say about its worker.
// After anything else the program has gone on, so that it has died of something
// else: what it had logged of an exception that it could do without is no reason
// to hold it.

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

// afterwords are lines that may follow the traceback that a program has died of.
var afterwords = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`\s.*`, ``, // of the message
	`Exception ignored .*`, `\S+:[0-9]+: [A-Za-z]*Warning: .*`, // Python, while it ends
	`(?:ERROR|INFO): +Application (?:startup|shutdown) failed\. Exiting\.`, // uvicorn
	`INFO: +(?:Shutting down|Finished server process .*|Waiting for application shutdown\.|Waiting for child process .*|Stopping (?:reloader|parent) process .*)`,
	`\[[^]]*\] \[[0-9]+\] \[[A-Z]+\] (?:Worker exiting .*|Worker \(pid:[0-9]+\) .*|Booting worker .*|Shutting down: .*|Reason: .*)`, // gunicorn
}, "|") + `)$`)

// traceback is what the end of a Python program's standard error tells.
type traceback struct {
	class string // "SyntaxError", without its module
	text  string // the whole line
	file  string // the innermost file, as Python printed it
	line  int
	at    int // the index of that line
}

// parseTraceback finds the traceback that ends lines; false if none does.
func parseTraceback(lines []string) (traceback, bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		if noModule.MatchString(lines[i]) {
			return traceback{class: "ModuleNotFoundError", text: lines[i], at: i}, true
		}
		m := classLine.FindStringSubmatch(lines[i])
		if m == nil || i == 0 || !indented(lines[i-1]) {
			if !afterwords.MatchString(lines[i]) {
				break
			}
			continue
		}
		t := traceback{text: strings.TrimLeft(lines[i], "|+- "), class: m[1], at: i}
		if dot := strings.LastIndexByte(t.class, '.'); dot >= 0 {
			t.class = t.class[dot+1:]
		}
		j := i - 1
		for ; j >= 0 && indented(lines[j]); j-- {
			if f := fileLine.FindStringSubmatch(lines[j]); f != nil && t.file == "" {
				t.file = f[1]
				t.line, _ = strconv.Atoi(f[2]) // digits; too many of them say 0
			}
		}
		switch {
		case j > 0 && strings.HasPrefix(lines[j], "Traceback ") && strings.HasPrefix(lines[j-1], "Exception ignored "):
			i = j // of what was cleaned up in the end
		case t.file != "":
			return t, true
		case !afterwords.MatchString(lines[i]):
			return traceback{}, false // indented lines that name no file are no traceback
		}
	}
	return traceback{}, false
}

func indented(line string) bool {
	line = strings.TrimLeft(line, "|+-")
	return strings.HasPrefix(line, "  ")
}
