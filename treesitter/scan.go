package treesitter

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// The scanner finds the places in a file where modules are named. It knows
// what it takes to tell code from strings and comments: string prefixes,
// triple quotes, nested f-strings (PEP 701), brackets, continuations, line
// ends of all three sorts, indentation. It knows no grammar: what an import
// statement says is for tree-sitter to judge, by the text that the scanner cut
// out. Parsing whole files instead takes 30 times longer, and loses every
// import below an open bracket; the scanner knows that no line within brackets
// begins with "import" or "def", so it finds its way back.

const (
	word  = 1 << iota // part of an identifier or number
	stop              // the scanner looks at it
	digit             // a digit
)

// class says what a byte is for.
var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = word | digit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c >= 0x80:
			t[c] = word
		}
	}
	for _, c := range "\n\r#\\\"'()[]{}:;" {
		t[c] |= stop
	}
	return t
}()

// maxNesting is how deep strings may be nested in strings.
const maxNesting = 100

type scanner struct {
	src  []byte
	pos  int
	line int // of pos, from 1

	blocks []block
	open   []bracket
	nested int // strings around pos

	// Of the logical line at pos:
	scope   Scope
	header  Scope // what its header adds, if it has one
	all     bool  // its strings belong to __all__
	setting bool  // it assigns to, or calls a method of, a name in capitals
	testing bool  // it says what Django's test command loads, which serves nobody
	// start is where the import statement at pos began, -1 if there is none.
	start, startLine int

	candidates []candidate
	walked     []walk
	heads      []Ref // strings that end in a dot: beginnings of names, if anything here imports by computed names
	seen       map[Ref]bool
	// flat is set once an f-string did not end: from there on they are taken
	// for plain strings, which bounds the time that broken files take.
	flat  bool
	facts *Facts
}

// block is an open suite: the lines indented deeper than its header.
type block struct {
	indent int
	scope  Scope
}

// bracket is one that is open.
type bracket struct {
	byte
	use  bracketUse
	dict bool // it is a dict or set, or within one
	runs bool // it has the arguments of a call that may run a file, or is within one that has
	line int
}

// bracketUse says what the strings in a bracket are.
type bracketUse uint8

const (
	other    bracketUse = iota // arguments, a subscript
	elements                   // of a list, tuple, set or dict
	settings                   // elements of a setting, such as INSTALLED_APPS
)

// candidate is the text of an import statement.
type candidate struct {
	text  []byte
	line  int
	scope Scope
}

func (s *scanner) file() {
	s.line = 1
	if bytes.HasPrefix(s.src, bom) {
		s.pos = len(bom)
	}
	for s.pos < len(s.src) {
		s.logicalLine()
	}
}

// logicalLine reads from the beginning of a line to the beginning of the next
// that is no continuation of it.
func (s *scanner) logicalLine() {
	indent := s.indent()
	if s.blank() {
		return
	}
	for n := len(s.blocks); n > 0 && indent <= s.blocks[n-1].indent; n-- {
		s.blocks = s.blocks[:n-1]
	}
	s.scope, s.header, s.all, s.setting, s.testing, s.start = 0, 0, false, false, false, -1
	if n := len(s.blocks); n > 0 {
		s.scope = s.blocks[n-1].scope
	}
	s.head()
	s.statement()
	for s.pos < len(s.src) {
		s.skip()
		if s.pos == len(s.src) {
			break
		}
		c := s.src[s.pos]
		switch {
		case c == ':' && len(s.open) == 0:
			s.pos++
			s.scope |= s.header
			s.statement()
			if s.blank() { // the rest of the line: a suite follows
				s.blocks = append(s.blocks, block{indent, s.scope})
				return
			}
		case c == ';' && len(s.open) == 0:
			s.flush(s.pos)
			s.pos++
			s.statement()
		case c == '\n' || c == '\r':
			if len(s.open) == 0 {
				s.flush(s.pos)
				s.newline()
				return
			}
			s.newline()
			if s.resumes() {
				s.unclosed()
				s.flush(s.pos)
				s.open = s.open[:0]
				return
			}
		case c == '#':
			if len(s.open) == 0 {
				s.flush(s.pos)
			}
			s.comment()
		default:
			s.token()
		}
	}
	if len(s.open) > 0 {
		s.unclosed()
		s.facts.Partial = true
	}
	s.flush(s.pos)
}

