//go:build cgo

package treesitter

// This file alone knows tree-sitter. It calls the C library that
// smacker/go-tree-sitter and its python package link in, not their Go API:
// that one allocates a Go object per node (a parse of 100 kB touches 20,000),
// leaves trees in the C heap until a finalizer runs, hands C a pointer to Go
// memory to keep, and can carry a cancelled parse over into the next document.
// Here a parser is used by one goroutine at a time and reset before each use,
// every tree is freed before the call returns, and only numbers come back.
//
// The declarations below are those of tree-sitter 0.22's api.h, which a Go
// module cannot include across module borders. go.mod pins the version;
// TestStatements fails if they stop fitting.

/*
#cgo linux LDFLAGS: -Wl,--unresolved-symbols=ignore-all
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct TSLanguage TSLanguage;
typedef struct TSParser TSParser;
typedef struct TSTree TSTree;
typedef struct { uint32_t row, column; } TSPoint;
typedef struct { uint32_t context[4]; const void *id; const TSTree *tree; } TSNode;
typedef struct { const void *tree, *id; uint32_t context[3]; } TSTreeCursor;

const TSLanguage *tree_sitter_python(void);
TSParser *ts_parser_new(void);
void ts_parser_delete(TSParser *);
bool ts_parser_set_language(TSParser *, const TSLanguage *);
void ts_parser_reset(TSParser *);
void ts_parser_set_timeout_micros(TSParser *, uint64_t);
TSTree *ts_parser_parse_string(TSParser *, const TSTree *, const char *, uint32_t);
void ts_tree_delete(TSTree *);
TSNode ts_tree_root_node(const TSTree *);
const char *ts_node_type(TSNode);
uint32_t ts_node_start_byte(TSNode);
uint32_t ts_node_end_byte(TSNode);
TSPoint ts_node_start_point(TSNode);
TSPoint ts_node_end_point(TSNode);
TSNode ts_node_prev_sibling(TSNode);
bool ts_node_is_null(TSNode);
bool ts_node_is_named(TSNode);
bool ts_node_is_missing(TSNode);
bool ts_node_is_error(TSNode);
bool ts_node_has_error(TSNode);
uint32_t ts_node_named_child_count(TSNode);
TSNode ts_node_named_child(TSNode, uint32_t);
TSNode ts_node_child_by_field_name(TSNode, const char *, uint32_t);
uint32_t ts_node_child_count(TSNode);
TSNode ts_node_child(TSNode, uint32_t);
TSTreeCursor ts_tree_cursor_new(TSNode);
void ts_tree_cursor_delete(TSTreeCursor *);
TSNode ts_tree_cursor_current_node(const TSTreeCursor *);
bool ts_tree_cursor_goto_first_child(TSTreeCursor *);
bool ts_tree_cursor_goto_next_sibling(TSTreeCursor *);
bool ts_tree_cursor_goto_parent(TSTreeCursor *);
typedef uint16_t TSSymbol;
typedef enum { TSSymbolTypeRegular, TSSymbolTypeAnonymous, TSSymbolTypeAuxiliary } TSSymbolType;
uint32_t ts_language_symbol_count(const TSLanguage *);
const char *ts_language_symbol_name(const TSLanguage *, TSSymbol);
TSSymbolType ts_language_symbol_type(const TSLanguage *, TSSymbol);

// What a number triple (tag, start, end) of a statement says.
enum { TAG_IMPORT = 1, TAG_FROM, TAG_FUTURE, TAG_STAR, TAG_DOTS, TAG_MODULE, TAG_NAME, TAG_AS };

// The parse of a file is given up after this long. Python of the largest size
// that is parsed takes a tenth of it; what takes so long is no Python.
#define TIMEOUT_MICROS 2000000

static bool is(TSNode n, const char *type) { return strcmp(ts_node_type(n), type) == 0; }

static TSParser *parser_new(void) {
	TSParser *p = ts_parser_new();
	if (p && !ts_parser_set_language(p, tree_sitter_python())) {
		ts_parser_delete(p);
		return NULL;
	}
	if (p) ts_parser_set_timeout_micros(p, TIMEOUT_MICROS);
	return p;
}

static TSTree *parsed(TSParser *p, const char *text, uint32_t n) {
	ts_parser_reset(p);
	TSTree *t = ts_parser_parse_string(p, NULL, text, n);
	if (!t) ts_parser_reset(p);
	return t;
}

typedef struct { uint32_t *out, n, cap; } sink;

static void put(sink *s, uint32_t tag, TSNode at) {
	if (s->n + 3 <= s->cap) {
		s->out[s->n] = tag;
		s->out[s->n + 1] = ts_node_start_byte(at);
		s->out[s->n + 2] = ts_node_end_byte(at);
	}
	s->n += 3;
}

// statement reads text, which is to be one import statement and nothing else,
// and writes what it says as triples. It returns how many numbers that takes,
// more than cap if they did not fit, 0 if text is anything else.
static uint32_t statement(TSParser *p, const char *text, uint32_t n, uint32_t *out, uint32_t cap) {
	TSTree *t = parsed(p, text, n);
	if (!t) return 0;
	sink s = {out, 0, cap};
	TSNode root = ts_tree_root_node(t), node = root;
	uint32_t found = 0, kids = ts_node_named_child_count(root);
	for (uint32_t i = 0; i < kids; i++) {
		TSNode k = ts_node_named_child(root, i);
		if (is(k, "comment")) continue;
		node = k;
		found++;
	}
	if (found != 1 || ts_node_has_error(root)) goto done;
	if (is(node, "import_statement")) put(&s, TAG_IMPORT, node);
	else if (is(node, "import_from_statement")) put(&s, TAG_FROM, node);
	else if (is(node, "future_import_statement")) put(&s, TAG_FUTURE, node);
	else goto done;
	bool module = is(node, "import_from_statement"); // its first name is the module
	kids = ts_node_named_child_count(node);
	for (uint32_t i = 0; i < kids; i++) {
		TSNode k = ts_node_named_child(node, i);
		if (is(k, "dotted_name")) {
			put(&s, module ? TAG_MODULE : TAG_NAME, k);
			module = false;
		} else if (is(k, "aliased_import")) {
			// By field: a line continuation is a child too.
			put(&s, TAG_NAME, ts_node_child_by_field_name(k, "name", 4));
			put(&s, TAG_AS, ts_node_child_by_field_name(k, "alias", 5));
		} else if (is(k, "wildcard_import")) {
			put(&s, TAG_STAR, k);
		} else if (is(k, "relative_import")) {
			for (uint32_t j = 0; j < ts_node_named_child_count(k); j++) {
				TSNode r = ts_node_named_child(k, j);
				if (is(r, "import_prefix")) put(&s, TAG_DOTS, r);
				else if (is(r, "dotted_name")) put(&s, TAG_MODULE, r);
			}
			module = false;
		}
	}
done:
	ts_tree_delete(t);
	return s.n;
}

static bool expression(TSNode n) {
	return is(n, "expression_statement") || is(n, "decorator") || is(n, "parameters") ||
		is(n, "argument_list") || is(n, "string") || is(n, "call");
}

// statements finds the import statements of a whole file, which may be broken,
// and writes (row, start, end) for each. It returns as statement does.
static uint32_t statements(TSParser *p, const char *text, uint32_t n, uint32_t *out, uint32_t cap) {
	TSTree *t = parsed(p, text, n);
	if (!t) return 0;
	sink s = {out, 0, cap};
	TSTreeCursor c = ts_tree_cursor_new(ts_tree_root_node(t));
	for (;;) {
		TSNode k = ts_tree_cursor_current_node(&c);
		bool found = is(k, "import_statement") || is(k, "import_from_statement") || is(k, "future_import_statement");
		if (found) put(&s, ts_node_start_point(k).row, k);
		bool down = !found && ts_node_is_named(k) && (ts_node_has_error(k) || !expression(k));
		if (down && ts_tree_cursor_goto_first_child(&c)) continue;
		while (!ts_tree_cursor_goto_next_sibling(&c))
			if (!ts_tree_cursor_goto_parent(&c)) goto done;
	}
done:
	ts_tree_cursor_delete(&c);
	ts_tree_delete(t);
	return s.n;
}

enum { FINE, ERROR, MISSING, PYTHON2, NO_BLOCK, INDENT, KEYWORD, GAVE_UP };

static bool has_child(TSNode k, const char *type) {
	for (uint32_t i = 0; i < ts_node_child_count(k); i++)
		if (is(ts_node_child(k, i), type)) return true;
	return false;
}

static bool keyword(const char *word, uint32_t n) {
	static const char *const all[] = {"and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
		"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
		"not", "or", "pass", "raise", "return", "try", "while", "with", "yield"};
	if (n < 2 || n > 8) return false;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i][0] == word[0] && strlen(all[i]) == n && memcmp(all[i], word, n) == 0) return true;
	return false;
}

// suite looks at a block or module: it must have statements, and those that
// begin a line must be indented alike. The grammar takes less, to recover.
static int suite(TSNode k, bool module, TSNode *at) {
	uint32_t row = ts_node_start_point(k).row, column = 0;
	bool any = module, known = module;
	uint32_t kids = ts_node_named_child_count(k);
	if (!module && kids > 0) {
		// A statement behind its header's colon says nothing of columns.
		TSNode before = ts_node_prev_sibling(k);
		if (!ts_node_is_null(before)) row = ts_node_end_point(before).row;
	} else {
		row = UINT32_MAX;
	}
	TSTreeCursor c = ts_tree_cursor_new(k);
	int what = FINE;
	if (ts_tree_cursor_goto_first_child(&c)) do {
		TSNode s = ts_tree_cursor_current_node(&c);
		if (!ts_node_is_named(s) || is(s, "comment") || is(s, "line_continuation")) continue;
		any = true;
		TSPoint start = ts_node_start_point(s);
		if (start.row != row) {
			if (!known) column = start.column;
			else if (start.column != column) {
				*at = s;
				what = INDENT;
				break;
			}
			known = true;
		}
		row = ts_node_end_point(s).row;
	} while (ts_tree_cursor_goto_next_sibling(&c));
	ts_tree_cursor_delete(&c);
	if (!any) {
		*at = k;
		return NO_BLOCK;
	}
	return what;
}

// doubt says what is wrong with a node that the grammar takes and Python 3 does
// not; at is where.
static int doubt(TSNode k, const char *text, TSNode *at) {
	const char *type = ts_node_type(k);
	uint32_t start = ts_node_start_byte(k), end = ts_node_end_byte(k);
	*at = k;
	switch (type[0]) {
	case 'b': return strcmp(type, "block") == 0 ? suite(k, false, at) : FINE;
	case 'm': return strcmp(type, "module") == 0 ? suite(k, true, at) : FINE;
	case 'p': return strcmp(type, "print_statement") == 0 ? PYTHON2 : FINE;
	case 'e':
		if (strcmp(type, "exec_statement") == 0) return PYTHON2;
		return strcmp(type, "except_clause") == 0 && has_child(k, ",") ? PYTHON2 : FINE;
	case 'r': return strcmp(type, "raise_statement") == 0 && has_child(k, "expression_list") ? PYTHON2 : FINE;
	case 'c': return strcmp(type, "chevron") == 0 ? PYTHON2 : FINE;
	case '<': return strcmp(type, "<>") == 0 ? PYTHON2 : FINE;
	case 's':
		if (strcmp(type, "string_start") != 0) return FINE;
		return text[start] == '`' || (end - start > 2 && (text[start] | 32) == 'u' && (text[start + 1] | 32) == 'r') ? PYTHON2 : FINE;
	case 'i':
		if (strcmp(type, "identifier") == 0) return keyword(text + start, end - start) ? KEYWORD : FINE;
		if (strcmp(type, "integer") != 0) return FINE;
		if ((text[end - 1] | 32) == 'l') return PYTHON2;
		if (text[start] != '0' || end - start < 2 || text[start + 1] < '0' || text[start + 1] > '9') return FINE;
		for (uint32_t i = start; i < end; i++)
			if (text[i] > '0' && text[i] <= '9') return PYTHON2;
	}
	return FINE;
}

// check looks for the first place that is no Python 3, and writes its row and
// byte range.
static int check(TSParser *p, const char *text, uint32_t n, uint32_t *out) {
	TSTree *t = parsed(p, text, n);
	if (!t) return GAVE_UP;
	TSNode root = ts_tree_root_node(t);
	int what = FINE;
	bool broken = ts_node_has_error(root);
	TSTreeCursor c = ts_tree_cursor_new(root);
	for (;;) {
		TSNode k = ts_tree_cursor_current_node(&c), at = k;
		if (ts_node_is_error(k)) what = ERROR;
		else if (ts_node_is_missing(k)) what = MISSING;
		else if (!broken) what = doubt(k, text, &at);
		if (what != FINE) {
			out[0] = ts_node_start_point(at).row;
			out[1] = ts_node_start_byte(at);
			out[2] = ts_node_end_byte(at);
			break;
		}
		if ((!broken || ts_node_has_error(k)) && ts_tree_cursor_goto_first_child(&c)) continue;
		while (!ts_tree_cursor_goto_next_sibling(&c))
			if (!ts_tree_cursor_goto_parent(&c)) goto done;
	}
done:
	ts_tree_cursor_delete(&c);
	ts_tree_delete(t);
	return what;
}
*/
import "C"

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	// Linked in for their C code.
	_ "github.com/smacker/go-tree-sitter"
	_ "github.com/smacker/go-tree-sitter/python"
)

