package decider

import (
	"fmt"
	"regexp"
	"strings"
)

// splitShell splits a command line of a shell into commands joined by "&&",
// each a list of words. Variables that env has, or that carry a default, are
// replaced. It returns an error for all that only a shell can tell: pipes,
// redirections (but "2>&1"), jobs, substitutions, patterns.
func splitShell(text string, env map[string]string) ([][]string, error) {
	var commands [][]string
	var words []string
	var word strings.Builder
	begun := false // also by a quote with nothing in it
	end := func() {
		if begun {
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch b := text[i]; {
		case b == ' ' || b == '\t' || b == '\n' && strings.TrimSpace(rest) == "":
			end()
		case strings.HasPrefix(rest, "\\\n"):
			i++
		case b == '\\' && len(rest) > 1:
			begun = true
			i++
			word.WriteByte(text[i])
		case b == '\'':
			n := strings.IndexByte(rest[1:], '\'')
			if n < 0 {
				return nil, errOpenQuote(text)
			}
			begun = true
			word.WriteString(rest[1 : 1+n])
			i += n + 1
		case b == '"':
			value, n, err := doubleQuoted(rest, env)
			if err != nil {
				return nil, err
			}
			begun = true
			word.WriteString(value)
			i += n - 1
		case strings.HasPrefix(rest, "2>&1") && !begun:
			i += len("2>&1") - 1
		case strings.HasPrefix(rest, "&&"):
			end()
			if len(words) == 0 {
				return nil, errNotPlain(text, "&&")
			}
			commands, words = append(commands, words), nil
			i++
		case b == '$':
			value, n, err := variable(rest, env)
			if err != nil {
				return nil, err
			}
			begun = begun || value != ""
			word.WriteString(value)
			i += n - 1
		case b == '#' && !begun:
			i = len(text)
		case strings.IndexByte("|&;<>()`*?[]{}!\n", b) >= 0:
			return nil, errNotPlain(text, string(b))
		default:
			begun = true
			word.WriteByte(b)
		}
	}
	end()
	if len(words) > 0 {
		commands = append(commands, words)
	}
	return commands, nil
}

// doubleQuoted returns the value of the string in double quotes that s begins
// with, and its length with them.
func doubleQuoted(s string, env map[string]string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i + 1, nil
		case s[i] == '`':
			return "", 0, errNotPlain(s, "`")
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case s[i] == '$':
			value, n, err := variable(s[i:], env)
			if err != nil {
				return "", 0, err
			}
			b.WriteString(value)
			i += n - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, errOpenQuote(s)
}

var variableForms = regexp.MustCompile(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^{}$"'` + "`" + `\s]*))?\}|([@*#?0-9]))`)

// variable returns the value of the variable that s begins with, and its
// length. One whose value is not known stands for itself, with the dollar:
// that is no name of a module or file that matters.
func variable(s string, env map[string]string) (string, int, error) {
	m := variableForms.FindStringSubmatchIndex(s)
	if m == nil {
		if len(s) > 1 && strings.IndexByte("({", s[1]) >= 0 {
			return "", 0, errNotPlain(s, s[:2])
		}
		return "$", 1, nil
	}
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	if value, ok := env[group(1)+group(2)]; ok {
		return value, m[1], nil
	}
	if m[6] >= 0 {
		return group(3), m[1], nil
	}
	return s[:m[1]], m[1], nil
}

func errNotPlain(text, what string) error {
	return fmt.Errorf("only a shell can read %q: it has %q", text, what)
}

func errOpenQuote(text string) error {
	return fmt.Errorf("cannot read %q: a quote is not closed", text)
}
