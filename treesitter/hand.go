package treesitter

import "bytes"

// parseStatement reads one import statement by hand. It stands in for
// tree-sitter where there is no cgo, is the second opinion that tests hold
// against it, and reads what is left of a statement that is broken off: it
// takes what it understands up to the first thing it does not, and returns nil
// only if there is no module at all.
func parseStatement(text []byte) *Statement {
	t := tokens{text: text}
	st := new(Statement)
	switch t.next() {
	case "import":
		st.Kind = Import
		for {
			name := t.dotted()
			if name == "" {
				break
			}
			st.Names = append(st.Names, Name{name, t.as()})
			if t.word != "," {
				break
			}
		}
		if len(st.Names) == 0 {
			return nil
		}
	case "from":
		st.Kind = From
		for t.next() == "." {
			st.Level++
		}
		t.back()
		st.Module = t.dotted()
		if t.word != "import" {
			if st.Level == 0 && st.Module == "" {
				return nil
			}
			return st
		}
		if t.next() == "*" {
			st.Kind = Star
			return st
		}
		if t.word != "(" {
			t.back()
		}
		for isIdentifier(t.next()) {
			name := t.word
			t.next()
			st.Names = append(st.Names, Name{name, t.as()})
			if t.word != "," {
				break
			}
		}
	default:
		return nil
	}
	return st
}

// tokens splits a statement into words and single bytes; "" is its end.
type tokens struct {
	text      []byte
	pos, prev int
	word      string
}

func (t *tokens) next() string {
	for t.pos < len(t.text) {
		switch c := t.text[t.pos]; {
		case c == '#':
			for t.pos < len(t.text) && t.text[t.pos] != '\n' && t.text[t.pos] != '\r' {
				t.pos++
			}
		case c <= ' ' || c == '\\':
			t.pos++
		default:
			t.prev = t.pos
			for t.pos < len(t.text) && class[t.text[t.pos]]&word != 0 {
				t.pos++
			}
			if t.pos == t.prev {
				t.pos++
			}
			t.word = identifier(t.text[t.prev:t.pos])
			return t.word
		}
	}
	t.prev, t.word = t.pos, ""
	return ""
}

// back makes next return the same word again.
func (t *tokens) back() { t.pos = t.prev }

// dotted reads a dotted name and then the word after it into t.word.
func (t *tokens) dotted() string {
	var name []byte
	for isIdentifier(t.next()) && t.word != "import" {
		name = append(name, t.word...)
		if t.next() != "." {
			return string(name)
		}
		name = append(name, '.')
	}
	return string(bytes.TrimSuffix(name, []byte(".")))
}

// as reads on if t.word is "as": it returns the name behind it, else "", and
// leaves the word after it in t.word.
func (t *tokens) as() string {
	if t.word != "as" {
		return ""
	}
	as := t.next()
	t.next()
	return as
}

func isIdentifier(s string) bool {
	return s != "" && class[s[0]]&word != 0 && (s[0] < '0' || s[0] > '9')
}
