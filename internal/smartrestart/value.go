package smartrestart

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A value is what PyYAML makes of a node: nil for None, bool, *big.Int,
// float64, string, date, datetime, *list or *dict. What it makes of the tags
// for binary data and for sets is left out: no rule file has those.
type value any

type list struct{ items []value }

// dict keeps the order in which keys were first given, as Python does.
type dict struct {
	keys   []value
	values map[string]value // by id
}

// date is a datetime.date, at midnight UTC.
type date struct{ time.Time }

// datetime is a datetime.datetime; aware says that it has a time zone.
type datetime struct {
	time.Time
	aware bool
}

// set adds a key or replaces its value. A number that is equal to a key is
// that key: of 1, 1.0 and true the first stays.
func (d *dict) set(key, v value) bool {
	id, ok := identity(key)
	if !ok {
		return false
	}
	if d.values == nil {
		d.values = make(map[string]value)
	}
	if _, known := d.values[id]; !known {
		d.keys = append(d.keys, key)
	}
	d.values[id] = v
	return true
}

// get returns the value of a key that is a text, and whether there is one.
func (d *dict) get(key string) (value, bool) {
	v, ok := d.values["text "+key]
	return v, ok
}

// identity returns a text that two values share exactly if Python takes them
// for the same key; ok is false for a list or a dict, which can be none.
func identity(v value) (id string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "none", true
	case bool:
		if v {
			return "number 1", true
		}
		return "number 0", true
	case *big.Int:
		return "number " + v.String(), true
	case float64:
		if v == math.Trunc(v) && !math.IsInf(v, 0) {
			i, _ := big.NewFloat(v).Int(nil)
			return "number " + i.String(), true
		}
		return "number " + python(v), true
	case string:
		return "text " + v, true
	case date:
		return "date " + python(v), true
	case datetime:
		if v.aware {
			return "moment " + v.UTC().Format(time.RFC3339Nano), true
		}
		return "datetime " + python(v), true
	}
	return "", false
}

// truth is Python's bool(v).
func truth(v value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// python is str(v), which is what print writes. Lists and dicts are never
// printed.
func python(v value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case *big.Int:
		return v.String()
	case float64:
		return float(v)
	case string:
		return v
	case date:
		return v.Format("2006-01-02")
	case datetime:
		layout := "2006-01-02 15:04:05"
		if v.Nanosecond() != 0 {
			layout += ".000000"
		}
		if v.aware {
			layout += "-07:00"
		}
		return v.Format(layout)
	}
	return fmt.Sprintf("%v", v)
}

// float writes a number as Python does: the fewest digits that tell it apart,
// with an exponent below 1e-4 and from 1e16 on.
func float(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if size := math.Abs(f); f != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// repr is Python's repr(v).
func repr(v value) string {
	switch v := v.(type) {
	case string:
		return quoted(v)
	case date:
		return fmt.Sprintf("datetime.date(%d, %d, %d)", v.Year(), v.Month(), v.Day())
	case datetime:
		s := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute())
		if micro := v.Nanosecond() / 1000; v.Second() != 0 || micro != 0 {
			s += fmt.Sprintf(", %d", v.Second())
			if micro != 0 {
				s += fmt.Sprintf(", %d", micro)
			}
		}
		if v.aware {
			s += ", tzinfo=" + zone(v)
		}
		return s + ")"
	}
	return python(v)
}

func zone(t datetime) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "datetime.timezone.utc"
	}
	days := 0
	if offset < 0 {
		days, offset = -1, offset+24*60*60
	}
	if days == 0 {
		return fmt.Sprintf("datetime.timezone(datetime.timedelta(seconds=%d))", offset)
	}
	return fmt.Sprintf("datetime.timezone(datetime.timedelta(days=-1, seconds=%d))", offset)
}

// quoted is repr of a text.
func quoted(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// compare says how Python sorts a and b; ok is false where it cannot.
func compare(a, b value) (by int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case date:
		b, ok := b.(date)
		return a.Compare(b.Time), ok
	case datetime:
		b, ok := b.(datetime)
		return a.Compare(b.Time), ok && a.aware == b.aware
	}
	x, okx := number(a)
	y, oky := number(b)
	switch {
	case !okx || !oky:
		return 0, false
	case x == nil || y == nil:
		return 0, true // what is not a number is sorted anywhere
	}
	return x.Cmp(y), true
}

// number is the value of a bool, an int or a float; nil for not a number.
func number(v value) (*big.Float, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewFloat(1), true
		}
		return new(big.Float), true
	case *big.Int:
		return new(big.Float).SetInt(v), true
	case float64:
		if math.IsNaN(v) {
			return nil, true
		}
		return big.NewFloat(v), true
	}
	return nil, false
}

// maxDigits is how long a text can be that Python makes a number of.
const maxDigits = 4300

// integer is int(s, base) for a text: blanks around it, a sign, and single
// underscores between digits are allowed, as are the digits of all scripts.
func integer(s string, base int) (*big.Int, error) {
	wrong := fmt.Errorf("invalid literal for int() with base %d: %s", base, quoted(s))
	digits := strings.TrimFunc(s, blank)
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	if digits == "" || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return nil, wrong
	}
	plain := make([]byte, 0, len(digits))
	for _, r := range digits {
		d := digit(r)
		switch {
		case r == '_':
			continue
		case d < 0 || d >= base:
			return nil, wrong
		}
		plain = append(plain, "0123456789abcdef"[d])
	}
	if base == 10 && len(plain) > maxDigits {
		//lint:ignore ST1005 the words are Python's
		return nil, fmt.Errorf("Exceeds the limit (%d digits) for integer string conversion: value has %d digits; use sys.set_int_max_str_digits() to increase the limit", maxDigits, len(plain))
	}
	i, ok := new(big.Int).SetString(string(plain), base)
	if !ok {
		return nil, wrong
	}
	if negative {
		i.Neg(i)
	}
	return i, nil
}

// digit is the value of a digit of any script, or of a letter as one.
func digit(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case '0' <= r && r <= '9':
			return int(r - '0')
		case 'a' <= r && r <= 'f':
			return int(r-'a') + 10
		case 'A' <= r && r <= 'F':
			return int(r-'A') + 10
		}
		return -1
	case unicode.Is(unicode.Nd, r):
		// Digits come in tens, from zero up, some of them in a row.
		zero := r
		for unicode.Is(unicode.Nd, zero-1) {
			zero--
		}
		return int(r-zero) % 10
	}
	return -1
}

// blank is what str.isspace says.
func blank(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }
