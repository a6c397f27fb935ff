package configs

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// places says where the value at a path such as "services.api.stop.grace"
// stands, and where its key does, so that a mistake that shows only when the
// whole is known has a line too.
type places map[string]struct{ key, value place }

// decoder fills structs from a tree. It goes on after a mistake: all of them
// are reported together.
type decoder struct {
	errs Errors
	at   places
	// fresh has the value that a new struct of a type starts as, when that is
	// not its zero value: the defaults of services and actions.
	fresh map[reflect.Type]reflect.Value
}

// selfDecoding is a type that can be written in several forms. An
// implementation reads structs and lists through d, never by itself: that is
// what keeps unknown keys refused.
type selfDecoding interface {
	decode(d *decoder, n *node, path string, tag reflect.StructTag)
}

func (d *decoder) fail(at place, text, hint string) {
	d.errs = append(d.errs, Error{Line: at.line, Column: at.column, Text: text, Hint: hint})
}

// wrong reports a value of the wrong kind.
func (d *decoder) wrong(n *node, path, wants string, tag reflect.StructTag) {
	hint := ""
	if example := tag.Get("example"); example != "" {
		hint = "for example " + lastKey(path) + ": " + example
	}
	d.fail(n.pos, fmt.Sprintf("%s wants %s, not %s", path, wants, n.words()), hint)
}

// value decodes n into v. tag is that of the field v came from.
func (d *decoder) value(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	d.place(path, n.pos, n.pos)
	if n.wrong {
		return
	}
	if s, ok := v.Addr().Interface().(selfDecoding); ok {
		s.decode(d, n, path, tag)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.entries(n, v, path, tag)
	case reflect.Slice:
		d.list(n, v, path, tag)
	case reflect.String:
		if text, ok := d.text(n, path, tag); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		d.boolean(n, v, path, tag)
	case reflect.Int:
		d.integer(n, v, path, tag)
	case reflect.Float64:
		d.float(n, v, path, tag)
	default:
		panic("bug: no decoding for " + v.Type().String())
	}
}

func (d *decoder) place(path string, key, value place) {
	if was, ok := d.at[path]; ok {
		key = was.key
	}
	d.at[path] = struct{ key, value place }{key, value}
}

// structure decodes a mapping into the fields of v that it has keys for, and
// leaves the others as they are. Nothing at all is an empty mapping.
func (d *decoder) structure(n *node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	if n.null() {
		d.missing(n, path, fields, "")
		return
	}
	if n.kind != mapping {
		hint := "it has the keys " + keysOf(fields)
		if i := slices.IndexFunc(fields, field.required); i >= 0 && n.kind == scalar {
			hint = fmt.Sprintf("write {%s: %s}", fields[i].key, quoted(n.text))
		}
		d.fail(n.pos, fmt.Sprintf("%s wants a mapping, not %s", named(path), n.words()), hint)
		return
	}
	meant := ""
	for _, p := range n.pairs {
		f, ok := fields.byKey(p.key)
		if !ok {
			meant = d.unknown(p, path, fields)
			continue
		}
		inner := child(path, p.key)
		d.place(inner, p.pos, p.value.pos)
		d.value(p.value, v.FieldByIndex(f.index), inner, f.tag)
	}
	d.missing(n, path, fields, meant)
}

// missing reports the keys that must be there and are not, but for meant, of
// which there is a misspelling.
func (d *decoder) missing(n *node, path string, fields fields, meant string) {
	for _, f := range fields {
		if f.required() && n.get(f.key) == nil && f.key != meant {
			d.fail(d.at[path].key, fmt.Sprintf("%s has no %s", named(path), f.key), "for example "+f.key+": "+f.tag.Get("example"))
		}
	}
}

// unknown reports a key that a struct does not have, and returns the one that
// was probably meant.
func (d *decoder) unknown(p pair, path string, fields fields) (near string) {
	text := fmt.Sprintf("unknown key %q", p.key)
	if path != "" {
		text += " in " + path
	}
	near = nearest(p.key, fields.keys())
	if near == "" {
		d.fail(p.pos, text, "the keys here are "+keysOf(fields))
		return ""
	}
	hint := fmt.Sprintf("did you mean %s?", near)
	if f, _ := fields.byKey(near); f.tag.Get("example") != "" {
		hint = fmt.Sprintf("did you mean %s: %s?", near, f.tag.Get("example"))
	}
	d.fail(p.pos, text, hint)
	return near
}

