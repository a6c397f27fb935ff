package smartrestart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Rule files are parsed by yaml.v3, whose grammar is that of PyYAML, and their
// scalars are given the values that PyYAML's SafeLoader gives them: those of
// YAML 1.1, where yes is true, 010 is 8 and 1:30 is 90.

// readYAML returns the one document of a file; nil for an empty one. The error
// is what smart-restart prints, or says that it does not read the file.
func readYAML(src []byte) (value, map[value]int, error) {
	if err := invalidUTF8(src); err != nil {
		return nil, nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil, nil
	case err != nil:
		return nil, nil, ours("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, nil, ours("there is a second document")
	}
	c := constructor{made: make(map[*yaml.Node]value), lines: make(map[value]int)}
	v, err := c.construct(doc.Content[0])
	return v, c.lines, err
}

// invalidUTF8 is what Python says of bytes that it cannot decode. It reads a
// file by chunks, and counts from the beginning of the chunk.
func invalidUTF8(src []byte) error {
	const chunk = 8192
	at := 0
	for at < len(src) {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	if at == len(src) {
		return nil
	}
	if at >= chunk {
		return ours("it is not UTF-8 from byte %d on", at)
	}
	rest := src[at:]
	good := validPrefix(rest)
	what := "invalid continuation byte"
	switch {
	case good == 0:
		what = "invalid start byte"
	case good == len(rest):
		// It waits for more, by itself, until the file ends.
		what, at = "unexpected end of data", 0
	}
	where := fmt.Sprintf("byte 0x%02x in position %d", rest[0], at)
	if good > 1 {
		where = fmt.Sprintf("bytes in position %d-%d", at, at+good-1)
	}
	return fmt.Errorf("'utf-8' codec can't decode %s: %s", where, what)
}

// validPrefix returns how many bytes of a sequence that is not UTF-8 could
// begin one that is; 0 if the first cannot.
func validPrefix(b []byte) int {
	for n := min(3, len(b)); n > 0; n-- {
		for _, tail := range []string{"\x80", "\x80\x80", "\x80\x80\x80", "\xbf", "\xbf\xbf", "\xbf\xbf\xbf", "\x90\x80\x80"} {
			if r, size := utf8.DecodeRuneInString(string(b[:n]) + tail); r != utf8.RuneError && size == n+len(tail) {
				return n
			}
		}
	}
	return 0
}

// constructor makes values of nodes. A node that several aliases stand for is
// made once, so that what is small in the file stays small.
type constructor struct {
	made map[*yaml.Node]value
	// lines has where lists and dicts stand.
	lines map[value]int
	depth int
}

// maxDepth is about what Python's stack has room for.
const maxDepth = 300

func (c *constructor) construct(n *yaml.Node) (value, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v, ok := c.made[n]; ok {
		return v, nil
	}
	if c.depth++; c.depth > maxDepth {
		return nil, ours("line %d: nested too deeply", n.Line)
	}
	defer func() { c.depth-- }()
	tag := tagOf(n)
	switch {
	case n.Kind == yaml.ScalarNode:
		v, err := scalar(tag, n.Value)
		if err == nil {
			c.made[n] = v
		}
		return v, err
	case n.Kind == yaml.SequenceNode && tag == "!!seq":
		l := &list{items: make([]value, 0, len(n.Content))}
		c.made[n], c.lines[l] = l, n.Line
		for _, item := range n.Content {
			v, err := c.construct(item)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, v)
		}
		return l, nil
	case n.Kind == yaml.MappingNode && tag == "!!map":
		d := new(dict)
		c.made[n], c.lines[d] = d, n.Line
		pairs, err := c.flatten(n, nil)
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			key, err := c.key(pairs[i])
			if err != nil {
				return nil, err
			}
			v, err := c.construct(pairs[i+1])
			if err != nil {
				return nil, err
			}
			if !d.set(key, v) {
				return nil, ours("line %d: a list or a mapping cannot be a key", pairs[i].Line)
			}
		}
		return d, nil
	}
	return nil, ours("line %d: the tag %s has no meaning here", n.Line, tag)
}

// key makes the value of a key: "=" is one.
func (c *constructor) key(n *yaml.Node) (value, error) {
	if n.Kind == yaml.ScalarNode && tagOf(n) == "!!value" {
		return n.Value, nil
	}
	return c.construct(n)
}

// flatten returns the keys and values of a mapping, those that "<<" merges
// first, so that later ones win: its own over merged ones.
func (c *constructor) flatten(n *yaml.Node, open []*yaml.Node) (pairs []*yaml.Node, err error) {
	if slices.Contains(open, n) || len(open) > maxDepth {
		return nil, ours("line %d: a mapping is merged into itself", n.Line)
	}
	open = append(open, n)
	var merged, own []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, from := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || tagOf(key) != "!!merge" {
			own = append(own, key, from)
			continue
		}
		if from.Kind == yaml.AliasNode {
			from = from.Alias
		}
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = slices.Clone(from.Content)
			slices.Reverse(sources)
		}
		for _, source := range sources {
			if source.Kind == yaml.AliasNode {
				source = source.Alias
			}
			if source.Kind != yaml.MappingNode {
				return nil, ours("line %d: << wants a mapping", source.Line)
			}
			more, err := c.flatten(source, open)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			if len(merged) > maxMerged {
				return nil, ours("line %d: << merges more than %d keys", n.Line, maxMerged/2)
			}
		}
	}
	return append(merged, own...), nil
}

// maxMerged bounds what merges of merges can grow to.
const maxMerged = 200_000