// A whole file is given to tree-sitter up to these sizes: it reads 4 to 6 MB/s
// of good Python, one tenth of that where little makes sense, and keeps 28
// bytes a source byte while at it.
const (
	maxParse  = 1 << 20
	maxSurvey = 1 << 18
)

// parsers holds idle parsers. One that does not fit in is freed.
var parsers = make(chan *C.TSParser, runtime.NumCPU())

func acquire() *C.TSParser {
	select {
	case p := <-parsers:
		return p
	default:
		return C.parser_new()
	}
}

func release(p *C.TSParser) {
	select {
	case parsers <- p:
	default:
		C.ts_parser_delete(p)
	}
}

// fill calls f with a buffer until one is large enough for what f writes.
func fill(f func(out []uint32) int) []uint32 {
	out := make([]uint32, 192)
	for {
		n := f(out)
		if n <= len(out) {
			return out[:n]
		}
		out = make([]uint32, n)
	}
}

func chars(text []byte) (*C.char, C.uint32_t) {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.uint32_t(len(text))
}

func numbers(out []uint32) *C.uint32_t {
	return (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(out)))
}

// parse returns what one import statement says, as number triples; nothing if
// text is anything else.
func parse(text []byte) []uint32 {
	p := acquire()
	if p == nil {
		return nil
	}
	defer release(p)
	return fill(func(out []uint32) int {
		c, n := chars(text)
		return int(C.statement(p, c, n, numbers(out), C.uint32_t(len(out))))
	})
}

