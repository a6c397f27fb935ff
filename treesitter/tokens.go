package treesitter

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
)

// Tokens returns a hash of what Python's tokenizer makes of a file, so that two
// versions with one hash differ in comments, blank lines, line ends and blanks
// only: they compile to the same code, but for line numbers. Strings count as
// they are written, docstrings and the fields of f-strings too, and so do the
// comments that are no comments: a first line for the kernel (#!), the name of
// an encoding.
//
// ok is false if the file does not lex, as a half-written one does not, or if it
// takes tables to tell what its bytes stand for, or that they stand for nothing;
// then it has no tokens to speak of.
// It reads some 110 MB/s.
func Tokens(src []byte) (sum [sha256.Size]byte, ok bool) {
	h := tokenHash{h: sha256.New()}
	h.put('#', preamble(src))
	if !tokenize(src, h.put) {
		return sum, false
	}
	h.flush()
	h.h.Sum(sum[:0])
	return sum, true
}

// tokenHash hashes a sequence of tokens, each with its kind and length.
type tokenHash struct {
	h   hash.Hash
	buf []byte
}

func (h *tokenHash) put(kind byte, text []byte) {
	h.buf = append(h.buf, kind)
	h.buf = binary.AppendUvarint(h.buf, uint64(len(text)))
	h.buf = append(h.buf, text...)
	if len(h.buf) > 4<<10 {
		h.flush()
	}
}

func (h *tokenHash) flush() {
	h.h.Write(h.buf)
	h.buf = h.buf[:0]
}

// preamble returns what of the first two lines is read though it is a comment.
func preamble(src []byte) []byte {
	var mark []byte
	if bytes.HasPrefix(src, bom) {
		mark, src = bom, src[len(bom):]
	}
	first, rest, _ := bytes.Cut(newlines(src[:min(len(src), 1<<10)]), []byte("\n"))
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	var all [][]byte
	if bytes.HasPrefix(first, []byte("#!")) {
		all = append(all, first)
	}
	for _, line := range [][]byte{first, second} {
		if m := cookie.FindSubmatch(line); m != nil {
			all = append(all, m[1])
		}
	}
	return append(bytes.Clone(mark), bytes.Join(all, []byte("\n"))...)
}

// Kinds of tokens.
const (
	tokenName    = 'n'
	tokenNumber  = '0'
	tokenString  = '"'
	tokenOp      = 'o'
	tokenNewline = '\n'
	tokenIndent  = '>'
	tokenDedent  = '<'
)

// tokenize calls yield with the tokens of a file, as Python 3.11's tokenize
// module has them, comments and blank lines left out; f-strings are one token.
// It reports whether the file lexes.
func tokenize(src []byte, yield func(kind byte, text []byte)) bool {
	if bytes.IndexByte(src, 0) >= 0 || !readable(src) {
		return false
	}
	// In the scope of InTyping no string is taken for the name of a module.
	l := lexer{scanner: scanner{src: src, line: 1, start: -1, scope: InTyping, facts: new(Facts)}, yield: yield}
	if bytes.HasPrefix(src, bom) {
		l.pos = len(bom)
	}
	for l.pos < len(src) {
		if !l.logical() {
			return false
		}
	}
	for range l.indents {
		yield(tokenDedent, nil)
	}
	return l.facts.Err == nil
}

// lexer is a scanner that looks at every token.
type lexer struct {
	scanner
	yield   func(kind byte, text []byte)
	indents []column
}

// column is a position in a line with tabs up to the next multiple of 8, and
// with tabs as one blank: as CPython, the lexer wants both to agree.
type column struct{ wide, narrow int }

