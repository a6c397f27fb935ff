package treesitter

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Kind says how a file names another, or how an [Edge] came about.
type Kind uint8

// Kinds, strongest first: of several edges between two files the strongest is
// kept.
const (
	Import  Kind = iota + 1 // import a.b
	From                    // from a import b
	Star                    // from a import *
	Call                    // import_module("a.b"), __import__, import_string
	Parent                  // a package above an imported module
	Walk                    // pkgutil.iter_modules over a package: all in it; walk_packages: all below it
	Prefix                  // import_module(f"a.{x}"): all that fits
	Package                 // a string in a setting that names a package: all below it but tests
	String                  // a string that names a module
	Path                    // a string that is the path of a Python file
	Typing                  // an import under "if TYPE_CHECKING"
)

var kinds = [...]string{"", "import", "from", "star", "call", "parent", "walk", "prefix", "package", "string", "path", "typing"}

func (k Kind) String() string { return kinds[min(int(k), len(kinds)-1)] }

// Scope is a set of circumstances in which a [Ref] stands.
type Scope uint8

const (
	InFunction Scope = 1 << iota
	InClass
	InBlock  // if, for, while, try, with, match
	InTyping // if TYPE_CHECKING
)

// Facts are what the bytes of one file say. They are read-only, and nothing in
// them keeps the source alive.
type Facts struct {
	// Refs are the statements, calls and strings that name modules, by line.
	Refs []Ref
	// All has the strings of a literal __all__.
	All []string
	// Opaque has the lines of calls that import a module whose name is not
	// known before run time; line 0 stands for what is too large to read.
	Opaque []int
	// Err is set when a string, bracket or import statement made no sense, so
	// that imports may be missing. A [Graph] then adds those of the file's
	// last version that did make sense. [Check] finds more errors than this.
	Err *SyntaxError
	// Partial says that the file does not lex to its end, in an open string or
	// bracket, or holds NUL bytes: it looks half-written. Err is set as well.
	Partial bool
}

// Ref is a place in a file that names modules.
type Ref struct {
	*Statement
	Line  int
	Scope Scope
}

// Statement is what the text of a [Ref] means. Equal texts share one, so it is
// read-only.
type Statement struct {
	Kind Kind
	// Level is the number of leading dots, 0 for an absolute name.
	Level int
	// Module is the dotted name behind "from", or of a call or string. Of a
	// Prefix it is the literal beginning of the name, and Tail its literal end.
	Module, Tail string
	// Flat says of a Walk or Prefix that what is not known of the name is one
	// part of it, without dots.
	Flat bool
	// Names are the modules of an Import and the names of a From.
	Names []Name
}

// modules returns the names of the modules that an import loads before it looks
// for names in them.
func (st *Statement) modules() []string {
	if st.Kind != Import {
		return []string{st.Module}
	}
	all := make([]string, len(st.Names))
	for i, n := range st.Names {
		all[i] = n.Name
	}
	return all
}

// Name is an imported name; As is "" where it is bound under its own.
type Name struct{ Name, As string }

// SyntaxError says where a file seems not to be Python 3. It is a suspicion:
// syntax newer than the grammar raises it too, so an interpreter confirms it.
type SyntaxError struct {
	Line int
	Text string
}

func (e *SyntaxError) Error() string { return e.Text }

// maxScan is how many bytes of a file are read. What comes after is opaque.
const maxScan = 8 << 20

