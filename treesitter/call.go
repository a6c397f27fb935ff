package treesitter

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Modules are also named in expressions: by calls that import, by calls that
// list a package, and by strings. What these say is read here, by hand: they
// are no statements, and most are told apart by one look at their first bytes.

// ref notes a place that names modules, once for each scope it is named in.
func (s *scanner) ref(st *Statement, line int) {
	if s.seen == nil {
		s.seen = make(map[Ref]bool)
	}
	// A string in a function adds nothing to the same string outside.
	key := Ref{st, 0, s.scope & (InFunction | InTyping)}
	if s.seen[key] || s.seen[Ref{Statement: st}] {
		return
	}
	s.seen[key] = true
	s.facts.Refs = append(s.facts.Refs, Ref{st, line, s.scope})
}

// call looks at the call of name, whose bracket is at pos.
func (s *scanner) call(name []byte) {
	switch string(name) {
	case "import_module", "__import__", "import_string", "run_module":
		if !s.defines() {
			s.importCall(string(name))
		}
	case "spec_from_file_location", "run_path":
		// A path that is given as a string is found as one.
		if a := s.arguments(); !s.defines() && !slices.ContainsFunc(a.tokens, token.isPath) {
			s.opaque()
		}
	case "attach":
		s.attachCall()
	case "iter_modules", "walk_packages":
		if !s.defines() {
			s.walkCall(string(name) == "iter_modules")
		}
	}
}

// defines reports whether the bracket at pos belongs to a "def".
func (s *scanner) defines() bool {
	before := bytes.TrimRight(s.src[:s.pos], " \t")
	before = bytes.TrimRight(before[:lastWord(before)], " \t")
	return bytes.HasSuffix(before, []byte("def"))
}

// importCall reads the arguments of a call that imports.
func (s *scanner) importCall(callee string) {
	a := s.arguments()
	first, _ := a.first()
	if callee == "__import__" && s.builtinImport(a) {
		return
	}
	if values, all := s.assigned(first); len(values) > 0 {
		for _, v := range values {
			s.importName(a, v)
		}
		if !all {
			s.opaque()
		}
		return
	}
	s.importName(a, first)
}

// builtinImport reads a call of __import__ with a literal name and what only it
// has: names to import from the module, and a level.
func (s *scanner) builtinImport(a arguments) bool {
	name, ok := readPattern(a.at(0, "name"))
	level := 0
	if l := a.at(4, "level"); len(l) == 1 {
		level, _ = strconv.Atoi(string(l[0].text))
	}
	if !ok || name.open || name.level > 0 || !isModuleName(name.head) && (name.head != "" || level <= 0) {
		return false
	}
	s.ref(intern(Statement{Kind: Call, Level: level, Module: name.head}), s.line)
	for _, t := range a.at(3, "fromlist") {
		if n, ok := t.plain(); ok && isModuleName(n) {
			s.ref(intern(Statement{Kind: Call, Level: level, Module: strings.TrimPrefix(name.head+"."+n, ".")}), s.line)
		}
	}
	return true
}

// importName notes the module that a call with the arguments a imports, whose
// name is the value of an expression.
func (s *scanner) importName(a arguments, expr []token) {
	name, ok := readPattern(expr)
	if !ok || name.head == "" && name.level == 0 {
		s.opaque()
		return
	}
	st := Statement{Kind: Call, Level: name.level, Module: name.head, Tail: name.tail}
	if name.open {
		st.Kind = Prefix
		if parameter, body, ok := s.attribute(expr); ok {
			if strings.Trim(name.head, ".") == "" && name.tail == "" {
				if names, ok := s.lazyNames(body, parameter); ok {
					s.submodules(names)
					return
				}
			}
			st.Flat = true
		}
	}
	if dots := len(name.head) - len(strings.TrimLeft(name.head, ".")); dots > 0 && name.level == 0 {
		st.Level, st.Module = dots, name.head[dots:]
		if pkg, known := a.anchor(); known && pkg != "" {
			st = absolute(st, pkg)
		} else if !known {
			s.opaque()
		}
	}
	if st.Kind == Call && (strings.HasSuffix(st.Module, ".") || st.Module == "" && st.Level == 0) {
		return
	}
	s.ref(intern(st), s.line)
}

