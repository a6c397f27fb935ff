package treesitter

import (
	"bytes"
	"slices"
	"strings"
)

// Packages load their submodules lazily by a module's __getattr__ (PEP 562).
// Which ones it can load is often said by a table in the same file: then only
// those count, where otherwise every module of the package would.

// maxTable is how much of a table is read, in bytes.
const maxTable = 64 << 10

// lazyNames returns the names that the __getattr__ around pos lets through to
// an import of its parameter; ok is false if nothing in it bounds them, or
// nothing that can be read. body is what of the function is above pos.
func (s *scanner) lazyNames(body []byte, parameter string) (names []string, ok bool) {
	for _, table := range tables(body, parameter) {
		words, found := s.table(table)
		if !found {
			return nil, false
		}
		names, ok = append(names, words...), true
	}
	return names, ok
}

// tables returns the names that body looks a parameter up in so that what comes
// after is only reached by what is in them: TABLE[p], TABLE.get(p), and a block
// under "if p in TABLE" that is still open at its end, or "if p not in TABLE"
// that is closed.
func tables(body []byte, parameter string) []string {
	var all []string
	gate := func(name []byte) {
		if n := string(name); n != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte(parameter))
		if i < 0 {
			return all
		}
		i += at
		at = i + len(parameter)
		if i > 0 && class[body[i-1]]&word != 0 || at < len(body) && class[body[at]]&word != 0 {
			continue
		}
		before := bytes.TrimRight(body[:i], " \t")
		if b, got := bytes.CutSuffix(before, []byte(".get(")); got {
			gate(b[lastWord(b):])
			continue
		}
		if b, got := bytes.CutSuffix(before, []byte("[")); got {
			gate(b[lastWord(b):])
			continue
		}
		rest, negated := bytes.CutPrefix(bytes.TrimLeft(body[at:], " \t"), []byte("not in "))
		if !negated {
			var got bool
			if rest, got = bytes.CutPrefix(rest, []byte("in ")); !got {
				continue
			}
		}
		begin := bytes.LastIndexByte(body[:i], '\n') + 1
		indent := body[begin : begin+leading(body[begin:])]
		if string(bytes.TrimSpace(body[begin:i])) != "if" {
			continue
		}
		rest = bytes.TrimLeft(rest, " \t")
		name := firstWord(rest)
		if !bytes.HasPrefix(bytes.TrimLeft(rest[len(name):], " \t"), []byte(":")) {
			continue
		}
		if end := bytes.IndexByte(rest, '\n'); end >= 0 && negated != under(rest[end+1:], len(indent)) {
			gate(name)
		}
	}
}

// under reports whether all lines of text are indented deeper than indent.
func under(text []byte, indent int) bool {
	for line := range bytes.Lines(text) {
		if n := leading(line); len(bytes.TrimSpace(line)) > 0 && line[n] != '#' && n <= indent {
			return false
		}
	}
	return true
}

// leading returns the number of blanks that line begins with.
func leading(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " \t")) }

// table returns the strings of the literal that is assigned to name at the top
// of the file; ok is false if there is none.
func (s *scanner) table(name string) (words []string, ok bool) {
	for at := 0; ; {
		i := bytes.Index(s.src[at:], []byte(name))
		if i < 0 {
			return nil, false
		}
		i += at
		at = i + len(name)
		if i > 0 && s.src[i-1] != '\n' || at < len(s.src) && class[s.src[at]]&word != 0 {
			continue
		}
		line := s.src[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		equals := bytes.LastIndexByte(line, '=') // behind an annotation
		if equals < 0 {
			continue
		}
		value := bytes.TrimLeft(s.src[at+equals+1:], " \t")
		for _, call := range []string{"frozenset(", "set(", "dict("} {
			value, _ = bytes.CutPrefix(value, []byte(call))
		}
		if len(value) == 0 || value[0] != '{' && value[0] != '[' && value[0] != '(' {
			return nil, false
		}
		return stringsIn(value)
	}
}

// stringsIn returns the plain strings within the bracket that text begins with;
// ok is false if it does not end or holds what only running it would tell.
func stringsIn(text []byte) (all []string, ok bool) {
	tokens, whole := bracketed(text[:min(len(text), maxTable)], maxTable)
	for _, t := range tokens {
		switch word, plain := t.plain(); {
		case plain:
			all = append(all, word)
		case t.str, t.text[0] == '*', string(t.text) == "for": // computed, unpacked, a comprehension
			return nil, false
		}
	}
	return all, whole
}

// submodules notes modules of the file's own package by their names: relative
// ones, dotted or not. What is no name is left out.
func (s *scanner) submodules(names []string) {
	for _, n := range names {
		rest := strings.TrimLeft(n, ".")
		level := max(1, len(n)-len(rest))
		if rest != "" && isModuleName(rest) {
			s.ref(intern(Statement{Kind: Call, Level: level, Module: identifier([]byte(rest))}), s.line)
		}
	}
}

// isModuleName reports whether text looks like the name of a module, dotted or
// not.
func isModuleName(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || class[part[0]]&digit != 0 || len(firstWord([]byte(part))) != len(part) {
			return false
		}
	}
	return true
}

// attachCall reads the arguments of lazy_loader's attach, which names
// submodules in lists and the keys of dicts.
func (s *scanner) attachCall() {
	a := s.arguments()
	first, rest := a.first()
	if len(first) != 1 || string(first[0].text) != "__name__" {
		return
	}
	var names []string
	for _, t := range rest {
		if n, ok := t.plain(); ok {
			names = append(names, n)
		}
	}
	s.submodules(names)
}
