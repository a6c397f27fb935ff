package decider

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Globs mean what they mean to smart-restart: a pattern is anchored at both
// ends and case-sensitive;
//
//	**/  zero or more leading segments: nothing, or anything that ends in "/"
//	**   anything, "/" included
//	*    any number of characters within a segment
//	?    one character within a segment
//
// and every other character, [ ] { } ! \ included, stands for itself. The
// longest of these wins at each place, from the left, so that "***/" is "**"
// and then "*/". A character is a code point; a byte that is not UTF-8 counts
// as one.
//
// A pattern is matched by walking all ways through it at once, so the time is
// at most proportional to the length of the pattern times that of the path.
// The literal beginning, end and middle of a pattern, which turn most paths
// away, are compared first: rules are tried against whole diffs.

// Match reports whether pattern matches all of path.
func Match(pattern, path string) bool {
	g := compile(pattern)
	return g.match(path)
}

// glob is a compiled pattern.
type glob struct {
	// prefix and suffix are the literal ends of the pattern; tokens is what
	// stands between them. A pattern without wildcards is all prefix.
	prefix, suffix string
	// inner is the longest literal within tokens.
	inner  string
	tokens []token
	exact  bool
}

// token is one wildcard, or the one character that it stands for.
type token rune

const (
	segments token = -1 - iota // **/
	anything                   // **
	star                       // *
	question                   // ?
)

func compile(pattern string) glob {
	tokens, literals := scan(pattern)
	if literals == nil {
		return glob{prefix: pattern, exact: true}
	}
	g := glob{tokens: tokens}
	for _, l := range literals[1 : len(literals)-1] {
		if len(l) > len(g.inner) {
			g.inner = l
		}
	}
	// Bytes that are not UTF-8 could cut a character of the path in two.
	if utf8.ValidString(pattern) {
		g.prefix, g.suffix = literals[0], literals[len(literals)-1]
		g.tokens = tokens[utf8.RuneCountInString(g.prefix) : len(tokens)-utf8.RuneCountInString(g.suffix)]
	}
	return g
}

// scan returns the tokens of a pattern and the literals around its wildcards,
// of which there are none in a pattern without.
func scan(pattern string) (tokens []token, literals []string) {
	start := 0
	for i := 0; i < len(pattern); {
		var t token
		n := 1
		switch rest := pattern[i:]; {
		case strings.HasPrefix(rest, "**/"):
			t, n = segments, 3
		case strings.HasPrefix(rest, "**"):
			t, n = anything, 2
		case rest[0] == '*':
			t = star
		case rest[0] == '?':
			t = question
		default:
			var r rune
			r, n = character(rest)
			t = token(r)
		}
		if t < 0 {
			literals = append(literals, pattern[start:i])
			start = i + n
		}
		tokens = append(tokens, t)
		i += n
	}
	if literals != nil {
		literals = append(literals, pattern[start:])
	}
	return tokens, literals
}

// character decodes the first character of s. Each byte that is not UTF-8 is a
// character of its own, different from all others.
func character(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return 0xDC00 + rune(s[0]), 1
	}
	return r, n
}

func (g *glob) match(path string) bool {
	if g.exact {
		return path == g.prefix
	}
	if len(path) < len(g.prefix)+len(g.suffix) ||
		path[len(path)-len(g.suffix):] != g.suffix ||
		path[:len(g.prefix)] != g.prefix {
		return false
	}
	path = path[len(g.prefix) : len(path)-len(g.suffix)]
	switch {
	case len(g.tokens) == 1:
		switch g.tokens[0] {
		case anything:
			return true
		case segments:
			return path == "" || path[len(path)-1] == '/'
		case star:
			return strings.IndexByte(path, '/') < 0
		}
	case len(g.tokens) == 2 && g.tokens[0] == segments && g.tokens[1] == star:
		return true // the last "/" parts the two
	}
	return strings.Contains(path, g.inner) && g.walk(path)
}

// admits reports whether a path with these ends may match.
func (g *glob) admits(e ends) bool {
	head := min(len(g.prefix), len(e.head))
	tail := min(len(g.suffix), len(e.tail))
	return g.prefix[:head] == e.head[:head] &&
		g.suffix[len(g.suffix)-tail:] == e.tail[len(e.tail)-tail:]
}

// walk matches path against the tokens. A state is the number of tokens that
// are done with; a set of states has one bit for each.
func (g *glob) walk(path string) bool {
	words := len(g.tokens)/64 + 1
	var small [2][2]uint64 // spares an allocation up to 127 tokens
	now, next := small[0][:], small[1][:]
	if words > len(now) {
		now, next = make([]uint64, words), make([]uint64, words)
	}
	g.enter(now, 0)
	for len(path) > 0 {
		r, n := character(path)
		path = path[n:]
		clear(next)
		alive := false
		for w, word := range now {
			for ; word != 0; word &= word - 1 {
				state := w*64 + bits.TrailingZeros64(word)
				if state < len(g.tokens) && g.step(next, state, r) {
					alive = true
				}
			}
		}
		if !alive {
			return false
		}
		now, next = next, now
	}
	return now[len(g.tokens)/64]&(1<<(len(g.tokens)%64)) != 0
}

// enter adds a state, and those that follow it without a character.
func (g *glob) enter(set []uint64, state int) {
	for ; ; state++ {
		set[state/64] |= 1 << (state % 64)
		if state == len(g.tokens) || g.tokens[state] >= 0 || g.tokens[state] == question {
			return
		}
	}
}

// step adds the states that r leads to from state, and reports whether there
// are any.
func (g *glob) step(set []uint64, state int, r rune) bool {
	switch t := g.tokens[state]; t {
	case segments:
		// Once begun, "**/" is left only behind a "/".
		set[state/64] |= 1 << (state % 64)
		if r == '/' {
			g.enter(set, state+1)
		}
	case anything:
		g.enter(set, state)
	case star:
		if r == '/' {
			return false
		}
		g.enter(set, state)
	case question:
		if r == '/' {
			return false
		}
		g.enter(set, state+1)
	default:
		if token(r) != t {
			return false
		}
		g.enter(set, state+1)
	}
	return true
}