// statement makes a statement of what parse says of text; nil of nothing. Names
// are as name returns them.
func statement(says []uint32, text []byte, name func(start, end int) []byte) *Statement {
	if len(says) == 0 {
		return nil
	}
	st := new(Statement)
	for ; len(says) > 0; says = says[3:] {
		start, end := int(says[1]), int(says[2])
		switch says[0] {
		case C.TAG_IMPORT:
			st.Kind = Import
		case C.TAG_FROM:
			st.Kind = From
		case C.TAG_FUTURE:
			st.Kind, st.Module = From, "__future__"
		case C.TAG_STAR:
			st.Kind = Star
		case C.TAG_DOTS:
			st.Level = bytes.Count(text[start:end], []byte("."))
		case C.TAG_MODULE:
			st.Module = identifier(name(start, end))
		case C.TAG_NAME:
			st.Names = append(st.Names, Name{Name: identifier(name(start, end))})
		case C.TAG_AS:
			st.Names[len(st.Names)-1].As = identifier(name(start, end))
		}
	}
	return st
}

// grammarWords returns the words that the grammar knows: not any name can stand
// for one of them.
var grammarWords = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{"True": true, "False": true, "None": true} // to it these are nodes, not words
	python := C.tree_sitter_python()
	for i := range C.ts_language_symbol_count(python) {
		if C.ts_language_symbol_type(python, C.TSSymbol(i)) == C.TSSymbolTypeAnonymous {
			all[C.GoString(C.ts_language_symbol_name(python, C.TSSymbol(i)))] = true
		}
	}
	return all
})