// Extract returns the facts of a Python file. It takes any bytes, never fails,
// and runs on any goroutine; it reads some 300 MB/s and parses no more than
// the statements it has not met before.
func Extract(src []byte) *Facts {
	f := new(Facts)
	if len(src) > maxScan {
		src = src[:maxScan]
		src = src[:bytes.LastIndexAny(src, "\r\n")+1]
		f.Opaque = append(f.Opaque, 0)
	}
	if bytes.IndexByte(src, 0) >= 0 {
		f.Partial, f.Err = true, nullBytes(src)
		return f
	}
	src = plain(src)
	room := rooms.Get().(*scanRoom)
	defer rooms.Put(room)
	f.Refs = room.refs[:0]
	s := scanner{src: src, facts: f, candidates: room.candidates[:0], blocks: room.blocks[:0], open: room.open[:0]}
	s.file()
	for _, c := range s.candidates {
		st := meaning(c.text)
		if st == nil {
			s.tear(c.line, "invalid import statement")
			if st = parseStatement(c.text); st == nil {
				continue
			}
		}
		f.Refs = append(f.Refs, Ref{st, c.line, c.scope})
	}
	if f.Err != nil {
		addSurvey(f, src)
	}
	f.Refs = append(f.Refs, s.walks(f.Refs)...)
	if len(f.Opaque) > 0 {
		f.Refs = append(f.Refs, s.heads...)
	}
	slices.SortStableFunc(f.Refs, func(a, b Ref) int { return cmp.Compare(a.Line, b.Line) })
	clear(s.candidates) // they hold on to src
	*room = scanRoom{s.candidates, f.Refs, s.blocks, s.open}
	f.Refs = append([]Ref(nil), f.Refs...)
	return f
}

// scanRoom is what one scan leaves for the next to write to.
type scanRoom struct {
	candidates []candidate
	refs       []Ref
	blocks     []block
	open       []bracket
}

var rooms = sync.Pool{New: func() any { return new(scanRoom) }}

// addSurvey adds the statements that tree-sitter, which recovers in its own
// way, finds in the whole of a file that the scan lost its way in.
func addSurvey(f *Facts, src []byte) {
	src = newlines(src)
	have := make(map[int]bool, len(f.Refs))
	for _, r := range f.Refs {
		if r.Kind <= Star {
			have[r.Line] = true
		}
	}
	for _, at := range survey(src) {
		if have[at.line] {
			continue
		}
		if st := meaning(src[at.start:at.end]); st != nil {
			f.Refs = append(f.Refs, Ref{Statement: st, Line: at.line})
		}
	}
}

// Check parses the whole file with tree-sitter, at 5 MB/s, and returns the
// first place that seems not to be Python 3: an error, or syntax that only
// Python 2 has. It returns nil for files above 1 MiB.
func Check(src []byte) *SyntaxError {
	if bytes.IndexByte(src, 0) >= 0 {
		return nullBytes(src)
	}
	if name := encodingOf(src); (name == "" || strings.HasPrefix(name, "utf")) && !utf8.Valid(src) {
		return notUTF8(src)
	}
	return inspect(newlines(bytes.TrimPrefix(plain(src), bom)))
}

var bom = []byte("\ufeff")

// newlines returns src with its CRLF and CR line ends as LF.
func newlines(src []byte) []byte {
	if bytes.IndexByte(src, '\r') < 0 {
		return src
	}
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(src, []byte("\r"), []byte("\n"))
}

// notUTF8 says where a source is no UTF-8.
func notUTF8(src []byte) *SyntaxError {
	at := 0
	for at < len(src) {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return &SyntaxError{Line: 1 + countLines(src[:at]), Text: "source code is not UTF-8, and names no other encoding"}
}

func nullBytes(src []byte) *SyntaxError {
	before := src[:bytes.IndexByte(src, 0)]
	return &SyntaxError{Line: 1 + countLines(before), Text: "source code cannot contain null bytes"}
}

// identifier returns a dotted name as Python knows it: without blanks and
// continuations, and in NFKC.
func identifier(b []byte) string {
	ascii := true
	for _, c := range b {
		if c <= ' ' || c == '\\' {
			b = slices.DeleteFunc(slices.Clone(b), func(c byte) bool { return c <= ' ' || c == '\\' })
			break
		}
	}
	for _, c := range b {
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return string(b)
	}
	if !utf8.Valid(b) {
		b = latin1(b)
	}
	return norm.NFKC.String(string(b))
}

// latin1 returns text that is no UTF-8 as if it were Latin-1, the one other
// encoding that sources are likely to be in.
func latin1(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}
