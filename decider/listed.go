package decider

import (
	"regexp"
	"strings"
)

// Lists of strings in Python sources are read as they are written: literals,
// other lists by their names, and sums of them. What is computed is not.

// listed returns the strings of all lists that are assigned or added to a
// name. whole is false when there is no such list, or when not all that is in
// one can be read.
func listed(src, name string) (all []string, whole bool) {
	return lists{src, map[string]bool{}}.listed(name)
}

// lists reads lists of one source.
type lists struct {
	src string
	// read has the names that were read, or are being read, and whether as a
	// whole: what is in them is there once.
	read map[string]bool
}

func (l lists) listed(name string) (all []string, whole bool) {
	if whole, ok := l.read[name]; ok {
		return nil, whole
	}
	l.read[name] = true // it may be added to itself
	defer func() { l.read[name] = whole }()
	set := regexp.MustCompile(`(?m)^[ \t]*` + regexp.QuoteMeta(name) + `(?:\s*(?::[^=\n]+)?\+?=[ \t]*|\.(?:append|extend|insert)(\())`)
	found := set.FindAllStringSubmatchIndex(l.src, -1)
	whole = len(found) > 0
	for _, at := range found {
		depth := 0
		if at[2] >= 0 {
			depth = 1 // within the brackets of a call
		}
		more, ok := l.expression(at[1], depth)
		all = append(all, more...)
		whole = whole && ok
	}
	return all, whole
}

var word = regexp.MustCompile(`^[\pL_][\pL\pN_.]*`)

// expression reads the expression at i, from within depth brackets to their
// end, or else to the end of the line.
func (l lists) expression(i, depth int) (all []string, whole bool) {
	begun := depth
	for whole = true; i < len(l.src); i++ {
		switch b := l.src[i]; b {
		case ' ', '\t', '\r', '+', '*', ',', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		case '\\':
			i++
		case '\n', ';':
			if depth == 0 {
				return all, whole
			}
		case '#':
			n := strings.IndexByte(l.src[i:], '\n')
			if n < 0 {
				return all, whole
			}
			i += n - 1
		case '[', '(':
			depth++
		case ']', ')':
			if depth--; depth == 0 && begun > 0 || depth < 0 {
				return all, whole
			}
		case '"', '\'':
			n := strings.IndexByte(l.src[i+1:], b)
			if n < 0 {
				return all, false
			}
			all = append(all, l.src[i+1:i+1+n])
			i += n + 1
		default:
			name := word.FindString(l.src[i:])
			if name == "" {
				return all, false
			}
			i += len(name) - 1
			more, ok := l.listed(name)
			all = append(all, more...)
			whole = whole && ok
		}
	}
	return all, whole
}