// opaque notes that a module whose name is not known is imported here.
func (s *scanner) opaque() {
	if n := len(s.facts.Opaque); n == 0 || s.facts.Opaque[n-1] != s.line {
		s.facts.Opaque = append(s.facts.Opaque, s.line)
	}
}

// assigned returns what may have been assigned to the variable that an argument
// is, if it is one: the values on lines of the function at pos that are above
// it. all is false if it has a value before the first of them, as a parameter
// has. Values that go through other names are not followed.
func (s *scanner) assigned(arg []token) (values [][]token, all bool) {
	if len(arg) != 1 || arg[0].str || class[arg[0].text[0]]&(word|digit) != word || s.scope&InFunction == 0 {
		return nil, false
	}
	name := arg[0].text
	above := s.src[max(0, s.pos-maxAbove):s.pos]
	if i := bytes.LastIndex(above, []byte("def ")); i >= 0 {
		above = above[i:]
	}
	all = true
	for at := 0; ; {
		i := bytes.Index(above[at:], name)
		if i < 0 {
			return values, all
		}
		i += at
		at = i + len(name)
		if i > 0 && class[above[i-1]]&word != 0 || at < len(above) && class[above[at]]&word != 0 {
			continue
		}
		begin := bytes.LastIndexByte(above[:i], '\n') + 1
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(above[at:], " \t"), []byte("="))
		if len(bytes.TrimLeft(above[begin:i], " \t")) > 0 || !ok || bytes.HasPrefix(rest, []byte("=")) {
			all = all && len(values) > 0
			continue
		}
		end := len(rest)
		if n := bytes.IndexByte(rest, '\n'); n >= 0 {
			end = n
		}
		tokens, _ := bracketed(slices.Concat([]byte("("), rest[:end], []byte(")")), maxArguments)
		value, _ := arguments{tokens}.first()
		values = append(values, value)
	}
}

// maxAbove is how far above a call a variable is looked for, in bytes.
const maxAbove = 4 << 10

// attribute reports whether all that is not known of a name is the parameter of
// the module's __getattr__ that the expression is in: the name of an attribute,
// which has no dots. It returns the parameter and the function up to here.
func (s *scanner) attribute(expr []token) (parameter string, body []byte, ok bool) {
	define := []byte("def __getattr__(")
	i := bytes.LastIndex(s.src[:s.pos], define)
	if i < 0 || i > 0 && s.src[i-1] != '\n' {
		return "", nil, false
	}
	body = s.src[i+len(define) : s.pos]
	if bytes.Contains(body, []byte("\ndef ")) || bytes.Contains(body, []byte("\nclass ")) {
		return "", nil, false
	}
	parameter = string(firstWord(body))
	found := 0
	for _, t := range expr {
		switch text := string(t.text); {
		case t.str && strings.ContainsAny(text[:strings.IndexAny(text, `"'`)], "fF"):
			if text = strings.NewReplacer("{"+parameter+"}", "", "{__name__}", "", "{__package__}", "").Replace(text); strings.Contains(text, "{") {
				return "", nil, false
			}
			found++
		case t.str, text == "+", text == "__package__", text == "__name__":
		case text == parameter:
			found++
		default:
			return "", nil, false
		}
	}
	return parameter, body, found == 1
}

// absolute resolves a relative statement against the package pkg.
func absolute(st Statement, pkg string) Statement {
	parts := strings.Split(pkg, ".")
	if st.Level > len(parts) {
		return st
	}
	st.Module = strings.Trim(strings.Join(parts[:len(parts)-st.Level+1], ".")+"."+st.Module, ".")
	if st.Kind == Prefix && strings.HasSuffix(pkg, ".") {
		st.Module += "."
	}
	st.Level = 0
	return st
}