// entries decodes a mapping whose keys are names.
func (d *decoder) entries(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	if n.null() {
		return
	}
	if n.kind != mapping {
		d.wrong(n, path, "a mapping from names", tag)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range n.pairs {
		inner := child(path, p.key)
		d.place(inner, p.pos, p.value.pos)
		entry := d.make(v.Type().Elem())
		d.value(p.value, entry, inner, tag)
		v.SetMapIndex(reflect.ValueOf(p.key), entry)
	}
}

// list decodes a list. Nothing at all is an empty one.
func (d *decoder) list(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	if n.null() {
		v.SetZero()
		return
	}
	if n.kind != list {
		d.wrong(n, path, "a list", tag)
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, item := range n.items {
		entry := d.make(v.Type().Elem())
		d.value(item, entry, element(path, i), tag)
		out = reflect.Append(out, entry)
	}
	v.Set(out)
}

// make returns a new value of type t, settable, with its defaults.
func (d *decoder) make(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	if def, ok := d.fresh[t]; ok {
		v.Set(def)
	}
	return v
}

// text returns a scalar as it is written: 8000, no and 1.10 are the text that
// the user sees. Words out of an enum are checked.
func (d *decoder) text(n *node, path string, tag reflect.StructTag) (string, bool) {
	if n.kind != scalar || n.null() {
		if n.null() {
			d.fail(n.pos, path+" wants text, not nothing", `write "" for empty text, or remove the key`)
		} else {
			d.wrong(n, path, "text", tag)
		}
		return "", false
	}
	if enum := tag.Get("enum"); enum != "" {
		words := strings.Split(enum, "|")
		for _, w := range words {
			if n.text == w {
				return w, true
			}
		}
		hint := "write " + anyOf(words)
		if near := nearest(strings.TrimPrefix(strings.ToUpper(n.text), "SIG"), words); near != "" {
			hint = fmt.Sprintf("did you mean %s? It can be %s", near, anyOf(words))
		}
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, quoted(n.text)), hint)
		return "", false
	}
	return n.text, true
}

// anyOf lists alternatives.
func anyOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// switches are words that mean true or false where a key wants that, and text
// everywhere else: YAML 1.2 has only true and false, YAML 1.1 had all of these.
var switches = map[string]bool{
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

func (d *decoder) boolean(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	on, ok := switches[n.text]
	if n.kind == scalar && n.tag == "!!bool" {
		on, ok = strings.EqualFold(n.text, "true"), true
	}
	if n.kind != scalar || !ok {
		d.wrong(n, path, "true or false", tag)
		return
	}
	v.SetBool(on)
}

func (d *decoder) integer(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	// Base 0 reads 0x1f, 0o17 and 1_000, and 017 as octal, as yaml.v3 does.
	i, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64)
	if n.kind != scalar || n.tag != "!!int" || err != nil {
		d.wrong(n, path, "a whole number", tag)
		return
	}
	if d.within(n, float64(i), path, tag) {
		v.SetInt(i)
	}
}

func (d *decoder) float(n *node, v reflect.Value, path string, tag reflect.StructTag) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	if n.kind != scalar || n.tag != "!!int" && n.tag != "!!float" || err != nil || math.IsNaN(f) {
		d.wrong(n, path, "a number", tag)
		return
	}
	if d.within(n, f, path, tag) {
		v.SetFloat(f)
	}
}

// within checks a number against the bounds in tag.
func (d *decoder) within(n *node, f float64, path string, tag reflect.StructTag) bool {
	low, high := tag.Get("min"), tag.Get("max")
	if min, err := strconv.ParseFloat(low, 64); err == nil && f < min {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.shown()), "it must be at least "+low)
		return false
	}
	if max, err := strconv.ParseFloat(high, 64); err == nil && f > max {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.shown()), "it can be at most "+high)
		return false
	}
	return true
}

// field is a field of a struct that has a key in files.
type field struct {
	key   string
	index []int
	tag   reflect.StructTag
}

func (f field) required() bool { return f.tag.Get("required") != "" }

type fields []field

// fieldsOf returns the fields of a struct that have keys, in their order, with
// those of embedded structs among them.
func fieldsOf(t reflect.Type) fields {
	var fs fields
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append(slices.Clone(f.Index), inner.index...)
				fs = append(fs, inner)
			}
			continue
		}
		if key := f.Tag.Get("json"); key != "" && key != "-" {
			fs = append(fs, field{key, f.Index, f.Tag})
		}
	}
	return fs
}

func (fs fields) byKey(key string) (field, bool) {
	for _, f := range fs {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func (fs fields) keys() []string {
	keys := make([]string, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	return keys
}

func keysOf(fs fields) string { return strings.Join(fs.keys(), ", ") }

// child and element extend a path. A name that would make the path ambiguous
// or unprintable is quoted.
func child(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\" ") || printable(key) != key {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// lastKey returns the key that a path ends with, without indexes.
func lastKey(path string) string {
	if i := strings.IndexByte(path, '['); i > 0 {
		path = path[:i]
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

// named is path for a message; the whole file has no path.
func named(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// Duration is a time span, written with a unit: 250ms, 10s, 5m, 2h, 1m30s.
// A negative one stands for never.
type Duration time.Duration

// String writes d in the units that files use, without trailing zero ones.
func (d Duration) String() string {
	if d < 0 {
		return "never"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
