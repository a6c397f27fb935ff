package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of a file. They are far above what people write, and low enough that
// a hostile file costs milliseconds.
const (
	maxBytes = 1 << 20
	maxDepth = 64
	// maxAliased bounds the nodes that aliases and merges stand for, which
	// can be exponentially more than the file has.
	maxAliased = 10_000
	// maxKey bounds a key, in bytes: keys are repeated in every path.
	maxKey = 256
)

// kind is what a node of the tree is.
type kind int

const (
	scalar kind = iota
	list
	mapping
)

// node is one value of the file. Aliases are replaced by what they stand for
// and merge keys (<<) are merged, so that whoever reads the tree sees three
// kinds and no tricks. This is the only file that knows yaml.v3.
type node struct {
	kind kind
	pos  place
	// tag is what a scalar was resolved to, such as "!!int"; text is how it
	// is written, which is what counts where text is wanted: no, 8000 and
	// 1.10 stay as they are.
	tag, text string
	// wrong says that a mistake was found here: nobody is to judge it again.
	wrong bool
	items []*node // of a list
	pairs []pair  // of a mapping, in the order of the file
}

// pair is one key of a mapping and its value.
type pair struct {
	key   string
	pos   place // of the key
	value *node
}

// place is where something stands, from 1; the zero place is unknown.
type place struct{ line, column int }

