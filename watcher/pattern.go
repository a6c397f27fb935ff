package watcher

import "strings"

// Patterns in the language of gitignore(5), written here rather than taken
// from go-git: its matcher tries only the first directory that fits after
// "**", reads brackets as filepath.Match does ("[!a]", "[[:alpha:]]" and an
// unclosed bracket come out differently), and takes "#" and "\#" as they
// stand. TestPatternsAgainstGit compares this one with git check-ignore.

// A pattern is one line of an ignore file. It matches paths relative to the
// directory that the file is in.
type pattern struct {
	glob    string // without "!", leading and trailing slash
	negated bool   // "!": what it matches is not ignored
	dirOnly bool   // trailing slash
	base    bool   // no other slash: compared with the last element alone
	plain   bool   // nothing in it is special
	suffix  string // what follows a star that is all that is special in it
	inner   string // what is between two stars that are
	head    string // what comes before anything special
}

// parsePatterns reads an ignore file.
func parsePatterns(text string) []pattern {
	text = strings.TrimPrefix(text, "\ufeff")
	var ps []pattern
	for line := range strings.SplitSeq(text, "\n") {
		if p, ok := parsePattern(strings.TrimSuffix(line, "\r")); ok {
			ps = append(ps, p)
		}
	}
	return ps
}

// parsePattern reads one line; ok is false for blank lines and comments.
func parsePattern(line string) (p pattern, ok bool) {
	if strings.HasPrefix(line, "#") {
		return p, false
	}
	line = trimSpaces(line)
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.dirOnly = strings.CutSuffix(line, "/")
	p.base = !strings.Contains(line, "/")
	p.glob = strings.TrimPrefix(line, "/")
	// Most patterns are "name" or "*.ext", and each is tried on every path.
	p.head = p.glob
	if i := strings.IndexAny(p.glob, special); i >= 0 {
		p.head = p.glob[:i]
	}
	p.plain = p.head == p.glob
	if rest, ok := strings.CutPrefix(p.glob, "*"); ok {
		if inner, ok := strings.CutSuffix(rest, "*"); ok && !strings.ContainsAny(inner, special) {
			p.inner = inner
		} else if !strings.ContainsAny(rest, special) {
			p.suffix = rest
		}
	}
	return p, p.glob != ""
}