// logical reads a logical line.
func (l *lexer) logical() bool {
	begin := l.pos
	at := column{wide: l.indent()}
	at.narrow = narrow(l.src[begin:l.pos])
	if bytes.IndexByte(l.src[begin:l.pos], '\\') >= 0 {
		// A line that begins with a continuation is taken in several ways by
		// several versions of Python; nobody writes it.
		return false
	}
	if l.blank() {
		return true
	}
	if !l.indentTo(at) {
		return false
	}
	for depth := 0; ; {
		l.blanks()
		if l.pos == len(l.src) {
			l.yield(tokenNewline, nil)
			return depth == 0
		}
		begin := l.pos
		switch c := l.src[begin]; {
		case c == '\n' || c == '\r':
			l.newline()
			if depth == 0 {
				l.yield(tokenNewline, nil)
				return true
			}
		case c == '#':
			l.comment()
		case c == '"' || c == '\'':
			l.str()
			l.yield(tokenString, l.src[begin:l.pos])
		case class[c]&digit != 0 || c == '.' && begin+1 < len(l.src) && class[l.src[begin+1]]&digit != 0:
			l.pos += number(l.src[begin:])
			l.yield(tokenNumber, l.src[begin:l.pos])
		case class[c]&word != 0:
			l.pos += len(firstWord(l.src[begin:]))
			if l.pos < len(l.src) && (l.src[l.pos] == '"' || l.src[l.pos] == '\'') && slices.Contains(prefixes, string(bytes.ToLower(l.src[begin:l.pos]))) {
				l.str()
				l.yield(tokenString, l.src[begin:l.pos])
			} else {
				l.yield(tokenName, l.src[begin:l.pos])
			}
		case c == '\\' || c < ' ':
			return false // blanks took continuations
		default:
			switch {
			case c == '(' || c == '[' || c == '{':
				l.open = append(l.open, bracket{byte: c, use: other, line: l.line})
				depth++
			case closes[c] != 0:
				if depth == 0 || l.open[depth-1].byte != closes[c] {
					return false
				}
				depth--
				l.open = l.open[:depth]
			}
			l.pos += operator(l.src[begin:])
			l.yield(tokenOp, l.src[begin:l.pos])
		}
		if l.facts.Err != nil {
			return false
		}
	}
}

// narrow returns the column behind the blanks of an indentation, tabs as one.
func narrow(blanks []byte) int {
	n := 0
	for _, c := range blanks {
		switch c {
		case ' ', '\t':
			n++
		case '\f':
			n = 0
		}
	}
	return n
}

// indentTo yields the tokens that lead to an indentation.
func (l *lexer) indentTo(at column) bool {
	top := func() column {
		if n := len(l.indents); n > 0 {
			return l.indents[n-1]
		}
		return column{}
	}
	if was := top(); at.wide > was.wide {
		l.indents = append(l.indents, at)
		l.yield(tokenIndent, nil)
		return at.narrow > was.narrow
	}
	for at.wide < top().wide {
		l.indents = l.indents[:len(l.indents)-1]
		l.yield(tokenDedent, nil)
	}
	return at == top()
}

// number returns the length of the number that b begins with.
func number(b []byte) int {
	run := func(i int, digits string) int {
		for i < len(b) && (b[i] == '_' || bytes.IndexByte([]byte(digits), b[i]) >= 0) {
			i++
		}
		return i
	}
	const decimal = "0123456789"
	if len(b) > 1 && b[0] == '0' {
		switch b[1] {
		case 'x', 'X':
			return run(2, "0123456789abcdefABCDEF")
		case 'o', 'O':
			return run(2, "01234567")
		case 'b', 'B':
			return run(2, "01")
		}
	}
	i := run(0, decimal)
	if i < len(b) && b[i] == '.' {
		i = run(i+1, decimal)
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		j := i + 1
		if j < len(b) && (b[j] == '+' || b[j] == '-') {
			j++
		}
		if j < len(b) && class[b[j]]&digit != 0 {
			i = run(j, decimal)
		}
	}
	if i < len(b) && (b[i] == 'j' || b[i] == 'J') {
		i++
	}
	return i
}

// long are the operators of more than one byte, the longest first.
var long = []string{
	"**=", "//=", ">>=", "<<=", "...",
	"**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=",
}

// operator returns the length of the operator that b begins with.
func operator(b []byte) int {
	for _, op := range long {
		if len(b) >= len(op) && string(b[:len(op)]) == op {
			return len(op)
		}
	}
	return 1
}