// get returns the value of key, nil when there is none.
func (n *node) get(key string) *node {
	if n.kind != mapping {
		return nil
	}
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// null reports a value that was left empty.
func (n *node) null() bool { return n.kind == scalar && n.tag == "!!null" }

// words names what n is, for messages.
func (n *node) words() string {
	switch n.kind {
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	}
	if n.tag == "!!int" || n.tag == "!!float" {
		return "the number " + n.shown()
	}
	return n.shown()
}

// shown is a scalar as it is written, for messages; text is in quotes.
func (n *node) shown() string {
	switch n.tag {
	case "!!null":
		return "nothing"
	case "!!int", "!!float", "!!bool":
		return strings.Trim(quoted(n.text), `"`)
	}
	return quoted(n.text)
}

// parseTree reads the one document of a YAML or JSON file. The errors have no
// File yet. The node is nil when there is nothing to go on with.
func parseTree(data []byte) (*node, Errors) {
	if len(data) > maxBytes {
		return nil, Errors{{Text: "the file is larger than 1 MiB", Hint: "no configuration needs that; is this the right file?"}}
	}
	if at, bad := invalidUTF8(data); bad {
		return nil, Errors{{Line: at.line, Column: at.column, Text: "the file is not UTF-8 from here on", Hint: "save it as UTF-8"}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, Errors{{Text: "the file is empty", Hint: `write at least {} or "services:"`}}
	case err != nil:
		return nil, Errors{syntaxError(err, data)}
	}
	var more yaml.Node
	switch err := dec.Decode(&more); {
	case err == nil:
		return nil, Errors{{Line: more.Line, Column: more.Column, Text: "a second document begins here", Hint: "one file holds one configuration: remove the line ---"}}
	case !errors.Is(err, io.EOF):
		return nil, Errors{syntaxError(err, data)}
	}
	b := builder{}
	root := b.build(doc.Content[0], 1)
	if b.stopped {
		return nil, b.errs
	}
	return root, b.errs
}

// invalidUTF8 finds the first byte that is not UTF-8. Files in UTF-16 are left
// to yaml.v3, which knows their byte order marks.
func invalidUTF8(data []byte) (place, bool) {
	if utf8.Valid(data) || bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return place{}, false
	}
	at := place{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if at.column++; r == '\n' {
			at = place{at.line + 1, 1}
		}
		data = data[size:]
	}
	return at, true
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// countedFromZero matches the errors of yaml.v3's parser. Those of its
	// scanner count lines from 1; neither names the first line at all.
	countedFromZero = regexp.MustCompile(`^did not find expected (',' or|key|'-' indicator|node content|<)`)
)

// syntaxError gives an error of yaml.v3 our form. It knows no columns.
func syntaxError(err error, data []byte) Error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	e := Error{Line: 1}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
		if countedFromZero.MatchString(text) {
			e.Line++
		}
	}
	e.Text = "not YAML: " + strings.Trim(quoted(text), `"`)
	if i := bytes.IndexFunc(data, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r) }); i >= 0 {
		before := data[:i]
		start := bytes.LastIndexByte(before, '\n') + 1
		e.Line, e.Column = bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[start:])+1
		e.Text, e.Hint = "not YAML: a control character", "remove it"
		return e
	}
	lines := bytes.Split(data, []byte("\n"))
	// yaml.v3 names the line it was in or the one before.
	for _, i := range []int{e.Line - 1, e.Line} {
		if i < 0 || i >= len(lines) {
			continue
		}
		indent := lines[i][:len(lines[i])-len(bytes.TrimLeft(lines[i], " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
			e.Line, e.Column, e.Hint = i+1, tab+1, "indent with spaces, not with tabs"
			return e
		}
	}
	switch {
	case strings.Contains(e.Text, "mapping values are not allowed"):
		e.Hint = `put quotes around text that contains ": "`
	case strings.Contains(e.Text, "expected key"):
		e.Hint = "is it indented as the keys above it?"
	case strings.Contains(e.Text, "expected ','"):
		e.Hint = "is a comma missing, or a closing bracket?"
	}
	return e
}

// builder makes a tree of nodes from one of yaml.v3's.
type builder struct {
	errs    Errors
	aliased int          // nodes built behind aliases so far
	open    []*yaml.Node // anchors being built, outermost first
	stopped bool         // a bound was passed: one mistake says so, not thousands
}

func (b *builder) fail(at *yaml.Node, text, hint string) *node {
	b.errs = append(b.errs, Error{Line: at.Line, Column: at.Column, Text: text, Hint: hint})
	return &node{wrong: true, pos: place{at.Line, at.Column}}
}

// stop is fail for a bound, after which nothing more is built.
func (b *builder) stop(at *yaml.Node, text, hint string) *node {
	n := b.fail(at, text, hint)
	b.stopped = true
	return n
}

func (b *builder) build(y *yaml.Node, depth int) *node {
	n := &node{pos: place{y.Line, y.Column}}
	if b.stopped {
		return n
	}
	if depth > maxDepth {
		return b.stop(y, fmt.Sprintf("nested more than %d deep", maxDepth), "")
	}
	if len(b.open) > 0 {
		if b.aliased++; b.aliased > maxAliased {
			return b.stop(y, fmt.Sprintf("aliases stand for more than %d values", maxAliased), "write fewer of them")
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return b.alias(y, depth)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			n.items = append(n.items, b.build(item, depth+1))
		}
	case yaml.MappingNode:
		n.kind = mapping
		b.mapping(n, y, depth)
	default:
		n.tag, n.text = y.ShortTag(), y.Value
		switch n.tag {
		case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp":
		default:
			return b.fail(y, fmt.Sprintf("the tag %s means nothing here", quoted(n.tag)), "remove it")
		}
		if strings.Contains(n.text, "\x00") {
			return b.fail(y, "text with a NUL character", "no command, path or variable can hold one")
		}
	}
	return n
}

// alias builds what an alias stands for.
func (b *builder) alias(y *yaml.Node, depth int) *node {
	for _, open := range b.open {
		if open == y.Alias {
			return b.fail(y, fmt.Sprintf("the anchor %s contains itself", quoted(y.Value)), "")
		}
	}
	b.open = append(b.open, y.Alias)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	return b.build(y.Alias, depth)
}

// mapping fills n with the keys of y. A key given in y wins over a merged
// one, and an earlier merge over a later one.
func (b *builder) mapping(n *node, y *yaml.Node, depth int) {
	first := map[string]place{}
	var merges []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			b.fail(key, "a key must be a word", "lists and mappings cannot be keys")
			continue
		}
		if len(key.Value) > maxKey {
			b.fail(key, fmt.Sprintf("a key of %d characters", len(key.Value)), fmt.Sprintf("keys have %d at most", maxKey))
			continue
		}
		built := b.build(value, depth+1)
		if key.ShortTag() == "!!merge" {
			merges = append(merges, built)
			continue
		}
		if at, ok := first[key.Value]; ok {
			b.fail(key, fmt.Sprintf("the key %q is given twice", key.Value), fmt.Sprintf("the first is on line %d", at.line))
			continue
		}
		first[key.Value] = place{key.Line, key.Column}
		n.pairs = append(n.pairs, pair{key.Value, place{key.Line, key.Column}, built})
	}
	for _, m := range merges {
		for _, source := range mergeSources(m) {
			if source.kind != mapping {
				b.errs = append(b.errs, Error{Line: source.pos.line, Column: source.pos.column, Text: "<< wants a mapping, not " + source.words(), Hint: "as in <<: *name"})
				continue
			}
			for _, p := range source.pairs {
				if _, ok := first[p.key]; !ok {
					first[p.key] = p.pos
					n.pairs = append(n.pairs, p)
				}
			}
		}
	}
}

// mergeSources returns what a merge key names: one mapping or a list of them.
func mergeSources(n *node) []*node {
	if n.kind == list {
		return n.items
	}
	return []*node{n}
}
