package warm

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, m := range [][][]string{nil, {{}}, {{"a"}}, {{"a", ""}, {}, {"3", "b\nc"}}} {
		verb, lists, err := decode(encode("verb", m...))
		if err != nil || verb != "verb" || fmt.Sprintf("%q", lists) != fmt.Sprintf("%q", m) {
			t.Errorf("%q: %q %q %v", m, verb, lists, err)
		}
	}
	for _, text := range []string{"", "a", "a\x00-1\x00", "a\x002\x00b\x00", "a\x00x\x00", "a\x001\x00", "a\x0099999999999999999999\x00"} {
		if _, _, err := decode([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// FuzzDecode: what a process that runs foreign code says is read or refused.
func FuzzDecode(f *testing.F) {
	f.Add(encode("loaded"))
	f.Add(encode("bad", []string{"a", "b"}))
	f.Add([]byte("x\x003\x00a\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		verb, lists, err := decode(text)
		if err != nil {
			return
		}
		again, same, err := decode(encode(verb, lists...))
		if err != nil || again != verb || len(lists) > 0 && !reflect.DeepEqual(same, lists) || strings.Contains(verb, "\x00") {
			t.Errorf("%q: %q %q %v", text, again, same, err)
		}
	})
}
