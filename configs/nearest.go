package configs

import "strings"

// otherWords are what other tools call our keys: too far off for an edit
// distance, and what people write first.
var otherWords = map[string]string{
	"command": "run", "cmd": "run", "exec": "run", "execstart": "run", "argv": "run", "start": "run",
	"environment": "env", "environ": "env", "envfile": "env_file", "dotenv": "env_file",
	"working_dir": "cwd", "workdir": "cwd", "working_directory": "cwd", "directory": "cwd", "dir": "cwd", "chdir": "cwd",
	"needs": "depends_on", "requires": "depends_on", "after": "depends_on", "depends": "depends_on",
	"healthcheck": "ready", "readiness": "ready", "health": "ready", "probe": "ready",
	"autorestart": "restart", "restart_policy": "restart", "policy": "when",
	"stopsignal": "signal", "stop_signal": "signal", "kill_timeout": "grace", "stop_grace_period": "grace",
	"exclude": "ignore", "excludes": "ignore", "includes": "include", "debounce": "quiet", "delay": "base",
	"multiplier": "factor", "priority": "order", "path": "pattern", "glob": "pattern", "files": "pattern", "match": "pattern",
	"processes": "services", "programs": "services", "commands": "actions", "tasks": "actions",
	"module": "entry", "entrypoint": "entry", "url": "http", "port": "tcp", "address": "tcp",
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

// nearest returns the word of known that word was probably meant to be, "" for
// none. Case, dashes and underscores do not count.
func nearest(word string, known []string) string {
	plain := func(s string) string { return strings.ToLower(separators.Replace(s)) }
	// Neither a long word nor the hundredth of many names is worth the search.
	const most = 64
	if len(word) > most {
		return ""
	}
	known = known[:min(len(known), most)]
	wanted := plain(word)
	best, least := "", 1+len(word)/3
	for _, k := range known {
		candidate := plain(k)
		if diff := len(candidate) - len(wanted); diff >= 4*least || -diff >= 4*least {
			continue // too far off whatever the characters, of 4 bytes at most
		}
		if d := distance(wanted, candidate); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	other := otherWords[strings.ToLower(strings.ReplaceAll(word, "-", "_"))]
	for _, k := range known {
		if k == other {
			return k
		}
	}
	return ""
}

// distance is the number of single characters to insert, delete or replace,
// or of neighbours to swap, to make b from a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	width := len(y) + 1
	cells := make([]int16, (len(x)+1)*width) // a file may have 20,000 wrong keys
	cell := func(i, j int) *int16 { return &cells[i*width+j] }
	for i := range len(x) + 1 {
		*cell(i, 0) = int16(i)
	}
	for j := range width {
		*cell(0, j) = int16(j)
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			replace := *cell(i-1, j-1)
			if x[i-1] != y[j-1] {
				replace++
			}
			least := min(*cell(i-1, j)+1, *cell(i, j-1)+1, replace)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				least = min(least, *cell(i-2, j-2)+1)
			}
			*cell(i, j) = least
		}
	}
	return int(*cell(len(x), len(y)))
}
