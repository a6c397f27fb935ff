package configs

import (
	"errors"
	"fmt"
	"strings"
)

// A command is split into words as a POSIX shell would, but no shell runs it:
// the words are what the process gets. Where the text asks for more than
// splitting, the reader must know, because the same text would do something
// else without a shell. google/shlex splits too, but cannot tell a quoted
// character from a bare one, and takes # for a comment.

// line is a command split into words.
type line struct {
	words []string
	// shell is the first construct that only a shell understands, such as
	// "&&" or "$PORT"; "" for none.
	shell string
	// operator says that shell joins several commands or redirects one.
	operator bool
	// glob says that a word has a bare *, ? or [, which a shell might expand
	// and which otherwise stands for itself.
	glob bool
	// assigns counts the leading words of the form NAME=value.
	assigns int
}

// split takes a command apart. It fails on open quotes only.
func split(text string) (line, error) {
	s := splitter{rest: []rune(text)}
	for len(s.rest) > 0 {
		if err := s.step(); err != nil {
			return line{}, err
		}
	}
	s.end()
	return s.line, nil
}

// splitter is a split under way.
type splitter struct {
	line
	rest []rune // not read yet
	word strings.Builder
	// inWord says that a word has begun, if only by an empty quote; quoted
	// that it began with a quote or a backslash, so that it is no assignment.
	inWord, quoted bool
	// broken says that a line ended after the words so far.
	broken bool
}

// next takes the first rune of the rest.
func (s *splitter) next() rune {
	r := s.rest[0]
	s.rest = s.rest[1:]
	return r
}

// put adds a rune to the word.
func (s *splitter) put(r rune) {
	s.word.WriteRune(r)
	s.inWord = true
}

// open begins a quoted part of the word.
func (s *splitter) open() {
	s.quoted = s.quoted || !s.inWord
	s.inWord = true
}

// end ends the word, if one has begun.
func (s *splitter) end() {
	if !s.inWord {
		return
	}
	word := s.word.String()
	if s.broken {
		s.needs("a second line", true)
	}
	if s.assigns == len(s.words) && !s.quoted && assignment(word) {
		s.assigns++
		s.needs(word, false)
	}
	s.words = append(s.words, word)
	s.word.Reset()
	s.inWord, s.quoted = false, false
}

// needs notes what only a shell understands.
func (s *splitter) needs(what string, operator bool) {
	if s.shell == "" {
		s.shell = what
	}
	s.operator = s.operator || operator
}

// step reads a rune and what belongs to it.
func (s *splitter) step() error {
	switch ahead := s.rest; s.next() {
	case ' ', '\t', '\r':
		s.end()
	case '\n':
		s.end()
		s.broken = s.broken || len(s.words) > 0
	case '\'':
		closing := indexRune(s.rest, 0, '\'')
		if closing < 0 {
			return errors.New("a ' is never closed")
		}
		s.open()
		s.word.WriteString(string(s.rest[:closing]))
		s.rest = s.rest[closing+1:]
	case '"':
		s.open()
		return s.doubleQuoted()
	case '\\':
		if len(s.rest) == 0 {
			return errors.New(`a \ stands at the end`)
		}
		if r := s.next(); r != '\n' {
			s.open()
			s.put(r)
		}
	case '|', '&', ';', '<', '>', '(', ')', '`':
		s.needs(operator(ahead), true)
		s.put(ahead[0])
	case '$':
		s.expansion(ahead)
		s.put('$')
	case '#', '~':
		// A comment and a home directory, at the start of a word only.
		if !s.inWord {
			s.needs(string(ahead[0]), false)
		}
		s.put(ahead[0])
	case '*', '?', '[':
		s.glob = true
		s.put(ahead[0])
	default:
		s.put(ahead[0])
	}
	return nil
}