// tear notes that the scan is in doubt. The first place in the file counts.
func (s *scanner) tear(line int, text string) {
	if s.facts.Err == nil || line < s.facts.Err.Line {
		s.facts.Err = &SyntaxError{line, text}
	}
}

// unclosed notes that the innermost bracket has no end.
func (s *scanner) unclosed() {
	b := s.open[len(s.open)-1]
	s.tear(b.line, "'"+string(rune(b.byte))+"' was never closed")
}

// skip moves to the next byte that means something to the scanner.
func (s *scanner) skip() {
	src, i := s.src, s.pos
	for i < len(src) && class[src[i]]&stop == 0 {
		i++
	}
	s.pos = i
}

// token moves past the string, bracket, backslash or colon at pos.
func (s *scanner) token() {
	switch c := s.src[s.pos]; c {
	case '"', '\'':
		s.str()
	case '(', '[', '{':
		s.openBracket(c)
		s.pos++
	case ')', ']', '}':
		s.closeBracket(c)
		s.pos++
	case '\\':
		s.pos++
		if s.pos < len(s.src) && (s.src[s.pos] == '\n' || s.src[s.pos] == '\r') {
			s.newline()
			if s.pos == len(s.src) {
				s.tear(s.line, "unexpected end of file after a line continuation")
				s.facts.Partial = true
			}
		}
	default:
		s.pos++
	}
}

// newline moves past the line end at pos.
func (s *scanner) newline() {
	if s.src[s.pos] == '\r' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '\n' {
		s.pos++
	}
	s.pos++
	s.line++
}

func (s *scanner) comment() {
	for s.pos < len(s.src) && s.src[s.pos] != '\n' && s.src[s.pos] != '\r' {
		s.pos++
	}
}

// indent moves past the blanks at the beginning of a line and returns its
// column, as CPython counts it.
func (s *scanner) indent() int {
	column := 0
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ':
			column++
		case '\t':
			column = (column/8 + 1) * 8
		case '\f':
			column = 0
		case '\\':
			if !s.continuation() {
				return column
			}
			continue
		default:
			return column
		}
		s.pos++
	}
	return column
}

// continuation moves past a backslash and line end at pos, if that is what is
// there.
func (s *scanner) continuation() bool {
	if s.pos+1 < len(s.src) && s.src[s.pos] == '\\' && (s.src[s.pos+1] == '\n' || s.src[s.pos+1] == '\r') {
		s.pos++
		s.newline()
		return true
	}
	return false
}

// blanks moves past what separates words within a logical line.
func (s *scanner) blanks() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == ' ' || c == '\t' || c == '\f':
			s.pos++
		case s.continuation():
		default:
			return
		}
	}
}

// blank reports whether nothing but a comment is left of the line, and if so
// moves to the next line.
func (s *scanner) blank() bool {
	s.blanks()
	if s.pos == len(s.src) {
		return true
	}
	switch s.src[s.pos] {
	case '#':
		s.comment()
		if s.pos < len(s.src) {
			s.newline()
		}
		return true
	case '\n', '\r':
		s.newline()
		return true
	}
	return false
}

// wordAt returns the word that begins at i.
func (s *scanner) wordAt(i int) []byte { return firstWord(s.src[i:]) }

// firstWord returns the word that b begins with.
func firstWord(b []byte) []byte {
	n := 0
	for n < len(b) && class[b[n]]&word != 0 {
		n++
	}
	return b[:n]
}