// intern makes equal statements of calls share one value.
func intern(st Statement) *Statement {
	key := string(rune('a'+st.Kind)) + strings.Repeat(".", st.Level) + st.Module + "\x00" + st.Tail
	if st.Flat {
		key += "\x00"
	}
	return recall('c', []byte(key), func([]byte) *Statement { return &st })
}

// arguments are the tokens of a call's arguments, up to its closing bracket.
type arguments struct{ tokens []token }

// token is a word, a string's source with prefix and quotes, or one byte.
type token struct {
	text []byte
	str  bool
}

// plain returns the content of a string that is neither formatted nor bytes; ok
// is false for other tokens.
func (t token) plain() (text string, ok bool) {
	i := bytes.IndexAny(t.text, `"'`)
	if !t.str || bytes.ContainsAny(t.text[:i], "bBfFtT") {
		return "", false
	}
	return string(bytes.Trim(t.text[i:], `"'`)), true
}

const maxArguments = 200 // tokens

// arguments splits the arguments of the call whose bracket is at pos.
func (s *scanner) arguments() arguments {
	all, _ := bracketed(s.src[s.pos:], maxArguments)
	return arguments{all}
}

// bracketed returns the tokens behind the bracket that text begins with, its
// closing bracket the last of them, and no more than most; whole is false if the
// bracket is not closed, or a string in it.
func bracketed(text []byte, most int) (all []token, whole bool) {
	sub := scanner{src: text, pos: 1, start: -1, facts: new(Facts)}
	depth := 1
	for depth > 0 && sub.pos < len(sub.src) && len(all) < most {
		begin, str := sub.pos, false
		switch c := sub.src[begin]; {
		case c <= ' ' || c == '\\':
			sub.pos++
			continue
		case c == '#':
			sub.comment()
			continue
		case class[c]&word != 0:
			sub.pos += len(sub.wordAt(begin))
			if str = sub.pos < len(sub.src) && (sub.src[sub.pos] == '"' || sub.src[sub.pos] == '\'') && sub.prefix() != ""; str {
				sub.str()
			}
		case c == '"' || c == '\'':
			str = true
			sub.str()
		default:
			if c == '(' || c == '[' || c == '{' {
				depth++
			} else if closes[c] != 0 {
				depth--
			}
			sub.pos++
		}
		all = append(all, token{sub.src[begin:sub.pos], str})
	}
	return all, depth == 0 && sub.facts.Err == nil
}

// first returns the tokens of the first argument, and those after its comma.
func (a arguments) first() (first, rest []token) {
	depth := 0
	for i, t := range a.tokens {
		switch {
		case t.str:
		case t.text[0] == '(' || t.text[0] == '[' || t.text[0] == '{':
			depth++
		case closes[t.text[0]] != 0:
			if depth--; depth < 0 {
				return a.tokens[:i], nil
			}
		case t.text[0] == ',' && depth == 0:
			return a.tokens[:i], a.tokens[i+1:]
		}
	}
	return a.tokens, nil
}

// at returns the tokens of the argument at a position or with a keyword; nil if
// it is not given.
func (a arguments) at(position int, keyword string) []token {
	for i := 0; len(a.tokens) > 0; i++ {
		arg, rest := a.first()
		switch named := len(arg) > 1 && !arg[0].str && !arg[1].str && string(arg[1].text) == "="; {
		case named && string(arg[0].text) == keyword:
			return arg[2:]
		case !named && i == position:
			return arg
		}
		a = arguments{rest}
	}
	return nil
}

// pattern is what is known of a computed name: head, then if open anything,
// then tail. With a level it is relative to the file's package.
type pattern struct {
	level      int
	head, tail string
	open       bool
}

func (p *pattern) literal(text string) {
	if p.open {
		p.tail += text
	} else {
		p.head += text
	}
}