// tagOf returns the tag of a node: the one that is written, or the one that
// its kind and text imply.
func tagOf(n *yaml.Node) string {
	switch {
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!":
		return n.ShortTag()
	case n.Kind == yaml.SequenceNode:
		return "!!seq"
	case n.Kind == yaml.MappingNode:
		return "!!map"
	case n.Style&yaml.TaggedStyle != 0,
		n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return "!!str"
	}
	for _, implicit := range implicits {
		if strings.Contains(implicit.first, n.Value[:min(1, len(n.Value))]) && implicit.form.MatchString(n.Value) {
			return implicit.tag
		}
	}
	return "!!str"
}

// implicits are the forms of plain scalars that are no texts, in PyYAML's order.
var implicits = []struct {
	tag   string
	form  *regexp.Regexp
	first string // characters that it can begin with
}{
	{"!!bool", regexp.MustCompile(`^(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`), "yYnNtTfFoO"},
	{"!!float", regexp.MustCompile(`^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*([eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`), "-+0123456789."},
	{"!!int", regexp.MustCompile(`^([-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+)$`), "-+0123456789"},
	{"!!merge", regexp.MustCompile(`^<<$`), "<"},
	{"!!null", regexp.MustCompile(`^(~|null|Null|NULL|)$`), "~nN"},
	{"!!timestamp", regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}|` + momentForm + `)$`), "0123456789"},
	{"!!value", regexp.MustCompile(`^=$`), "="},
}

// momentForm is a date with a time.
const momentForm = `([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})([Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})` +
	`(\.[0-9]*)?([ \t]*(Z|([-+])([0-9]{1,2})(:([0-9]{2}))?))?`

var moment = regexp.MustCompile(`^` + momentForm + `$`)

// scalar makes the value of a scalar that has a tag, implied or written.
func scalar(tag, text string) (value, error) {
	switch tag {
	case "!!str":
		return text, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		switch strings.ToLower(text) {
		case "yes", "true", "on":
			return true, nil
		case "no", "false", "off":
			return false, nil
		}
	case "!!int":
		return yamlInt(text)
	case "!!float":
		return yamlFloat(text)
	case "!!timestamp":
		return yamlTime(text)
	}
	return nil, ours("the tag %s has no meaning for %q", tag, text)
}

// yamlInt reads 0b11, 0x1f, 017 and 1:30 besides plain numbers, each with
// underscores anywhere.
func yamlInt(text string) (value, error) {
	digits := strings.ReplaceAll(text, "_", "")
	if digits == "" {
		return nil, ours("%q is no number", text)
	}
	negative := digits[0] == '-'
	if negative || digits[0] == '+' {
		digits = digits[1:]
	}
	var i *big.Int
	var err error
	switch {
	case digits == "":
		return nil, ours("%q is no number", text)
	case digits == "0":
		return new(big.Int), nil
	case strings.HasPrefix(digits, "0b"):
		i, err = integer(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		i, err = integer(digits[2:], 16)
	case digits[0] == '0':
		i, err = integer(digits, 8)
	default:
		i = new(big.Int)
		for part := range strings.SplitSeq(digits, ":") {
			var n *big.Int
			if n, err = integer(part, 10); err != nil {
				break
			}
			i.Mul(i, big.NewInt(60)).Add(i, n)
		}
	}
	if err != nil {
		return nil, err
	}
	if negative {
		i.Neg(i)
	}
	return i, nil
}

func yamlFloat(text string) (value, error) {
	digits := strings.ToLower(strings.ReplaceAll(text, "_", ""))
	sign := 1.0
	if strings.HasPrefix(digits, "-") {
		sign = -1
	}
	digits = strings.TrimLeft(digits, "+-")
	switch digits {
	case ".inf":
		return sign * math.Inf(1), nil
	case ".nan":
		return math.NaN(), nil
	}
	f := 0.0
	for part := range strings.SplitSeq(digits, ":") {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("could not convert string to float: %s", quoted(part))
		}
		f = f*60 + n
	}
	return sign * f, nil
}

// yamlTime reads a date, or a date with a time, of which a zone may be known.
func yamlTime(text string) (value, error) {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // of digits
	m := moment.FindStringSubmatch(text)
	if m == nil {
		parts := strings.Split(text, "-")
		if len(parts) != 3 {
			return nil, ours("%q is no date", text)
		}
		return day(number(parts[0]), number(parts[1]), number(parts[2]))
	}
	d, err := day(number(m[1]), number(m[2]), number(m[3]))
	if err != nil {
		return nil, err
	}
	hour, minute, second := number(m[5]), number(m[6]), number(m[7])
	for _, part := range []struct {
		value, end int
		what       string
	}{{hour, 23, "hour"}, {minute, 59, "minute"}, {second, 59, "second"}} {
		if part.value > part.end {
			return nil, fmt.Errorf("%s must be in 0..%d", part.what, part.end)
		}
	}
	micro := 0
	if len(m[8]) > 1 {
		micro = number((m[8][1:] + "000000")[:6])
	}
	at := datetime{aware: m[10] != ""}
	place := time.UTC
	if m[11] != "" {
		offset := number(m[12])*60*60 + number(m[14])*60
		if offset >= 24*60*60 {
			return nil, ours("%q has no time zone", text)
		}
		if m[11] == "-" {
			offset = -offset
		}
		place = time.FixedZone("", offset)
	}
	at.Time = time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, micro*1000, place)
	return at, nil
}

func day(year, month, n int) (date, error) {
	switch {
	case year == 0:
		return date{}, errors.New("year 0 is out of range")
	case month < 1 || month > 12:
		return date{}, errors.New("month must be in 1..12")
	}
	t := time.Date(year, time.Month(month), n, 0, 0, 0, 0, time.UTC)
	if n < 1 || t.Day() != n {
		return date{}, errors.New("day is out of range for month")
	}
	return date{t}, nil
}