// head looks at the first word of a logical line for what a suite of it would
// be.
func (s *scanner) head() {
	w := s.wordAt(s.pos)
	switch string(w) {
	case "def":
		s.header = InFunction
	case "class":
		s.header = InClass
	case "async":
		at := s.pos
		s.pos += len(w)
		s.blanks()
		s.header = InBlock
		if string(s.wordAt(s.pos)) == "def" {
			s.header = InFunction
		}
		s.pos = at
	case "if":
		s.header = InBlock
		if typingTest(s.src[s.pos+len(w):]) {
			s.header |= InTyping
		}
	case "elif", "else", "for", "while", "with", "try", "except", "finally", "match", "case":
		s.header = InBlock
	case "__all__":
		s.all = s.scope&(InFunction|InClass) == 0
	default:
		s.setting, s.testing = capitals(w), string(w) == "TEST_RUNNER"
	}
}

// typingTest reports whether the test that src begins with is TYPE_CHECKING or
// an attribute of that name, and nothing else.
func typingTest(src []byte) bool {
	src = src[:min(len(src), 200)]
	if !bytes.Contains(src, []byte("TYPE_CHECKING")) {
		return false
	}
	t := tokens{text: src}
	last, parens := "", 0
	for {
		switch t.next() {
		case "(":
			parens++
		case ")":
			parens--
		case ".":
		case ":":
			return last == "TYPE_CHECKING" && parens == 0 && t.next() != "="
		default:
			if !isIdentifier(t.word) || (last != "" && t.text[max(t.prev-1, 0)] != '.') {
				return false
			}
			last = t.word
		}
	}
}

// statement looks whether an import statement begins here.
func (s *scanner) statement() {
	s.blanks()
	at, line := s.pos, s.line
	w := s.wordAt(s.pos)
	if string(w) == "lazy" { // PEP 810
		s.pos += len(w)
		s.blanks()
		if w = s.wordAt(s.pos); len(w) == 0 || s.pos == at+len("lazy") {
			return
		}
	}
	if string(w) == "import" || string(w) == "from" {
		s.start, s.startLine = s.pos, line
		s.pos += len(w)
	}
}

// flush ends the import statement at pos, if there is one.
func (s *scanner) flush(end int) {
	if s.start < 0 {
		return
	}
	text := bytes.TrimSpace(newlines(s.src[s.start:end]))
	if !utf8.Valid(text) {
		text = latin1(text)
	}
	s.candidates = append(s.candidates, candidate{text, s.startLine, s.scope})
	s.start = -1
}

// resumes reports whether the line at pos, within brackets, can only be the
// beginning of a statement, so that some bracket above is missing its end.
func (s *scanner) resumes() bool {
	i := s.pos
	for i < len(s.src) && (s.src[i] == ' ' || s.src[i] == '\t') {
		i++
	}
	if i == len(s.src) {
		return false
	}
	switch s.src[i] {
	case 'i', 'd', 'c', 'f', '@':
	default:
		return false
	}
	w := s.wordAt(i)
	switch string(w) {
	case "import", "def", "class":
		rest := s.wordAt(min(i+len(w)+1, len(s.src)))
		return len(rest) > 0
	case "from":
		text := s.src[i:]
		if end := bytes.IndexAny(text, "\r\n"); end >= 0 {
			text = text[:end]
		}
		return bytes.Contains(text, []byte(" import "))
	}
	return false
}

func (s *scanner) openBracket(c byte) {
	b := bracket{byte: c, use: elements, dict: c == '{', line: s.line}
	if n := len(s.open); n > 0 {
		b.dict, b.runs = b.dict || s.open[n-1].dict, s.open[n-1].runs
	}
	if c != '{' {
		callee, called := s.callee()
		if c == '(' && callee != nil {
			s.call(callee)
		}
		switch {
		case called:
			b.use = other
			b.runs = b.runs || c == '(' && slices.Contains(runners, string(callee))
		case !b.dict && s.inSetting():
			b.use = settings
		}
	}
	s.open = append(s.open, b)
}