// found is an import statement of a file that was parsed whole.
type found struct {
	line       int
	start, end int
}

// survey parses a whole file and returns the import statements that
// tree-sitter sees in it. Its line ends must be newlines.
func survey(src []byte) []found {
	if len(src) > maxSurvey {
		return nil
	}
	p := acquire()
	if p == nil {
		return nil
	}
	defer release(p)
	out := fill(func(out []uint32) int {
		c, n := chars(src)
		return int(C.statements(p, c, n, numbers(out), C.uint32_t(len(out))))
	})
	var all []found
	for ; len(out) > 0; out = out[3:] {
		all = append(all, found{int(out[0]) + 1, int(out[1]), int(out[2])})
	}
	return all
}

// inspect parses a whole file and returns the first place in it that is no
// Python 3, nil if there is none or the file is too large. Its line ends must
// be newlines.
func inspect(src []byte) *SyntaxError {
	if len(src) > maxParse {
		return nil
	}
	p := acquire()
	if p == nil {
		return nil
	}
	defer release(p)
	var out [3]uint32
	c, n := chars(src)
	what := C.check(p, c, n, numbers(out[:]))
	if what == C.FINE || what == C.GAVE_UP {
		return nil
	}
	return &SyntaxError{
		Line: int(out[0]) + 1,
		Text: strings.TrimSpace(complaints[what] + excerpt(src, int(out[1]), int(out[2]))),
	}
}

var complaints = map[C.int]string{
	C.ERROR:    "invalid syntax",
	C.MISSING:  "something is missing",
	C.PYTHON2:  "Python 2 syntax",
	C.NO_BLOCK: "expected an indented block",
	C.INDENT:   "unexpected indentation",
	C.KEYWORD:  "misplaced keyword",
}

// excerpt quotes the first line of src[start:end], shortened.
func excerpt(src []byte, start, end int) string {
	part := src[start:min(end, len(src))]
	part, _, _ = bytes.Cut(part, []byte("\n"))
	const most = 40
	if part = bytes.TrimSpace(part); len(part) > most {
		part = append(bytes.ToValidUTF8(part[:most:most], nil), "..."...)
	}
	if len(part) == 0 {
		return ""
	}
	return " near " + strings.ToValidUTF8(string(part), "?")
}
