package treesitter

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"bounce/internal/soak"
)

// TestTokens compares the pairs of testdata/treesitter/tokens.txt.
func TestTokens(t *testing.T) {
	text, err := os.ReadFile("../testdata/treesitter/tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	escapes := strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\f`, "\f", `\0`, "\x00", `\ufeff`, "\ufeff")
	for _, pair := range strings.Split(string(text), "--\n")[1:] {
		same := true
		a, b, ok := strings.Cut(pair, "==\n")
		if i := strings.Index(pair, "!=\n"); !ok || i >= 0 && i < len(a) {
			same = false
			a, b, ok = strings.Cut(pair, "!=\n")
		}
		if !ok {
			t.Fatalf("neither == nor != in %q", pair)
		}
		left, okLeft := Tokens([]byte(escapes.Replace(a)))
		right, okRight := Tokens([]byte(escapes.Replace(b)))
		if !okLeft || !okRight {
			t.Errorf("%q: %v %v", pair, okLeft, okRight)
		} else if (left == right) != same {
			t.Errorf("%q: same %v", pair, left == right)
		}
	}
}

// TestNoTokens has files that do not lex.
func TestNoTokens(t *testing.T) {
	for _, src := range []string{
		"f(", "f)", "(]", `"a`, `"""a`, "x = 1\\", "if x:\n    y\n  z\n", "if x:\n\ty\n        z\n", "a\x00b", "\x01",
		"# \xd1\f\x82\nx\n", "# coding: ascii\n# \xe9\n", "if x:\n  \\\n    y\n", `f"{a`,
	} {
		if _, ok := Tokens([]byte(src)); ok {
			t.Errorf("%q has tokens", src)
		}
	}
}

// tokensOnly is Tokens without the comments that count.
func tokensOnly(src []byte) string {
	h := tokenHash{h: sha256.New()}
	if !tokenize(src, h.put) {
		return "null"
	}
	h.flush()
	return hex.EncodeToString(h.h.Sum(nil))
}

// continued finds lines that begin with a continuation.
var continued = regexp.MustCompile(`(?m)^\x{feff}?[ \t\f]*\\\r?$`)

// TestTokenize holds the tokens of real files, and of random changes to them,
// against the tokenize module: the same tokens, and none like those of the file
// before where that module finds none.
func TestTokenize(t *testing.T) {
	python, _ := venv(t)
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	var sources []string
	var origin []int // of each source, the index of what it was made from
	for _, name := range someOf(standardLibrary(t), soak.Times(40, 1)) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := len(sources)
		sources, origin = append(sources, string(src)), append(origin, at)
		for range 3 {
			sources, origin = append(sources, scramble(r, string(src))), append(origin, at)
		}
	}
	for range soak.Times(100, 1000) {
		at := len(sources)
		src := program(r, snippets(t, 11))
		sources, origin = append(sources, src), append(origin, at)
		for range 5 {
			sources, origin = append(sources, scramble(r, src)), append(origin, at)
		}
	}
	var input []string
	for _, s := range sources {
		input = append(input, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	answers := runOracle(t, python, "tokens.py", nil, input)
	if len(answers) != len(sources) {
		t.Fatalf("%d answers for %d sources", len(answers), len(sources))
	}
	compared, cosmetic := 0, 0
	for i, s := range sources {
		want, got := string(answers[i]), tokensOnly([]byte(s))
		switch {
		case want == "unknown":
		case got == "null" && continued.MatchString(s): // by choice
		case want != "null":
			compared++
			if got != want {
				last := ""
				tokenize([]byte(s), func(kind byte, text []byte) { last += string(kind) + string(text) + " " })
				t.Errorf("not the tokens of Python 3.11:\n%s\nbut\n%s", s, last[max(0, len(last)-1000):])
			}
		case got != "null" && origin[i] != i && got == tokensOnly([]byte(sources[origin[i]])) && len(answers[origin[i]]) == len(got):
			t.Errorf("Python's tokenizer refuses what has the tokens of what it takes:\n%s", s)
		}
		if origin[i] != i && got != "null" && got == tokensOnly([]byte(sources[origin[i]])) {
			cosmetic++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sources, %d compared, %d changes were cosmetic", len(sources), compared, cosmetic)
	if compared < len(sources)/3 || cosmetic < len(sources)/20 {
		t.Error("too little compared to mean anything")
	}
}

// scramble changes a source here or there, mostly in ways that may or may not
// change its tokens.
func scramble(r *rand.Rand, src string) string {
	pieces := []string{" ", "  ", "\n", "\n\n", "# c\n", " # c", "\\\n", "\t", ";", "(", ")", ",", "=", ".", "1", "a", "e", "\"", "'", "\f", "\n    ", "f", "-"}
	for range 1 + r.IntN(3) {
		if len(src) == 0 {
			return src
		}
		i := r.IntN(len(src))
		switch r.IntN(5) {
		case 0: // a byte less
			src = src[:i] + src[i+1:]
		case 1: // a comment at the end of a line
			if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
				src = src[:i+n] + "  # scrambled" + src[i+n:]
			}
		case 2: // a blank line
			if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
				src = src[:i+n] + "\n" + src[i+n:]
			}
		default:
			src = src[:i] + pieces[r.IntN(len(pieces))] + src[i:]
		}
	}
	return src
}

func FuzzTokens(f *testing.F) {
	f.Add("if x:\n    f(1, # a\n  'b')\n")
	f.Fuzz(func(t *testing.T, src string) {
		before, ok := Tokens([]byte(src))
		if !ok || strings.ContainsRune(src, '\\') && strings.HasSuffix(src, "\\") {
			return
		}
		after, ok := Tokens([]byte(src + "\n# a comment\n\n"))
		if !ok || before != after {
			t.Errorf("a comment at the end changed the tokens of %q", src)
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	src, err := os.ReadFile(standardLibrary(b)[0])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Tokens(src)
	}
}