// inSetting reports whether the list or tuple at pos, which is in no dict, is
// the value of a name in capitals, by itself or as part of an expression, or is
// given to a call that takes the names of packages.
func (s *scanner) inSetting() bool {
	before := bytes.TrimRight(s.src[:s.pos], " \t")
	if len(before) == 0 {
		return false
	}
	switch before[len(before)-1] {
	case '=':
		before = bytes.TrimRight(before[:len(before)-1], " \t+")
		return s.setting || capitals(before[lastWord(before):])
	case '(':
		before = before[:len(before)-1]
		if string(before[lastWord(before):]) == "autodiscover_tasks" {
			return true
		}
	}
	return s.setting
}

// lastWord returns where the word begins that b ends with.
func lastWord(b []byte) int {
	i := len(b)
	for i > 0 && class[b[i-1]]&word != 0 {
		i--
	}
	return i
}

// capitals reports whether a word is written like a constant.
func capitals(w []byte) bool {
	lower := func(c byte) bool { return c >= 'a' && c <= 'z' }
	return len(w) > 1 && w[0] >= 'A' && w[0] <= 'Z' && !slices.ContainsFunc(w, lower)
}

var closes = [256]byte{')': '(', ']': '[', '}': '{'}

func (s *scanner) closeBracket(c byte) {
	n := len(s.open)
	if n == 0 || s.open[n-1].byte != closes[c] {
		s.tear(s.line, "unmatched '"+string(rune(c))+"'")
		// Of the brackets that are open, the one this closes may be further
		// out.
		for i := n - 1; i >= 0 && i >= n-3; i-- {
			if s.open[i].byte == closes[c] {
				s.open = s.open[:i]
				return
			}
		}
		return
	}
	s.open = s.open[:n-1]
}

// callee looks at what stands before the bracket at pos: called says that the
// bracket belongs to a call or subscript, and name is the last part of what is
// called, nil if that is no name.
func (s *scanner) callee() (name []byte, called bool) {
	before := bytes.TrimRight(s.src[:s.pos], " \t")
	if len(before) == 0 {
		return nil, false
	}
	switch before[len(before)-1] {
	case ')', ']', '}', '"', '\'':
		return nil, true
	}
	if name = before[lastWord(before):]; len(name) == 0 {
		return nil, false
	}
	return name, !slices.Contains(operators, string(name))
}

// operators are the words that an expression can follow.
var operators = []string{"in", "is", "not", "and", "or", "if", "else", "return", "yield", "await", "lambda", "assert", "del", "for", "while", "elif", "from", "import", "print", "with", "raise"}

// prefix returns the prefix of the string whose quote is at pos, in lower
// case, "" if it has none.
func (s *scanner) prefix() string {
	i := s.pos
	for i > 0 && s.pos-i < 3 && class[s.src[i-1]]&word != 0 {
		i--
	}
	if p := string(bytes.ToLower(s.src[i:s.pos])); slices.Contains(prefixes, p) {
		return p
	}
	return ""
}

var prefixes = []string{"r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"}

// str moves past the string whose quote is at pos.
func (s *scanner) str() {
	prefix := s.prefix()
	quote := s.src[s.pos : s.pos+1]
	if rest := s.src[s.pos:]; len(rest) > 2 && rest[1] == rest[0] && rest[2] == rest[0] {
		quote = rest[:3]
	}
	if len(prefix) > 0 && !s.flat && (bytes.ContainsAny([]byte(prefix), "ft")) {
		if s.formatted(quote, bytes.IndexByte([]byte(prefix), 'r') >= 0) {
			return
		}
	}
	begin, line := s.pos+len(quote), s.line
	end := s.plain(quote)
	if len(quote) == 1 && (prefix == "" || prefix == "u" || prefix == "r") && end > begin {
		s.literal(begin, end, line, begin-1-len(prefix))
	}
}