func (p *pattern) unknown() { p.open, p.tail = true, "" }

// readPattern reads an expression: strings, f-strings and names that are added,
// or a string that is formatted.
func readPattern(args []token) (p pattern, ok bool) {
	if len(args) > 2 && string(args[0].text) == "name" && string(args[1].text) == "=" {
		args = args[2:]
	}
	operand := true // the next token begins an operand
	for i := 0; i < len(args); i++ {
		t := args[i]
		switch {
		case t.str:
			p.add(t.text)
			operand = false
		case t.text[0] == '+':
			operand = true
		case t.text[0] == '%' && i > 0 && args[i-1].str:
			return p.formatted("%"), true
		case t.text[0] == '.' && i > 0 && args[i-1].str && i+1 < len(args) && string(args[i+1].text) == "format":
			return p.formatted("{"), true
		case operand && i == 0 && ownPackage(args):
			p.level, operand = 1, false
		case operand:
			// Some expression: on to the next "+" outside brackets.
			p.unknown()
			operand = false
			for depth := 0; i < len(args); i++ {
				if t := args[i]; !t.str {
					if t.text[0] == '(' || t.text[0] == '[' || t.text[0] == '{' {
						depth++
					} else if closes[t.text[0]] != 0 {
						depth--
					} else if depth == 0 && t.text[0] == '+' {
						operand = true
						break
					}
				}
			}
		default:
			p.unknown()
			p.head = "" // some other operator: nothing is known
			return p, false
		}
	}
	if p.level > 0 {
		p.head = strings.TrimPrefix(p.head, ".")
	}
	return p, len(args) > 0
}

// ownPackage reports whether an expression begins with the name of the file's
// own package, alone or added to something.
func ownPackage(args []token) bool {
	n := string(args[0].text)
	return (n == "__package__" || n == "__name__") && (len(args) == 1 || args[1].text[0] == '+')
}

// formatted returns the pattern of a format string whose fields begin with
// mark.
func (p pattern) formatted(mark string) pattern {
	text := p.head
	p.head, _, p.open = strings.Cut(text, mark)
	if i := strings.LastIndex(text, mark); p.open && i >= 0 {
		p.tail = text[i+1:]
		if mark == "{" {
			_, p.tail, _ = strings.Cut(p.tail, "}")
		} else {
			p.tail = p.tail[min(1, len(p.tail)):]
		}
	}
	return p
}

// add appends a string or f-string, given as it stands in the source.
func (p *pattern) add(src []byte) {
	i := bytes.IndexAny(src, `"'`)
	prefix := strings.ToLower(string(src[:i]))
	src = src[i:]
	quotes := 1
	if len(src) >= 6 && src[1] == src[0] && src[2] == src[0] {
		quotes = 3
	}
	if len(src) < 2*quotes {
		p.unknown()
		return
	}
	text := string(src[quotes : len(src)-quotes])
	if !strings.Contains(prefix, "f") {
		p.literal(text)
		return
	}
	for {
		literal, field, found := strings.Cut(text, "{")
		p.literal(literal)
		if !found {
			return
		}
		// Nested fields end at the last brace; they are rare and opaque.
		name, rest, _ := strings.Cut(field, "}")
		if (name == "__package__" || name == "__name__") && p.head == "" && !p.open && p.level == 0 {
			p.level = 1
		} else {
			p.unknown()
		}
		text = rest
	}
}

// anchor returns the package that a relative name is relative to, "" for the
// file's own; known is false if it cannot be told.
func (a arguments) anchor() (pkg string, known bool) {
	_, rest := a.first()
	arg, _ := arguments{rest}.first()
	if len(arg) > 2 && string(arg[0].text) == "package" && string(arg[1].text) == "=" {
		arg = arg[2:]
	}
	if len(arg) == 0 {
		return "", true
	}
	if len(arg) == 1 && arg[0].str {
		p, _ := readPattern(arg)
		return p.head, !p.open
	}
	n := string(arg[0].text)
	return "", len(arg) == 1 && (n == "__package__" || n == "__name__") || n == "__spec__"
}