// doubleQuoted reads up to the closing quote.
func (s *splitter) doubleQuoted() error {
	for len(s.rest) > 0 {
		ahead := s.rest
		switch r := s.next(); {
		case r == '"':
			return nil
		case r == '\\' && len(s.rest) > 0 && strings.ContainsRune("$`\"\\\n", s.rest[0]):
			if r := s.next(); r != '\n' {
				s.put(r)
			}
			continue
		case r == '`':
			s.needs("`", true)
		case r == '$':
			s.expansion(ahead)
		}
		s.put(ahead[0])
	}
	return errors.New(`a " is never closed`)
}

// expansion notes what a dollar sign stands for, if for more than itself.
func (s *splitter) expansion(ahead []rune) {
	if v := variable(ahead); v != "" {
		s.needs(v, v == "$(")
	}
}

func indexRune(runes []rune, from int, r rune) int {
	for i := from; i < len(runes); i++ {
		if runes[i] == r {
			return i
		}
	}
	return -1
}

// operator returns the operator at the start of runes: &&, ||, >> or one
// character.
func operator(runes []rune) string {
	if len(runes) > 1 && runes[0] == runes[1] && strings.ContainsRune("&|><;", runes[0]) {
		return string(runes[:2])
	}
	return string(runes[:1])
}

// variable returns the expansion at the start of runes, such as $PORT, ${A:-b}
// or $(, and "" for a dollar sign that stands for itself.
func variable(runes []rune) string {
	if len(runes) < 2 {
		return ""
	}
	switch r := runes[1]; {
	case r == '(':
		return "$("
	case r == '{':
		if end := indexRune(runes, 2, '}'); end > 0 {
			return string(runes[:end+1])
		}
		return "${"
	case strings.ContainsRune("@*#?-$!0123456789", r):
		return string(runes[:2])
	case nameRune(r):
		end := 2
		for end < len(runes) && nameRune(runes[end]) {
			end++
		}
		return string(runes[:end])
	}
	return ""
}

func nameRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// assignment reports whether a word has the form NAME=value.
func assignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && variableName(name)
}

// variableName reports whether a shell could have a variable of this name.
func variableName(name string) bool {
	if name == "" || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	for _, r := range name {
		if !nameRune(r) {
			return false
		}
	}
	return true
}

// shellArgv is the command that runs text in a shell.
func shellArgv(text string) []string { return []string{"/bin/sh", "-c", text} }

// ownWords are commands of the shell itself: exec cannot start them.
var ownWords = map[string]bool{
	".": true, ":": true, "cd": true, "eval": true, "exec": true, "exit": true, "export": true, "read": true, "set": true,
	"shift": true, "source": true, "trap": true, "ulimit": true, "umask": true, "unset": true, "wait": true,
	"if": true, "for": true, "while": true, "until": true, "case": true, "{": true, "!": true, "function": true, "time": true,
}

// fromShellLine makes a command of a line that was written for a shell, as
// those of a Procfile are. Plain words are run without one. Where a shell is
// needed for one command alone it is told to become that command, so that the
// service's process is the server and not a shell in front of it.
func fromShellLine(text string) (Command, error) {
	l, err := split(text)
	if err != nil {
		return Command{}, err
	}
	if len(l.words) == 0 {
		return Command{}, errors.New("the command is empty")
	}
	if l.shell == "" && !l.glob && !ownWords[l.words[0]] {
		return Command{Words: l.words}, nil
	}
	if !l.operator && l.assigns == 0 && !ownWords[l.words[0]] {
		text = "exec " + text
	}
	return Command{Shell: text}, nil
}

// needsShell says why words are not enough.
func needsShell(l line, text string) (what, hint string) {
	if l.shell == "" {
		return "", ""
	}
	what = fmt.Sprintf("%s needs a shell, and words are run without one", strings.Trim(quoted(l.shell), `"`))
	if l.assigns > 0 && l.shell == l.words[0] {
		name, value, _ := strings.Cut(l.shell, "=")
		return what, fmt.Sprintf("write env: {%s: %s}", name, quoted(value))
	}
	return what, fmt.Sprintf("write run: {shell: %s}, or put quotes around it", quoted(text))
}