// special has what stands for something else in a pattern.
const special = `*?[\`

// trimSpaces removes trailing spaces that no backslash protects.
func trimSpaces(s string) string {
	end := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			end = i + 1
		case s[i] != ' ':
			end = i + 1
		}
	}
	return s[:end]
}

// matches reports whether p names the path, which is relative to p's directory
// and ends in name.
func (p *pattern) matches(path, name string, isDir bool) bool {
	switch {
	case p.dirOnly && !isDir:
		return false
	case !p.base:
		// As git does, the part without wildcards is compared first and cut off;
		// stars that follow it then count as at the start: "b**/c" matches "b/c".
		n := len(p.head)
		return strings.HasPrefix(path, p.head) && wildmatch(p.glob[n:], path[n:])
	case p.plain:
		return name == p.glob
	case p.suffix != "":
		return strings.HasSuffix(name, p.suffix)
	case p.inner != "":
		return strings.Contains(name, p.inner)
	default:
		return strings.HasPrefix(name, p.head) && wildmatch(p.glob, name)
	}
}

// lastMatch returns the last of the patterns that matches, which decides.
func lastMatch(ps []pattern, path string, isDir bool) (p pattern, ok bool) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for i := len(ps) - 1; i >= 0; i-- {
		if ps[i].matches(path, name, isDir) {
			return ps[i], true
		}
	}
	return pattern{}, false
}

// wildmatch reports whether glob matches the whole of s: "*" and "?" stay
// within an element, "**" between slashes crosses them, "[...]" is a class,
// and a backslash takes the next byte as it stands.
func wildmatch(glob, s string) bool {
	m := wild{glob: glob, s: s}
	if strings.Count(glob, "*") > 2 {
		// Without this, "*a*a*a*b" against "aaaa..." takes exponential time.
		m.failed = make(map[[2]int]struct{})
	}
	return m.match(0, 0)
}

type wild struct {
	glob, s string
	failed  map[[2]int]struct{} // (index in glob, index in s) known not to match
}

func (m *wild) match(g, i int) bool {
	if m.failed == nil {
		return m.try(g, i)
	}
	at := [2]int{g, i}
	if _, known := m.failed[at]; known {
		return false
	}
	if m.try(g, i) {
		return true
	}
	m.failed[at] = struct{}{}
	return false
}

func (m *wild) try(g, i int) bool {
	for ; g < len(m.glob); i++ {
		c := m.glob[g]
		if c == '*' {
			return m.star(g, i)
		}
		if i == len(m.s) {
			return false
		}
		switch c {
		case '?':
			if m.s[i] == '/' {
				return false
			}
			g++
		case '[':
			next, in := class(m.glob, g, m.s[i])
			if next < 0 || !in || m.s[i] == '/' {
				return false
			}
			g = next
		case '\\':
			if g++; g == len(m.glob) {
				return false
			}
			c = m.glob[g]
			fallthrough
		default:
			if m.s[i] != c {
				return false
			}
			g++
		}
	}
	return i == len(m.s)
}

// star matches from a run of stars at g on.
func (m *wild) star(g, i int) bool {
	start := g
	for g < len(m.glob) && m.glob[g] == '*' {
		g++
	}
	crosses := g-start > 1 &&
		(start == 0 || m.glob[start-1] == '/') &&
		(g == len(m.glob) || m.glob[g] == '/')
	if crosses && g < len(m.glob) && m.match(g+1, i) { // "**/" as no directory
		return true
	}
	for ; ; i++ {
		if m.match(g, i) {
			return true
		}
		if i == len(m.s) || m.s[i] == '/' && !crosses {
			return false
		}
	}
}

// class reads the bracket expression at glob[g] and reports whether c is in
// it; next is the index behind it, or -1 when it is not closed.
func class(glob string, g int, c byte) (next int, in bool) {
	g++
	not := g < len(glob) && (glob[g] == '!' || glob[g] == '^')
	if not {
		g++
	}
	for first := true; ; first = false {
		if g >= len(glob) {
			return -1, false
		}
		if glob[g] == ']' && !first {
			return g + 1, in != not
		}
		if name, rest, ok := posixClass(glob[g:]); ok {
			known := false
			if f, ok := posix[name]; ok {
				known, in = true, in || f(c)
			}
			if !known {
				return -1, false
			}
			g = len(glob) - len(rest)
			continue
		}
		lo, next, ok := classByte(glob, g)
		if !ok {
			return -1, false
		}
		g = next
		hi := lo
		if g+1 < len(glob) && glob[g] == '-' && glob[g+1] != ']' {
			if hi, g, ok = classByte(glob, g+1); !ok {
				return -1, false
			}
		}
		in = in || lo <= c && c <= hi
	}
}

func classByte(glob string, g int) (c byte, next int, ok bool) {
	if glob[g] == '\\' {
		g++
	}
	if g >= len(glob) {
		return 0, 0, false
	}
	return glob[g], g + 1, true
}

// posixClass splits "[:alpha:]..." into "alpha" and the rest.
func posixClass(s string) (name, rest string, ok bool) {
	if s, ok = strings.CutPrefix(s, "[:"); !ok {
		return "", "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 1 || s[end-1] != ':' {
		return "", "", false
	}
	return s[:end-1], s[end+1:], true
}

func between(c, lo, hi byte) bool { return lo <= c && c <= hi }
func isLower(c byte) bool         { return between(c, 'a', 'z') }
func isUpper(c byte) bool         { return between(c, 'A', 'Z') }
func isDigit(c byte) bool         { return between(c, '0', '9') }
func isAlnum(c byte) bool         { return isLower(c) || isUpper(c) || isDigit(c) }
func isGraph(c byte) bool         { return between(c, '!', '~') }

var posix = map[string]func(byte) bool{
	"alnum":  isAlnum,
	"alpha":  func(c byte) bool { return isLower(c) || isUpper(c) },
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  isGraph,
	"lower":  isLower,
	"print":  func(c byte) bool { return between(c, ' ', '~') },
	"punct":  func(c byte) bool { return isGraph(c) && !isAlnum(c) },
	"space":  func(c byte) bool { return c == ' ' || between(c, '\t', '\r') },
	"upper":  isUpper,
	"xdigit": func(c byte) bool { return isDigit(c) || between(c, 'a', 'f') || between(c, 'A', 'F') },
}