// plain moves past a string without looking into it and returns where its
// content ends.
func (s *scanner) plain(quote []byte) int {
	line := s.line
	s.pos += len(quote)
	if len(quote) == 3 {
		begin := s.pos
		for {
			i := bytes.Index(s.src[s.pos:], quote)
			if i < 0 {
				s.line += countLines(s.src[begin:])
				s.pos = len(s.src)
				s.tear(line, "unterminated triple-quoted string")
				s.facts.Partial = true
				return s.pos
			}
			s.pos += i
			slashes := 0
			for s.pos-slashes > begin && s.src[s.pos-slashes-1] == '\\' {
				slashes++
			}
			if slashes%2 == 0 {
				break
			}
			s.pos++
		}
		end := s.pos
		s.line += countLines(s.src[begin:end])
		s.pos += len(quote)
		return end
	}
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case quote[0]:
			s.pos++
			return s.pos - 1
		case '\\':
			s.pos++
			if s.pos < len(s.src) {
				if c := s.src[s.pos]; c == '\n' || c == '\r' {
					s.newline()
				} else {
					s.pos++
				}
			}
		case '\n', '\r':
			s.tear(line, "unterminated string")
			return s.pos
		default:
			s.pos++
		}
	}
	s.tear(line, "unterminated string")
	s.facts.Partial = true
	return s.pos
}

// countLines returns the number of line ends in b.
func countLines(b []byte) int {
	n := bytes.Count(b, []byte("\n"))
	for rest := b; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			return n
		}
		rest = rest[i+1:]
		if len(rest) == 0 || rest[0] != '\n' {
			n++
		}
	}
}

// formatted moves past an f-string. It reports false, and does not move, if
// that has no end.
func (s *scanner) formatted(quote []byte, raw bool) bool {
	pos, line, open := s.pos, s.line, len(s.open)
	s.nested++
	s.pos += len(quote)
	ok := s.nested < maxNesting && s.format(quote, raw, false)
	s.nested--
	if !ok {
		s.pos, s.line, s.open = pos, line, s.open[:min(open, len(s.open))]
		s.flat = true
		s.tear(line, "unterminated f-string")
	}
	return ok
}

// format moves past the literal text of an f-string and the fields in it, to
// behind the quote, or in the specification of a field to before its brace.
func (s *scanner) format(quote []byte, raw, spec bool) bool {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case quote[0]:
			if bytes.HasPrefix(s.src[s.pos:], quote) {
				if spec {
					return false
				}
				s.pos += len(quote)
				return true
			}
			s.pos++
		case '\\':
			s.pos++
			if s.pos == len(s.src) {
				return false
			}
			switch c := s.src[s.pos]; {
			case c == '\n' || c == '\r':
				s.newline()
			case c == 'N' && !raw && s.pos+1 < len(s.src) && s.src[s.pos+1] == '{':
				i := bytes.IndexByte(s.src[s.pos:], '}')
				if i < 0 {
					return false
				}
				s.pos += i + 1
			case c != '{' && c != '}':
				s.pos++
			}
		case '\n', '\r':
			if len(quote) == 1 {
				return false
			}
			s.newline()
		case '{':
			s.pos++
			if !spec && s.pos < len(s.src) && s.src[s.pos] == '{' {
				s.pos++
				continue
			}
			if !s.field(quote, raw) {
				return false
			}
		case '}':
			if spec {
				return true
			}
			s.pos++
		default:
			s.pos++
		}
	}
	return false
}

// field moves past the expression of an f-string's field, whose brace is
// behind it already, and past its closing brace.
func (s *scanner) field(quote []byte, raw bool) bool {
	base := len(s.open)
	s.nested++
	defer func() { s.nested-- }()
	if s.nested >= maxNesting {
		return false
	}
	for {
		s.skip()
		if s.pos == len(s.src) {
			return false
		}
		c := s.src[s.pos]
		switch {
		case c == '}' && len(s.open) == base:
			s.pos++
			return true
		case c == ':' && len(s.open) == base:
			s.pos++
			if !s.format(quote, raw, true) {
				return false
			}
		case c == '\n' || c == '\r':
			s.newline()
			if s.resumes() {
				return false
			}
		case c == '#':
			s.comment()
		case closes[c] != 0 && (len(s.open) == base || s.open[len(s.open)-1].byte != closes[c]):
			return false
		default:
			s.token()
			if s.flat {
				return false
			}
		}
	}
}