// walk is a call that lists the modules of a package, which is given by an
// expression whose names the file's imports explain.
type walk struct {
	expr  string // "" for the file's own package
	flat  bool   // it does not list packages in the package
	line  int
	scope Scope
}

// walkCall reads the arguments of a call that lists a package.
func (s *scanner) walkCall(flat bool) {
	a := s.arguments()
	args, _ := a.first()
	for i, t := range args {
		switch string(t.text) {
		case "__file__", "__package__", "__name__":
			s.walked = append(s.walked, walk{"", flat, s.line, s.scope})
			return
		case "__path__":
			expr := ""
			for j := i - 1; j > 0 && string(args[j].text) == "."; j -= 2 {
				expr = string(args[j-1].text) + "." + expr
			}
			s.walked = append(s.walked, walk{strings.TrimSuffix(expr, "."), flat, s.line, s.scope})
			return
		}
	}
	s.facts.Opaque = append(s.facts.Opaque, s.line)
}

// walks explains the calls that list packages by the names that refs bind.
func (s *scanner) walks(refs []Ref) []Ref {
	var all []Ref
	for _, w := range s.walked {
		st := Statement{Kind: Walk, Level: 1}
		if w.expr != "" {
			name, rest, _ := strings.Cut(w.expr, ".")
			var ok bool
			if st, ok = bound(refs, name); !ok {
				s.facts.Opaque = append(s.facts.Opaque, w.line)
				continue
			}
			st.Module = strings.Trim(st.Module+"."+rest, ".")
		}
		st.Flat = w.flat
		all = append(all, Ref{intern(st), w.line, w.scope})
	}
	slices.Sort(s.facts.Opaque)
	return all
}

// bound returns a Walk of the module that an import binds to name.
func bound(refs []Ref, name string) (Statement, bool) {
	for _, r := range refs {
		for _, n := range r.Names {
			top, _, _ := strings.Cut(n.Name, ".")
			switch {
			case r.Kind == Import && n.As == name:
				return Statement{Kind: Walk, Module: n.Name}, true
			case r.Kind == Import && n.As == "" && top == name:
				return Statement{Kind: Walk, Module: name}, true
			case r.Kind == From && (n.As == name || n.As == "" && n.Name == name):
				return Statement{Kind: Walk, Level: r.Level, Module: strings.Trim(r.Module+"."+n.Name, ".")}, true
			}
		}
	}
	return Statement{}, false
}

// maxName is the longest string taken for the name of a module.
const maxName = 200

// literal looks at a string with the content src[begin:end], whose prefix or
// quote is at from: it may name a module.
func (s *scanner) literal(begin, end, line, from int) {
	text := s.src[begin:end]
	if len(text) > maxName {
		return
	}
	if s.all {
		s.facts.All = append(s.facts.All, identifier(text))
		return
	}
	if bytes.HasSuffix(text, []byte(".py")) {
		s.scriptPath(text, line)
		return
	}
	if text[0] == '.' {
		s.relative(text, line, from, end+1)
		return
	}
	if class[text[0]]&(word|digit) != word {
		return
	}
	dots, begun := 0, false // begun: within a word
	for i, c := range text {
		switch {
		case class[c]&digit != 0 && !begun:
			return
		case class[c]&word != 0:
			begun = true
		case (c == '.' || c == ':' && i > 0) && begun:
			dots, begun = dots+1, false
		default:
			return
		}
	}
	if s.scope&InTyping != 0 || s.testing {
		return
	}
	if !begun {
		n := len(s.open)
		if dots > 1 && n > 0 && s.open[n-1].use != other && bytes.IndexByte(text, ':') < 0 && s.element(from, end+1) {
			s.heads = append(s.heads, Ref{intern(Statement{Kind: Prefix, Module: string(text)}), line, s.scope})
		}
		return
	}
	kind := String
	alone := false // an element by itself, so that one word may be a name
	if n := len(s.open); n > 0 {
		switch {
		case s.open[n-1].use == other:
			alone = s.argumentOf(from, "scan") || s.setting && s.argumentOf(from, "append")
			if alone {
				kind = Package
			}
		case s.element(from, end+1):
			alone = true
			if s.open[n-1].use == settings {
				kind = Package
			}
		}
	}
	if dots == 0 && !alone || s.argumentOf(from, "getLogger", "get_logger") {
		return
	}
	if bytes.IndexByte(text, ':') >= 0 {
		text = bytes.ReplaceAll(text, []byte(":"), []byte("."))
	}
	s.ref(mention(kind, text), line)
}

