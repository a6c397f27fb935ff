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
	var (
		l      line
		word   strings.Builder
		inWord bool
		// quoted says that the word began with a quote or a backslash: then it
		// is no assignment.
		quoted bool
	)
	needs := func(what string, operator bool) {
		if l.shell == "" {
			l.shell = what
		}
		l.operator = l.operator || operator
	}
	end := func() {
		if !inWord {
			return
		}
		w := word.String()
		if l.assigns == len(l.words) && !quoted && assignment(w) {
			l.assigns++
			needs(w, false)
		}
		l.words = append(l.words, w)
		word.Reset()
		inWord, quoted = false, false
	}
	open := func() { // a quoted part begins
		quoted = quoted || !inWord
		inWord = true
	}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case ' ', '\t', '\n', '\r':
			end()
		case '\'':
			closing := indexRune(runes, i+1, '\'')
			if closing < 0 {
				return line{}, errors.New("a ' is never closed")
			}
			open()
			word.WriteString(string(runes[i+1 : closing]))
			i = closing
		case '"':
			open()
			for i++; i < len(runes) && runes[i] != '"'; i++ {
				switch {
				case runes[i] == '\\' && i+1 < len(runes) && strings.ContainsRune("$`\"\\\n", runes[i+1]):
					i++
					if runes[i] != '\n' {
						word.WriteRune(runes[i])
					}
					continue
				case runes[i] == '`':
					needs("`", true)
				case runes[i] == '$':
					if v := variable(runes[i:]); v != "" {
						needs(v, strings.HasPrefix(v, "$("))
					}
				}
				word.WriteRune(runes[i])
			}
			if i == len(runes) {
				return line{}, errors.New(`a " is never closed`)
			}
		case '\\':
			if i++; i == len(runes) {
				return line{}, errors.New(`a \ stands at the end`)
			}
			if runes[i] != '\n' {
				open()
				word.WriteRune(runes[i])
			}
		case '|', '&', ';', '<', '>', '(', ')', '`':
			needs(operator(runes[i:]), true)
			word.WriteRune(r)
			inWord = true
		case '$':
			if v := variable(runes[i:]); v != "" {
				needs(v, strings.HasPrefix(v, "$("))
			}
			word.WriteRune(r)
			inWord = true
		case '#':
			// A comment, at the start of a word only.
			if !inWord {
				needs("#", false)
			}
			word.WriteRune(r)
			inWord = true
		case '~':
			if !inWord {
				needs("~", false)
			}
			word.WriteRune(r)
			inWord = true
		case '*', '?', '[':
			l.glob = true
			word.WriteRune(r)
			inWord = true
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	end()
	return l, nil
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