// runners are what is called to run a file: in this process, from its text, or in
// a process of its own.
var runners = []string{
	"run_path", "spec_from_file_location", "SourceFileLoader", "open", "Popen", "run", "call", "check_call", "check_output",
	"create_subprocess_exec",
}

// scriptPath notes a string that is the path of a Python file, among the
// arguments of what may run it.
func (s *scanner) scriptPath(text []byte, line int) {
	if n := len(s.open); n == 0 || !s.open[n-1].runs || s.scope&InTyping != 0 {
		return
	}
	for _, c := range text {
		if class[c]&word == 0 && strings.IndexByte("/.-", c) < 0 {
			return
		}
	}
	s.ref(mention(Path, text), line)
}

// isPath reports whether a token is a string that scriptPath may take.
func (t token) isPath() bool {
	return t.str && bytes.HasSuffix(bytes.TrimRight(t.text, `"'`), []byte(".py"))
}

// relative notes a string such as ".models" in a list, tuple or dict: the name of
// a module next to this one, if anything here imports by computed names.
func (s *scanner) relative(text []byte, line, from, to int) {
	name := bytes.TrimLeft(text, ".")
	if n := len(s.open); n == 0 || s.open[n-1].use == other || s.scope&InTyping != 0 || len(name) == 0 || !isModuleName(string(name)) {
		return
	}
	if fileName(string(name)) || !s.between(from, to, "[({,:", "])},:#") {
		return
	}
	s.heads = append(s.heads, Ref{intern(Statement{Kind: Call, Level: len(text) - len(name), Module: identifier(name)}), line, s.scope})
}

// element reports whether the string src[from:to], in a bracket, is by itself an
// element of a list, tuple or set.
func (s *scanner) element(from, to int) bool { return s.between(from, to, "[({,", "])},#") }

// between reports whether the string src[from:to] stands between one of the
// bytes of left and one of right, blanks and comments aside.
func (s *scanner) between(from, to int, left, right string) bool {
	i := from - 1
	for i >= 0 && s.src[i] <= ' ' {
		if s.src[i] == '\n' {
			i = s.beforeComment(i)
			continue
		}
		i--
	}
	if i < 0 || strings.IndexByte(left, s.src[i]) < 0 {
		return false
	}
	for to < len(s.src) && s.src[to] <= ' ' {
		to++
	}
	return to < len(s.src) && strings.IndexByte(right, s.src[to]) >= 0
}

// beforeComment returns the position before the comment, if any, that ends at
// the newline at i.
func (s *scanner) beforeComment(i int) int {
	begin := bytes.LastIndexByte(s.src[:i], '\n') + 1
	if j := bytes.IndexByte(s.src[begin:i], '#'); j >= 0 {
		return begin + j - 1
	}
	return i - 1
}

// argumentOf reports whether the string at from is the first argument in a
// call of one of names.
func (s *scanner) argumentOf(from int, names ...string) bool {
	before := bytes.TrimRight(s.src[max(0, from-64):from], " \t\r\n")
	before, ok := bytes.CutSuffix(before, []byte("("))
	if !ok {
		return false
	}
	for _, n := range names {
		if bytes.HasSuffix(before, []byte(n)) {
			return true
		}
	}
	return false
}
